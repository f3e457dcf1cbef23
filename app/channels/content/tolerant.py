"""Tolerant readers of JSON values: wrong types give defaults, nothing raises (specs: whatsapp A4)."""

from collections.abc import Sequence
from typing import Any

from app.text import to_storable

# The latest second accepted as a moment (year 5138): one digit more would be milliseconds already.
_MAX_SECONDS = 99_999_999_999
_MAX_LENGTH = 11
# Beyond 256 bits an integer is no identifier, and Python refuses to print the largest.
_MAX_BITS = 256


def to_text(value: object) -> str:
    """Return a text that a column can hold; empty for everything that is no text."""
    return to_storable(value) if isinstance(value, str) else ""


def to_identifier(value: object, limit: int) -> str | None:
    """Return an identifier of at most `limit` characters, sent as text or integer; None for the rest."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _MAX_BITS:
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        return None
    return to_storable(value)


def to_millis(value: object) -> int:
    """Return the milliseconds of a unix time in seconds, written as text or integer; 0 for junk."""
    if (
        isinstance(value, str)
        and len(value) <= len(str(_MAX_SECONDS))
        and value.isascii()
        and value.isdigit()
    ):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MAX_SECONDS:
        return value * 1000
    return 0


def get_list(holder: object, name: str) -> Sequence[Any]:
    """Return the list under `name`; a single object where a list belongs counts as a list of one."""
    value = holder.get(name) if isinstance(holder, dict) else None
    if isinstance(value, list):
        return value
    return () if value is None else (value,)


def to_dict(value: object) -> dict[str, Any]:
    """Return an object as it is, and an empty one for everything else."""
    return value if isinstance(value, dict) else {}
