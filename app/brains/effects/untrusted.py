"""Checks of values from an untrusted process: types, sizes, characters a database can hold."""

import math
from typing import Any, Final

from app.text import to_storable

_MAX_NUMBER: Final = 2**63 - 1
_MAX_DEPTH: Final = 20


class BadEffect(ValueError):
    """Refused effect; the text says what to change."""


def clean(value: Any, depth: int = 0) -> Any:
    """Return JSON data that any database can hold: no NUL, lone surrogate or NaN, 64 bits; raises BadEffect."""
    kind = type(value)
    if kind is str:
        return to_storable(value)
    if value is None or kind is bool:
        return value
    if kind is int or kind is float:
        return read_number(value)
    if depth >= _MAX_DEPTH:
        raise BadEffect(f"A value is nested more than {_MAX_DEPTH} deep.")
    if kind is list:
        return [clean(item, depth + 1) for item in value]
    if kind is dict and all(type(key) is str for key in value):
        return {to_storable(key): clean(item, depth + 1) for key, item in value.items()}
    raise BadEffect(
        "A value must be a text, a number, true, false, nothing, a list or a dictionary of these."
    )


def read_number(value: Any) -> int | float:
    """Return a finite number of at most 64 bits; raises BadEffect."""
    if type(value) is int:
        if not -_MAX_NUMBER <= value <= _MAX_NUMBER:
            raise BadEffect("A number has more than 64 bits.")
    elif type(value) is not float or not math.isfinite(value):
        raise BadEffect("A number must be finite.")
    return value


def read_text(value: Any, what: str, max_chars: int, min_chars: int = 1) -> str:
    """Return a trimmed text of `min_chars` to `max_chars` characters; raises BadEffect naming `what`."""
    if type(value) is not str:
        raise BadEffect(f"{what} must be a text.")
    value = to_storable(value).strip()
    if len(value) < min_chars:
        raise BadEffect(f"{what} is empty.")
    if len(value) > max_chars:
        raise BadEffect(f"{what} has {len(value):,} characters; {max_chars:,} are allowed. Shorten it.")
    return value


def read_flag(value: Any) -> bool:
    """Return true or false; raises BadEffect."""
    if type(value) is not bool:
        raise BadEffect("A switch must be true or false.")
    return value


def read_fields(entry: list[Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the only dictionary of an effect's arguments; raises BadEffect for unknown fields."""
    if len(entry) != 2 or type(entry[1]) is not dict or not entry[1].keys() <= known:
        raise BadEffect(f"The effect “{entry[0]}” has fields that are not known.")
    return entry[1]
