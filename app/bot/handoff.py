"""Handoff: a chat in which a person answers and the brain is silent, for a while or until somebody lets it go on."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Update, case, or_, select, update
from sqlalchemy import Connection as Db

from app.bot.models import Chat, Connection
from app.signals import changed
from app.writer import Database

REASON_CHARS = 200
_MINUTE = 60_000
REPLIED = "Somebody of the team has written here."


def pause(database: Database, chat_id: int, reason: str, now: int, until: int | None = None) -> bool:
    """Silence the brain in a chat, from the present turn on, until a moment (ms) or for good.

    False when it was silent already or is not there.
    """
    news = {"paused_at": now, "pause_reason": reason.strip()[:REASON_CHARS], "paused_until": until}
    return _change(database, chat_id, Chat.paused_at.is_(None), news)


def stay(database: Database, chat_id: int, until: int | None) -> bool:
    """Let a pause last until a moment (ms), or until somebody ends it; false when there is none."""
    return _change(database, chat_id, Chat.paused_at.is_not(None), {"paused_until": until})


def resume(database: Database, chat_id: int) -> bool:
    """Let the brain answer again, from the next message on; false when it was not silent."""
    return _change(database, chat_id, Chat.paused_at.is_not(None), dict(_OPEN))


def replied(db: Db, chat_ids: Collection[int], now: int) -> None:
    """Silence the brain where one of the team has just written, for as long as each connection says.

    A pause without an end stays without one; one that lasts longer stays as long.
    """
    minutes = select(Connection.takeover_minutes).where(Connection.id == Chat.connection_id).scalar_subquery()
    until = now + minutes * _MINUTE
    quiet = Chat.paused_at.is_(None)
    query = update(Chat).where(
        Chat.id.in_(sorted(chat_ids)), minutes > 0, or_(quiet, Chat.paused_until < until)
    )
    db.execute(
        query.values(
            paused_at=case((quiet, now), else_=Chat.paused_at),
            pause_reason=case((quiet, REPLIED), else_=Chat.pause_reason),
            paused_until=until,
        )
    )


def let_go(db: Db, now: int) -> set[int]:
    """End the pauses whose time is over; returns the chats."""
    query = update(Chat).where(Chat.paused_until <= now).values(_OPEN).returning(Chat.id)
    return set(db.execute(query).scalars())


_OPEN: Mapping[str, Any] = {"paused_at": None, "paused_until": None, "pause_reason": ""}


def _change(database: Database, chat_id: int, unless: ColumnElement[bool], news: Mapping[str, Any]) -> bool:
    query: Update = update(Chat).where(Chat.id == chat_id, unless).values(news)
    done = database.write(lambda session: session.execute(query.returning(Chat.id)).first()) is not None
    if done:
        changed.send(topics={"chats", "dashboard", f"chat:{chat_id}"})
    return done
