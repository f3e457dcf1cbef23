"""Union of two contacts that turn out to be one person: chats, messages, variables and cooldowns become one.

What is gone is recorded, also for erasures: caches of ids notice it, and no other chat gets the id.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.dialects import sqlite

from app.bot.models import Chat, ChatLabel, Contact, Cooldown, Counter, Message
from app.bot.models.run import list_cooldown_scopes
from app.brains.memory.models import Memory
from app.db.schema import Base, get_table
from app.db.statements import build_insert
from app.immutable import immutable

# The counter of the highest chat that is gone, and that of the times a contact went, by which caches of ids notice it.
GONE_CHATS = "erased.chat"
GONE_CONTACTS = "gone.contacts"
_SCOPED = (Memory, Cooldown)


@immutable
class ContactUnion:
    """Ids of a contact that became part of another one, and of its chat where it became part of the other's."""

    gone_contact_id: int
    kept_contact_id: int
    gone_chat_id: int | None = None
    kept_chat_id: int | None = None


def unite(db: Db, kept_id: int, other_id: int) -> ContactUnion:
    """Give everything of contact `other_id` to `kept_id` and delete the other; where both have a value, its own stays.

    The other chat's messages move into the kept chat, and the work that waits there with them. A worker that holds it
    loses it, and the message is handled again.
    """
    kept, other = _find_chat(db, kept_id), _find_chat(db, other_id)
    db.execute(update(Message).where(Message.contact_id == other_id).values(contact_id=kept_id))
    _move_scopes(db, f"contact:{kept_id}", f"contact:{other_id}")
    if other is not None and kept is None:
        db.execute(update(Chat).where(Chat.id == other.id).values(contact_id=kept_id))
    elif other is not None and kept is not None:
        _move_chat(db, kept, other)
    db.execute(delete(Contact).where(Contact.id == other_id))
    record_gone(db, other.id if other is not None and kept is not None else None)
    if other is None or kept is None:
        return ContactUnion(other_id, kept_id)
    return ContactUnion(other_id, kept_id, other.id, kept.id)


def record_gone(db: Db, chat_id: int | None) -> None:
    """Record that a contact is gone, and its chat, if any: SQLite must not give the id to another chat."""
    query = build_insert(db, Counter).values(name=GONE_CONTACTS, n=1)
    db.execute(query.on_conflict_do_update(index_elements=["name"], set_={"n": Counter.n + 1}))
    if chat_id is None or db.dialect.name != "sqlite":
        return
    query = sqlite.insert(Counter).values(name=GONE_CHATS, n=chat_id)
    highest = {"n": func.max(Counter.n, query.excluded.n)}
    db.execute(query.on_conflict_do_update(index_elements=["name"], set_=highest))


def _find_chat(db: Db, contact_id: int) -> Any:
    query = select(get_table(Chat)).where(Chat.contact_id == contact_id)
    return db.execute(query.with_for_update()).first()


def _move_chat(db: Db, kept: Any, other: Any) -> None:
    labels = set(db.execute(select(ChatLabel.label_id).where(ChatLabel.chat_id == kept.id)).scalars())
    double = (ChatLabel.chat_id == other.id) & ChatLabel.label_id.in_(labels)
    db.execute(delete(ChatLabel).where(double))
    for table in _list_tables_of_chats():
        db.execute(update(table).where(table.c.chat_id == other.id).values(chat_id=kept.id))
    _move_scopes(db, f"chat:{kept.id}", f"chat:{other.id}")
    db.execute(delete(Chat).where(Chat.id == other.id))
    db.execute(update(Chat).where(Chat.id == kept.id).values(_join_chats(kept, other)))


def _join_chats(kept: Any, other: Any) -> dict[str, Any]:
    ready = [each for each in (kept.ready_at, other.ready_at) if each is not None]
    return {
        "pending": kept.pending + other.pending,
        "unread_count": kept.unread_count + other.unread_count,
        "last_message_at": max(kept.last_message_at, other.last_message_at),
        "window_until": max(kept.window_until, other.window_until),
        "ready_at": min(ready, default=other.last_message_at if kept.pending + other.pending else None),
        # A person answers in one of the two: the bot is silent in both.
        "paused_at": kept.paused_at or other.paused_at,
        "paused_until": kept.paused_until if kept.paused_at else other.paused_until,
        "pause_reason": kept.pause_reason if kept.paused_at else other.pause_reason,
    }


def _list_tables_of_chats() -> Sequence[Table]:
    return [table for table in Base.metadata.sorted_tables if "chat_id" in table.c]


def _move_scopes(db: Db, kept: str, other: str) -> None:
    for kept_scope, other_scope in zip(*map(list_cooldown_scopes, ([kept], [other])), strict=True):
        _move_scope(db, kept_scope, other_scope)


def _move_scope(db: Db, kept: str, other: str) -> None:
    """Rename the scope of variables and cooldowns; what the kept one has already stays its own."""
    for model in _SCOPED:
        table = get_table(model)
        names = [column for column in table.primary_key.columns if column.name not in {"scope", "id"}]
        names = names or [table.c.brain_id, table.c.key]
        inner = table.alias()
        has = select(func.count()).select_from(inner).where(inner.c.scope == kept)
        for column in names:
            has = has.where(inner.c[column.name] == column)
        db.execute(delete(table).where(table.c.scope == other, has.scalar_subquery() > 0))
        db.execute(update(table).where(table.c.scope == other).values(scope=kept))
