"""Sandbox errors from a child's report, crash or time-out, in the operator's words."""

from collections.abc import Mapping
from typing import Any, Final

from app.brains import limits
from app.brains.sandbox.advice.advice import advise
from app.brains.sandbox.circuit_breaker import SOURCE
from app.brains.sandbox.process import Child
from app.brains.sandbox.protocol import ChildResponse
from app.brains.sandbox.types import SandboxError, Source, build_excerpt
from app.text import to_storable

_KINDS: Final = frozenset({"syntax", "rule", "error", "time", "memory", "limit", "crash", "call"})
_SHORTER: Final = "Look for a loop that does not end, or do less in one run."


def from_report(source: Source, answer: ChildResponse, micros: int) -> SandboxError:
    """Build the error of a child's report, which is not trusted."""
    report = answer.error or {}
    kind = report.get("kind")
    message, fix = advise(report, source.text, source.language)
    line, column, end_column = _parse_position(report, source.text)
    return SandboxError(
        kind=kind if type(kind) is str and kind in _KINDS else "error",
        message=to_storable(message),
        fix=to_storable(fix),
        line=line,
        column=column,
        end_column=end_column,
        excerpt=build_excerpt(source.text, line),
        output=answer.output,
        fx=answer.fx,
        usage=answer.usage,
        micros=micros,
    )


def build_timeout(source: Source, child: Child, micros: int) -> SandboxError:
    """Build the error of a run that exceeded the host's deadline."""
    wall = f"{limits.HARD_SECONDS * 1000:.0f} ms"
    return _build_unreported("time", f"It did not stop within {wall} and was ended.", source, child, micros)


def build_crash(source: Source, child: Child, micros: int) -> SandboxError:
    """Build the error of a child that died without a report, from its crash output."""
    if child.has_timed_out:
        message = "It did not stop when its time was over and was ended."
        return _build_unreported("time", message, source, child, micros)
    return _build_unreported("crash", "It brought its sandbox down and was ended.", source, child, micros)


def build_unavailable(message: str, fix: str = "") -> SandboxError:
    """Build the error of a run that could not start."""
    return SandboxError("sandbox", message, fix)


def build_held(what: str, command: str) -> SandboxError:
    """Build the error of a run that is held: its person's, or its command's, runs broke the sandbox (PARTY, SOURCE)."""
    name = f"“{command}”" if command else "This brain"
    message = (
        f"{name} was stopped several times within seconds for several people; it rests for a moment."
        if what == SOURCE
        else f"{name} was stopped several times within seconds in this chat; the chat rests for a moment."
    )
    return build_unavailable(message, "Look at the command's latest errors; messages wait and are answered.")


def _build_unreported(kind: str, message: str, source: Source, child: Child, micros: int) -> SandboxError:
    line = child.find_last_line()
    found = build_excerpt(source.text, line)
    return SandboxError(kind, message, _SHORTER, line if found else None, excerpt=found, micros=micros)


def _parse_position(report: Mapping[str, Any], text: str) -> tuple[int | None, int | None, int | None]:
    """Return line and columns of the operator's innermost frame, as far as they make sense."""
    trace = report.get("trace")
    frame = trace[-1] if type(trace) is list and trace else None
    if type(frame) is not list or len(frame) != 4:
        return None, None, None
    line, column, end_column = (number if type(number) is int else None for number in frame[1:])
    lines = text.count("\n") + 1
    if line is None or not 1 <= line <= lines:
        return None, None, None
    if column is None or end_column is None or not 1 <= column <= end_column <= limits.TEMPLATE_CHARS:
        return line, None, None
    return line, column, end_column
