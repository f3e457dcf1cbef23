"""Canonical JSON of data for digests, and the size of values in bytes; texts for comparison (`fold`)."""

import json
from typing import Any

from app.text import to_ascii_json
from app.unicode import fold

__all__ = ["count_json_bytes", "dump_fields", "fold", "to_canonical_json"]


def dump_fields(value: Any) -> list[Any]:
    """Return an object with slots as JSON data: the name of its class, then its fields in order.

    The last `optional_fields` of a class are left out where they are false or empty.
    """
    dumped = [type(value).__name__, *(getattr(value, name) for name in value.__slots__)]
    for _ in range(getattr(value, "optional_fields", 0)):
        if dumped[-1]:
            break
        dumped.pop()
    return dumped


# Made once: building an encoder costs more than using it.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=dump_fields).encode


def to_canonical_json(value: Any) -> str:
    """Return the canonical JSON of data and effects: the same in every process, whatever its hash seed."""
    return _encode(value)


def count_json_bytes(value: Any) -> int:
    """Return the size of a variable's value: bytes of compact JSON."""
    return len(to_ascii_json(value))
