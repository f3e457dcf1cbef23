"""The host's side of the sandbox: confined processes, no two brains in one (specs: sandbox)."""

from app.brains.sandbox.facts import Fact
from app.brains.sandbox.host import STICKY, STRICT, Level, Sandbox
from app.brains.sandbox.wire import SCRIPT, TEMPLATE, Call, Done, Fault, Job, Source

__all__ = [
    "SCRIPT",
    "STICKY",
    "STRICT",
    "TEMPLATE",
    "Call",
    "Done",
    "Fact",
    "Fault",
    "Job",
    "Level",
    "Sandbox",
    "Source",
]
