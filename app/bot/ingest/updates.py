"""Updates of stored messages by edits and deletions; webhook events that are neither message nor receipt."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import case, insert, literal_column, or_, select, update

from app.bot.health.unhandled import UNHANDLED_FIELD
from app.bot.models import Message, Notice
from app.bot.states import CHANGE_KINDS, Direction, MessageState, sql_any, sql_is
from app.channels.contract import RawItem
from app.db.schema import get_table
from app.db.statements import InList, Statement
from app.text import to_json

_message = get_table(Message).c
_SELECT_CHANGES = Statement(
    select(
        _message.connection_id,
        _message.quoted_id,
        _message.kind,
        _message.text,
        _message.direction,
        _message.provider_id,
        _message.provider_at,
        _message.created_at,
    ).where(
        # Written out: only then does the planner see that the partial index covers it.
        literal_column(sql_any("message.kind", CHANGE_KINDS)),
        InList(_message.quoted_id, "ids"),
    )
)


def apply_changes(db: Db, targets: Collection[tuple[int, str]]) -> set[int]:
    """Apply the stored edits and deletions of messages, named by connection and provider id; return changed chats.

    They are applied in the order of their own time, however often and in whatever order they came, and whether the
    message came before them or after. No brain runs again; a deleted message that waits for one is not answered.
    """
    rows = _SELECT_CHANGES.execute(db, ids=sorted({provider_id for _, provider_id in targets}))
    changes: dict[tuple[int, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        if (row["connection_id"], row["quoted_id"]) in targets:
            name = row["connection_id"], row["quoted_id"], row["direction"]
            changes.setdefault(name, []).append(row)
    return {chat_id for name in sorted(changes) for chat_id in _apply(db, name, changes[name])}


def _get_moment(row: Mapping[str, Any]) -> int:
    return row["provider_at"] or row["created_at"]


def _apply(db: Db, name: tuple[int, str, str], rows: Sequence[Mapping[str, Any]]) -> Sequence[int]:
    edits = [row for row in rows if row["kind"] == "edit"]
    deleted = [_get_moment(row) for row in rows if row["kind"] == "revoke"]
    values: dict[str, Any] = {}
    newest = max(edits, key=lambda row: (_get_moment(row), row["provider_id"]), default=None)
    if newest is not None:
        values |= {"text": newest["text"], "edited_at": _get_moment(newest)}
    if deleted:
        waits = Message.state == MessageState.NEW
        values |= {
            "revoked_at": min(deleted),
            "state": case((waits, MessageState.STORED.value), else_=Message.state),
        }
    connection_id, provider_id, direction = name
    query = update(Message).where(
        Message.connection_id == connection_id,
        Message.provider_id == provider_id,
        literal_column(sql_is("direction", direction)),
    )
    if newest is not None:
        # An edit whose row is gone may have been newer.
        known = or_(Message.edited_at.is_(None), Message.edited_at <= values["edited_at"])
        values["text"] = case((known, values["text"]), else_=Message.text)
        values["edited_at"] = case((known, values["edited_at"]), else_=Message.edited_at)
    return db.execute(query.values(values).returning(Message.chat_id)).scalars().all()


def count_repeats(db: Db, repeated: Mapping[tuple[int, str], int]) -> None:
    """Count repeated deliveries of stored messages, by connection and provider id; locked rows are skipped."""
    for (connection_id, provider_id), times in sorted(repeated.items()):
        there = (
            select(Message.id)
            .where(
                Message.connection_id == connection_id,
                Message.provider_id == provider_id,
                literal_column(sql_is("direction", Direction.IN)),
            )
            .with_for_update(skip_locked=True)
        )
        db.execute(update(Message).where(Message.id.in_(there)).values(repeats=Message.repeats + times))


RAW_LIMIT = 256 * 1024


def insert_notices(db: Db, items: Sequence[tuple[int | None, RawItem]], now: int) -> None:
    """Store items, given with the id of their connection, null for none."""
    if items:
        db.execute(
            insert(Notice), [_build_notice(connection_id, other, now) for connection_id, other in items]
        )


def _build_notice(connection_id: int | None, other: RawItem, now: int) -> dict[str, Any]:
    payload = other.payload if isinstance(other.payload, str) else to_json(other.payload)
    return {
        "connection_id": connection_id,
        "field": other.field[:64],
        "payload": payload if other.field == UNHANDLED_FIELD else payload[:RAW_LIMIT],
        "level": other.level,
        "person": other.person,
        "created_at": now,
    }
