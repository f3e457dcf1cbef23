"""Values from a child, read as what a hostile process may send: types, sizes, and what a database can hold."""

import math
from typing import Any, Final

from app.db import storable, to_json

_NUMBER_MOST: Final = 2**63 - 1
_DEPTH: Final = 20


class BadEffect(ValueError):
    """An effect that is refused; the text says what to change."""


def clean(value: Any, depth: int = 0) -> Any:
    """Return JSON data that any database can hold: no NUL, lone surrogate or NaN, 64 bits; raises BadEffect."""
    kind = type(value)
    if kind is str:
        return storable(value)
    if value is None or kind is bool:
        return value
    if kind is int or kind is float:
        return number(value)
    if depth >= _DEPTH:
        raise BadEffect(f"A value is nested more than {_DEPTH} deep.")
    if kind is list:
        return [clean(item, depth + 1) for item in value]
    if kind is dict and all(type(key) is str for key in value):
        return {storable(key): clean(item, depth + 1) for key, item in value.items()}
    raise BadEffect(
        "A value must be a text, a number, true, false, nothing, a list or a dictionary of these."
    )


def number(value: Any) -> int | float:
    """Return a finite number of at most 64 bits; raises BadEffect."""
    if type(value) is int:
        if not -_NUMBER_MOST <= value <= _NUMBER_MOST:
            raise BadEffect("A number has more than 64 bits.")
    elif type(value) is not float or not math.isfinite(value):
        raise BadEffect("A number must be finite.")
    return value


def words(value: Any, what: str, most: int, least: int = 1) -> str:
    """Return a trimmed text of `least` to `most` characters; raises BadEffect naming `what`."""
    if type(value) is not str:
        raise BadEffect(f"{what} must be a text.")
    value = storable(value).strip()
    if len(value) < least:
        raise BadEffect(f"{what} is empty.")
    if len(value) > most:
        raise BadEffect(f"{what} has {len(value):,} characters; {most:,} are allowed. Shorten it.")
    return value


def flag(value: Any) -> bool:
    """Return true or false; raises BadEffect."""
    if type(value) is not bool:
        raise BadEffect("A switch must be true or false.")
    return value


def fields(entry: list[Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the one dictionary behind an effect's name; raises BadEffect."""
    if len(entry) != 2 or type(entry[1]) is not dict or not entry[1].keys() <= known:
        raise BadEffect(f"The effect “{entry[0]}” has fields that are not known.")
    return entry[1]


def value_bytes(value: Any) -> int:
    """Measure a value as the memory counts it: bytes of compact JSON."""
    return len(to_json(value))
