"""Log event: what is stored and forwarded of one line, its limits, and ids that never come again."""

import itertools
import re
import secrets
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from app.immutable import immutable
from app.text import to_json, to_storable

MAX_TEXT_CHARS: Final = 16_384
MAX_DATA_CHARS: Final = 65_536
MAX_ID_CHARS: Final = 100
MAX_LOGGER_CHARS: Final = 120
MAX_SOURCE_CHARS: Final = 60
# So many numbers of sources, from 1 on, are tried for an id as its sender gave it.
_MAX_TRIED_SOURCES: Final = 1_000
_SOURCE_KEY: Final = re.compile(r"s[0-9]{1,19}:")


@immutable
class LogEvent:
    """One event; `at` and `received_at` in ms, `level` 1 to 24, `data` whatever else was said.

    `position` is its place in the store, 0 before it is stored.
    """

    event_id: str
    at: int
    received_at: int
    level: int
    source: str
    text: str
    logger: str = ""
    request_id: str | None = None
    message_id: str | None = None
    run_id: str | None = None
    chat_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    position: int = 0


class EventIds:
    """Ids of the events of one process: its own random prefix and a number."""

    def __init__(self) -> None:
        self.prefix = secrets.token_hex(8)
        self._numbers = itertools.count(1)

    def make_id(self) -> str:
        """Return a new id."""
        return f"{self.prefix}-{next(self._numbers):x}"


def join_source(source_key: str, sender_id: str) -> str:
    """Return the id an event is stored under: two sources may use the same ids."""
    return f"{source_key}:{sender_id}"


def get_sender_id(event_id: str) -> str:
    """Return the id as its sender gave it; one of Brainbox's own as it is."""
    return _SOURCE_KEY.sub("", event_id, count=1)


def list_stored_ids(event_id: str) -> list[str]:
    """List the ids an event may be stored under, of one that is whole or as its sender gave it.

    Sources that are deleted count too: their lines stay.
    """
    return [
        event_id,
        *(join_source(f"s{number}", event_id) for number in range(1, _MAX_TRIED_SOURCES + 1)),
    ]


def shorten_text(text: str, limit: int = MAX_TEXT_CHARS) -> str:
    """Return a storable text of at most `limit` characters, and how many are left out."""
    if len(text) <= limit:
        return text if text.isascii() and "\0" not in text else to_storable(text)
    return f"{to_storable(text[:limit])}… ({len(text) - limit:,} more characters)"


def dump_data(data: Mapping[str, Any]) -> str:
    """Return data as JSON for a column; data too large is cut off as one text."""
    if not data:
        return ""
    text = to_json(data)
    if len(text) <= MAX_DATA_CHARS:
        return text
    return to_json({"cut": f"{text[: MAX_DATA_CHARS // 2]}…", "characters": len(text)})
