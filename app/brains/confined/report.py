"""Error report of a run for the host: type, message, frames, known names."""

from __future__ import annotations

import itertools
import types

from .. import limits  # noqa: TID252  the package has another name in the child
from .guards import ATTRIBUTES
from .language import CallError, LanguageError, LimitReachedError, OutOfTimeError, TooManyCallsError

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Any

_KNOWN = 160
_NAME_CHARS = 60
_CONTEXTS = 8
_KINDS = (
    (OutOfTimeError, "time"),
    (MemoryError, "memory"),
    (LimitReachedError, "limit"),
    (TooManyCallsError, "limit"),
    (CallError, "call"),
    (SyntaxError, "syntax"),
)


def describe(error: BaseException, file: str) -> dict[str, Any]:
    """Return type, kind, message and the operator's frames, innermost last; columns count characters from 1.

    Where a name was not known: that `name`, and what is `known` there.
    """
    report: dict[str, Any] = {"type": _type(error), "kind": "error", "msg": "", "trace": []}
    if isinstance(error, LanguageError):
        columns = error.columns or (None, None)
        report |= {"kind": error.kind, "code": error.code, "trace": [["", error.line, *columns]]}
    for kind, name in _KINDS:
        if isinstance(error, kind):
            report["kind"] = name
    if not report["trace"]:
        report["trace"], innermost = _nearest_trace(error, file)
        if report["kind"] == "error":
            report |= _names(error, innermost)
    report["msg"] = _message(error)
    return report


def _type(error: BaseException) -> str:
    """Return the name of the error's nearest type that belongs to Python or to the language."""
    for kind in type(error).__mro__:
        if kind.__module__ == "builtins":
            if kind is Exception:
                break
            return kind.__name__
    return type(error).__name__[:_NAME_CHARS]


def _message(error: BaseException) -> str:
    """Return the error's text, shortened before it is built where it may be large."""
    args = error.args
    if not args:
        return ""
    first = args[0]
    if type(first) is str:
        return first[: limits.ERROR_CHARS]
    if type(first) is int or type(first) is float or isinstance(error, OSError):
        try:
            return str(error)[: limits.ERROR_CHARS]
        except ValueError:
            return ""
    return f"({type(first).__name__})"


def _nearest_trace(error: BaseException, file: str) -> tuple[list[list[Any]], FrameType | None]:
    """Return the frames of the error, or of its context when a clock expired on the way out."""
    found, innermost = _trace(error.__traceback__, file)
    for _ in range(_CONTEXTS):
        if found or error.__context__ is None:
            break
        error = error.__context__
        found, innermost = _trace(error.__traceback__, file)
    return found, innermost


def _trace(trace: TracebackType | None, file: str) -> tuple[list[list[Any]], FrameType | None]:
    """Return the operator's frames: the last few of many, and the innermost."""
    found: list[TracebackType] = []
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            if len(found) == limits.TRACE_FRAMES:
                del found[0]
            found.append(trace)
        trace = trace.tb_next
    return [_place(each) for each in found], found[-1].tb_frame if found else None


def _place(trace: TracebackType) -> list[Any]:
    code = trace.tb_frame.f_code
    name = "" if code.co_name == "<module>" else code.co_name[:_NAME_CHARS]
    place = next(itertools.islice(code.co_positions(), trace.tb_lasti // 2, None), (None,) * 4)
    line, end_line, column, end_column = place
    if column is None or end_column is None or line != trace.tb_lineno or column == end_column:
        return [name, trace.tb_lineno, None, None]
    # Over several lines, the place is as long as its first.
    return [name, line, column + 1, end_column + 1 if end_line == line else column + 2]


def _names(error: BaseException, frame: FrameType | None) -> dict[str, Any]:
    """Return the unknown name and the known ones, for suggestions."""
    wanted = getattr(error, "wanted", None)
    known = getattr(error, "known", ())
    if isinstance(error, NameError):
        wanted, known = error.name, _in_reach(frame)
    elif wanted is not None and known is None:
        known = _template_names(frame)
    elif type(error) is TypeError and wanted is None:
        wanted, known = _parameters(error, frame)
    if type(wanted) is int:
        wanted = str(wanted) if wanted.bit_length() < _NAME_CHARS else ""
    if type(wanted) is not str:
        return {}
    listed = [name[:_NAME_CHARS] for name in itertools.islice(known, _KNOWN) if type(name) is str]
    return {"name": wanted[:_NAME_CHARS], "known": listed}


def _in_reach(frame: FrameType | None) -> list[str]:
    """Return the names visible in a frame, its own first."""
    if frame is None:
        return []
    names = [*frame.f_locals, *reversed(frame.f_globals)]
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


def _template_names(frame: FrameType | None) -> list[str]:
    """Return the names visible to a template, when this is one of Jinja's frames."""
    context = frame.f_locals.get("context") if frame else None
    names = getattr(context, "parent", None)
    return sorted(names) if type(names) is dict else []


def _parameters(error: TypeError, frame: FrameType | None) -> tuple[str | None, list[str]]:
    """Parse `f() got an unexpected keyword argument 'x'`, and find the parameters of f."""
    text = error.args[0] if error.args and type(error.args[0]) is str else ""
    function, found, wanted = text.partition("() got an unexpected keyword argument ")
    if not found or frame is None:
        return None, []
    # Nothing is read from an object: the text may be the operator's own, and a property may raise.
    owner, _, name = function.rpartition(".")
    members = [kind.__dict__ for kind in ATTRIBUTES if kind.__dict__.get("title") == owner] if owner else []
    target = next(iter(members), frame.f_globals).get(name)
    code = target.__code__ if isinstance(target, types.FunctionType) else None
    taken = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code else ()
    return wanted.strip("'"), [each for each in taken if each != "self"]
