"""Everything of a webhook that is neither message nor status, kept raw."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert

from app.bot.channels.contract import Other
from app.bot.models import Notice
from app.db import to_json

RAW_LIMIT = 256 * 1024


def keep(db: Db, others: Sequence[tuple[int | None, Other]], now: int) -> None:
    """Keep items, given with their connection's id."""
    if others:
        db.execute(insert(Notice), [_notice(connection_id, other, now) for connection_id, other in others])


def _notice(connection_id: int | None, other: Other, now: int) -> dict[str, Any]:
    payload = other.payload if isinstance(other.payload, str) else to_json(other.payload)
    return {
        "connection_id": connection_id,
        "field": other.field[:64],
        "payload": payload[:RAW_LIMIT],
        "created_at": now,
    }
