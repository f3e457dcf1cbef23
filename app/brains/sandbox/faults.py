"""From a child's report, its last words or its silence to a fault in the operator's words."""

from collections.abc import Mapping
from typing import Any, Final

from app.brains import limits
from app.brains.sandbox.advice import advise
from app.brains.sandbox.process import Child
from app.brains.sandbox.wire import Answer, Fault, Source, excerpt
from app.db import storable

_KINDS: Final = frozenset({"syntax", "rule", "error", "time", "memory", "limit", "crash", "call"})
_SHORTER: Final = "Look for a loop that does not end, or do less in one run."


def reported(source: Source, answer: Answer, micros: int) -> Fault:
    """Read a child's report of what went wrong; nothing in it is trusted."""
    report = answer.error or {}
    kind = report.get("kind")
    message, fix = advise(report, source.text, source.language)
    line, column, end_column = _place(report, source.text)
    return Fault(
        kind=kind if type(kind) is str and kind in _KINDS else "error",
        message=storable(message),
        fix=storable(fix),
        line=line,
        column=column,
        end_column=end_column,
        excerpt=excerpt(source.text, line),
        output=answer.output,
        fx=answer.fx,
        usage=answer.usage,
        micros=micros,
    )


def too_long(source: Source, child: Child, micros: int) -> Fault:
    """Say that the host's clock ran out."""
    wall = f"{limits.HARD_SECONDS * 1000:.0f} ms"
    return _silent("time", f"It did not stop within {wall} and was ended.", source, child, micros)


def died(source: Source, child: Child, micros: int) -> Fault:
    """Say why a child died without a report, by its last words."""
    if child.clock_rang:
        words = "It did not stop when its time was over and was ended."
        return _silent("time", words, source, child, micros)
    return _silent("crash", "It brought its sandbox down and was ended.", source, child, micros)


def unavailable(message: str, fix: str = "") -> Fault:
    """Say that a run could not even begin."""
    return Fault("sandbox", message, fix)


def _silent(kind: str, message: str, source: Source, child: Child, micros: int) -> Fault:
    line = child.last_line()
    found = excerpt(source.text, line)
    return Fault(kind, message, _SHORTER, line if found else None, excerpt=found, micros=micros)


def _place(report: Mapping[str, Any], text: str) -> tuple[int | None, int | None, int | None]:
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
