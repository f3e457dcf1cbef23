"""Tests kept in a brain, run by the real runtime and sandbox against simulated chats; nothing is sent."""

from app.brains.testing.assertions import StepResult
from app.brains.testing.suite import (
    BROKEN,
    GREEN,
    RED,
    SKIPPED,
    CaseResult,
    FailingTests,
    Suite,
    list_failing,
    require_reason,
    run_tests,
)

__all__ = [
    "BROKEN",
    "GREEN",
    "RED",
    "SKIPPED",
    "CaseResult",
    "FailingTests",
    "StepResult",
    "Suite",
    "list_failing",
    "require_reason",
    "run_tests",
]
