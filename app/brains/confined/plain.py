"""Values that may leave a script: copies of plain data within bounds, or an error in plain words."""

from __future__ import annotations

import json

from .. import limits  # noqa: TID252  the package has another name in the child
from .language import LimitReachedError
from .shapes import Record
from .texts import to_string

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from typing import Any

_DEPTH = 20
_NUMBER_MOST = 2**63 - 1
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


_KINDS = {
    "NoneType": "None",
    "str": "a text",
    "int": "a number",
    "float": "a number",
    "bool": "True or False",
    "list": "a list",
    "tuple": "a tuple",
    "dict": "a dictionary",
    "set": "a set",
    "datetime": "a moment",
    "function": "a function",
    "method": "a function",
    "CapabilityCall": "a function",
    "Namespace": "a group of functions",
    "Record": "a group of values",
}


def describe_type(value: Any) -> str:
    """Return the type of a value in plain words."""
    kind = type(value).__name__
    return _KINDS.get(kind, f"a {kind}")


def to_text(value: Any, what: str) -> str:
    """Return a text, or a number or truth value as one; raises TypeError for anything else."""
    kind = type(value)
    if kind is str:
        return value
    if kind is int or kind is float or kind is bool:
        return str(value)
    if value is None:
        raise TypeError(f"{what} is None, nothing at all, instead of a text")
    raise TypeError(f"{what} must be a text, not {describe_type(value)}")


def to_short_text(value: Any, what: str, limit: int, least: int = 1) -> str:
    """Return a trimmed text within bounds; raises TypeError, ValueError, LimitReachedError."""
    text = to_text(value, what).strip()
    if len(text) < least:
        raise ValueError(f"{what} is empty")
    if len(text) > limit:
        raise LimitReachedError(f"{what} has {len(text):,} characters; {limit:,} are allowed.")
    return text


def to_plain(value: Any, what: str, depth: int = 0) -> Any:
    """Return a copy of JSON data; raises TypeError, ValueError, LimitReachedError naming `what`."""
    kind = type(value)
    if value is None or kind is str or kind is bool:
        return value
    if kind is int or kind is float:
        return _number(value, what)
    if depth >= _DEPTH:
        raise LimitReachedError(f"{what} is nested more than {_DEPTH} deep.")
    if kind is list or kind is tuple:
        return [to_plain(item, what, depth + 1) for item in value]
    if kind is dict or kind is Record:
        return _dictionary(value if kind is dict else value.fields, what, depth)
    raise TypeError(f"{what} cannot hold {describe_type(value)}")


def _number(value: Any, what: str) -> int | float:
    if type(value) is int and not -_NUMBER_MOST <= value <= _NUMBER_MOST:
        raise LimitReachedError(f"{what} has a number with more than 64 bits.")
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124  what NaN is known by
        raise ValueError(f"{what} has a number that is not finite; check it first")
    return value


def _dictionary(value: dict[Any, Any], what: str, depth: int) -> dict[str, Any]:
    copy = {}
    for key, item in value.items():
        if type(key) is not str:
            raise TypeError(f"{what} has the key {to_string(key)[:40]}, which is no text; write str(key)")
        copy[key] = to_plain(item, what, depth + 1)
    return copy


def compute_size(value: Any) -> int:
    """Return the size of plain data as JSON, in bytes."""
    if type(value) is str and len(value) * 4 < limits.MEMORY_VALUE_BYTES // 2:
        return len(value)  # surely small enough: no need to count
    return len(_encode(value).encode("utf-8", "replace"))


def to_number(value: Any, what: str) -> int | float:
    """Return a finite number of at most 64 bits; raises TypeError, ValueError, LimitReachedError."""
    if type(value) is not int and type(value) is not float:
        raise TypeError(
            f"{what} must be a number, not {describe_type(value)}; turn a text into a number with int(text)"
        )
    return _number(value, what)
