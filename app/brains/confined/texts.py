"""Texts of values for str(), repr(), print(), f-strings and `%`: none holds an address, which differs between runs.

A container of plain data is left to Python. One that holds an object of another kind is written here, so that the
object's address is cut where it arises and never in words that merely look like one.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo

from .shapes import Record

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
# Types whose text has neither an address nor another object in it.
_PLAIN = frozenset(
    {str, int, float, bool, complex, type(None), type(...), type, range, type(re.match("", ""))}
    | {dt.date, dt.time, dt.datetime, dt.timedelta, dt.timezone, zoneinfo.ZoneInfo}
    | {type(dt.date(2000, 1, 1).isocalendar())}
)
_VIEWS = frozenset({type({}.keys()), type({}.values()), type({}.items())})
_SEQUENCES = frozenset({list, tuple, set, frozenset}) | _VIEWS


def _list_parts(value: Any) -> Iterable[Any] | None:
    """Return what a container holds; None for an object that is no container."""
    kind = type(value)
    if kind in _SEQUENCES:
        return value
    if kind is dict:
        return [*value, *value.values()]
    if kind is Record:
        return value.fields.values()
    if kind is slice:
        return value.start, value.stop, value.step
    return value.args if isinstance(value, BaseException) else None


def _is_plain(value: Any) -> bool:
    """Tell whether Python's own text of a value holds no object of another kind."""
    if type(value) in _PLAIN:
        return True
    waiting, seen = [value], set()
    while waiting:
        each = waiting.pop()
        if type(each) in _PLAIN or id(each) in seen:
            continue
        parts = _list_parts(each)
        if parts is None:
            return False
        seen.add(id(each))
        waiting.extend(parts)
    return True


def to_string(value: Any = "") -> str:
    """Return `str(value)`."""
    if _is_plain(value):
        return str(value)
    if isinstance(value, BaseException) and len(value.args) == 1 and not isinstance(value, KeyError):
        return to_string(value.args[0])
    if isinstance(value, BaseException):
        return _write(value.args[0] if len(value.args) == 1 else value.args, ())
    return _write(value, ())


def to_repr(value: Any) -> str:
    """Return `repr(value)`."""
    return repr(value) if _is_plain(value) else _write(value, ())


def to_ascii(value: Any) -> str:
    """Return `ascii(value)`."""
    return to_repr(value).encode("ascii", "backslashreplace").decode("ascii")


def _write(value: Any, around: tuple[int, ...]) -> str:
    """Return the text of a value; `around` are the ids of the containers it stands in."""
    if type(value) in _PLAIN:
        return repr(value)
    parts = _list_parts(value)
    if parts is None:
        return _ADDRESS.sub(" at 0x0", repr(value))
    if id(value) in around:
        return "..."
    within = (*around, id(value))
    kind = type(value)
    if kind is dict or kind is Record:
        fields = value if kind is dict else value.fields
        pairs = ", ".join(f"{_write(key, within)}: {_write(item, within)}" for key, item in fields.items())
        return f"{{{pairs}}}" if kind is dict else f"{value.title} {{{pairs}}}"
    written = ", ".join(_write(each, within) for each in parts)
    return _SHAPES.get(kind, f"{kind.__name__}({{}})").format(f"{written}," if _is_single(value) else written)


_SHAPES = {list: "[{}]", tuple: "({})", set: "{{{}}}", frozenset: "frozenset({{{}}})"} | {
    view: f"{view.__name__}([{{}}])" for view in _VIEWS
}


def _is_single(value: Any) -> bool:
    return type(value) is tuple and len(value) == 1


class Written:
    """Stand-in for an object that is filled into a text with `%`: its text is the one without an address."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __str__(self) -> str:
        return to_string(self._value)

    def __repr__(self) -> str:
        return to_repr(self._value)


def to_filling(values: Any) -> Any:
    """Return the right side of `text % values` with stand-ins for what is no plain data."""
    if _is_plain(values):
        return values
    if type(values) is tuple:
        return tuple(value if _is_plain(value) else Written(value) for value in values)
    if type(values) is dict:
        return {key: value if _is_plain(value) else Written(value) for key, value in values.items()}
    return Written(values)


def find_index(items: list[Any], value: Any, *span: int) -> int:
    """Return `items.index(value)`; raises ValueError, whose text names the value."""
    try:
        return items.index(value, *span)
    except ValueError:
        raise ValueError(f"{to_repr(value)} is not in list") from None


class BoundMethod:
    """Method of a value that a template reads, called like the method itself."""

    __slots__ = ("_call", "_text")

    def __init__(self, owner: Any, name: str) -> None:
        self._call = getattr(owner, name)
        if type(owner) is list and name == "index":
            self._call = lambda *args: find_index(owner, *args)
        self._text = f"<built-in method {name} of {type(owner).__name__} object at 0x0>"

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call the method."""
        return self._call(*args, **named)

    def __repr__(self) -> str:
        return self._text
