"""Kinds of indexed rows: their columns, the words of a row, and how the words are cut."""

import json
from collections.abc import Mapping
from typing import Final

from app.bot.full_text.shown_text import find_shown_text
from app.immutable import immutable
from app.unicode import INDEX_OPTIONS, fold, join_index_words

# Phone numbers are found by any digits in a row: each of their ends is a word.
_PHONE_SUFFIXES: Final = " || ' ' || ".join(f"substr(coalesce({{row}}.phone, ''), {n})" for n in range(1, 13))


@immutable
class Kind:
    """Table whose rows are indexed, as SQL with `{row}` for the row.

    `has`: which rows have words. `text`: what is cut into words, `digits`: words as they are. `payload`: the column
    that holds more words for the rows of `is_structured`. `columns`: those whose change changes the words.
    """

    name: str
    has: str
    text: str
    columns: str
    digits: str = "''"
    payload: str = "''"
    is_structured: str = ""


MESSAGE: Final = Kind(
    "message",
    has=(
        "({row}.text <> '' OR {row}.direction = 'in' AND {row}.kind <> 'text')"
        " AND {row}.kind NOT IN ('reaction', 'edit', 'revoke')"
    ),
    text="{row}.text",
    columns="text, payload",
    payload="{row}.payload",
    is_structured="{row}.direction = 'in' AND {row}.kind <> 'text'",
)
KINDS: Final = (
    MESSAGE,
    Kind(
        "contact",
        has="{row}.id > 0",
        text="{row}.name || ' ' || {row}.username",
        columns="name, username, phone",
        digits=_PHONE_SUFFIXES,
    ),
    Kind("note", has="{row}.deleted_at IS NULL", text="{row}.text", columns="text, deleted_at"),
)


def index_text(text: str, payload: str = "") -> str:
    """Return the words of a row, separated by spaces; `payload` is the JSON of a structured message."""
    if payload:
        shown = find_shown_text(_parse(payload))
        text = f"{text} {shown}" if shown and shown != text else text
    return join_index_words(fold(text, INDEX_OPTIONS))


def _parse(payload: str) -> Mapping[str, object]:
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        # A message is not lost because nothing can be read out of it.
        return {}
    return data if isinstance(data, Mapping) else {}
