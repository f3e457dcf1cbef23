"""Files that came with messages: noted inside transaction A, to be fetched by a worker."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert

from app.bot.models import MediaFile
from app.db import storable
from app.sql import Rows

KINDS = frozenset({"image", "video", "audio", "document", "sticker"})
# Meta wrote voice notes as a type of their own once.
_BODIES = (*sorted(KINDS), "voice")


def file_of(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a message says of its file: `id`, `mime_type`, perhaps `filename`; empty without one."""
    for name in _BODIES:
        body = payload.get(name)
        if isinstance(body, Mapping) and body.get("id"):
            return body
    return {}


def want(db: Db, stored: Rows, payloads: Mapping[tuple[int, str], Mapping[str, Any]], now: int) -> None:
    """Note the files of new messages, given by connection and provider id."""
    rows = [
        _row(row, file, now)
        for row in stored
        if (file := file_of(payloads.get((row["connection_id"], row["provider_id"]), {})))
    ]
    if rows:
        db.execute(insert(MediaFile), rows)


def _row(row: Mapping[str, Any], file: Mapping[str, Any], now: int) -> dict[str, Any]:
    return {
        "message_id": row["id"],
        "connection_id": row["connection_id"],
        "media_id": _text(file.get("id"), 255),
        "mime": _text(file.get("mime_type"), 100),
        "filename": _text(file.get("filename"), 240),
        "state": "wanted",
        "attempts": 0,
        "next_at": now,
        "created_at": now,
    }


def _text(value: object, limit: int) -> str:
    return storable(str(value or ""))[:limit]
