"""Runs the tests kept in a brain: the real runtime and sandbox, a world of their own, nothing leaves."""

from app.brains.testing.suite import (
    BROKEN,
    GREEN,
    RED,
    SKIPPED,
    CaseResult,
    Suite,
    TestsAreRed,
    failing,
    reason_to_keep,
    run_tests,
)
from app.brains.testing.verdict import StepResult

__all__ = [
    "BROKEN",
    "GREEN",
    "RED",
    "SKIPPED",
    "CaseResult",
    "StepResult",
    "Suite",
    "TestsAreRed",
    "failing",
    "reason_to_keep",
    "run_tests",
]
