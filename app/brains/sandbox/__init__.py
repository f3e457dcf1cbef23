"""Sandbox on the host's side: confined processes, never two brains in one (specs: sandbox)."""

from app.brains.sandbox.host import STICKY, STRICT, Sandbox
from app.brains.sandbox.isolation import IsolationLevel
from app.brains.sandbox.source_facts import Fact
from app.brains.sandbox.types import SCRIPT, TEMPLATE, Call, Job, RunResult, SandboxError, Source

__all__ = [
    "SCRIPT",
    "STICKY",
    "STRICT",
    "TEMPLATE",
    "Call",
    "Fact",
    "IsolationLevel",
    "Job",
    "RunResult",
    "Sandbox",
    "SandboxError",
    "Source",
]
