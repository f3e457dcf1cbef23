"""Wake-up of chats: sets the moment from which workers claim one that has something to send or to handle.

Without a moment a chat is not claimed; while it is claimed its lease decides (app.bot.lease).
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Select, case, func, update
from sqlalchemy import Connection as Db
from sqlalchemy.orm import Session

from app.bot.models import Chat
from app.db.after_commit import send_work_ready
from app.db.schema import get_table

_chat = get_table(Chat).c


def build_ready_at(new: ColumnElement[int], now: ColumnElement[int]) -> ColumnElement[int | None]:
    """Return the SQL value of `ready_at` after `new` messages came in at `now` (ms).

    A set moment stays: a new message must not cut short the chat's back-off.
    """
    return case((new > 0, func.coalesce(_chat.ready_at, now)), else_=_chat.ready_at)


def wake_chat(session: Session, chat: Chat, now: int) -> None:
    """Have a locked chat claimed: something in it is to be sent or handled; workers are told after the commit."""
    if chat.lease_until > now:
        # Whoever serves the chat now has not seen this: they look once more before they release it.
        chat.pending += 1
    chat.ready_at = min(chat.ready_at or now, now)
    send_work_ready(session, chat.id)


def wake_resolved(db: Db, resolved: Sequence[tuple[set[int], int]]) -> list[None]:
    """Let chats go on at once whose unknown send was settled by a receipt; given with the present moment (ms)."""
    ids = sorted(set().union(*(chats for chats, _ in resolved)))
    now = resolved[0][1]
    db.execute(update(Chat).where(Chat.id.in_(ids), Chat.ready_at > now).values(ready_at=now))
    return [None] * len(resolved)


def wake_with_messages(db: Db, counts: Mapping[int, int], now: int) -> None:
    """Have locked chats claimed which so many new inbound messages were stored in, by chat; `now` in ms."""
    for chat_id, count in sorted(counts.items()):
        values = {
            "pending": Chat.pending + count,
            "ready_at": func.coalesce(Chat.ready_at, now),
            "last_message_at": now,
        }
        db.execute(update(Chat).where(Chat.id == chat_id).values(values))


def wake_free_chats(session: Session, chat_ids: Select[int], now: int) -> None:
    """Have the chats of a query claimed which nobody holds at `now` (ms); workers are told after the commit."""
    query = update(Chat).where(Chat.id.in_(chat_ids), Chat.lease_until <= now)
    send_work_ready(session, *session.scalars(query.values(ready_at=now).returning(Chat.id)))


def wake_free_chat(db: Db, chat_id: int, now: int) -> None:
    """Have a chat of `lock_free_chat` claimed, in which a message was put in line at `now` (ms)."""
    # The epoch fences out a worker whose lease ran out long ago and which would still release the chat.
    values = {"ready_at": now, "last_message_at": now, "epoch": Chat.epoch + 1}
    db.execute(update(Chat).where(Chat.id == chat_id).values(values))
