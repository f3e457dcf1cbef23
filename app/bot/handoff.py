"""Handoff: pause of the bot in a chat (after an operator wrote, by hand, by a script) and its end."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Update, case, or_, select, update
from sqlalchemy import Connection as Db
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import Chat, Connection
from app.clock import MINUTE_MS
from app.db.after_commit import send_changed
from app.db.writer import Database

REASON_CHARS = 200
TEAM_REPLY_REASON = "Somebody of the team has written here."


def pause(database: Database, chat_id: int, reason: str, now: int, until: int | None = None) -> bool:
    """Silence the brain in a chat, from the present turn on, until a moment (ms) or for good.

    `now` and `until` in ms. False when the brain was silent already or the chat does not exist.
    """
    values = {"paused_at": now, "pause_reason": reason.strip()[:REASON_CHARS], "paused_until": until}
    return _update_chat(database, chat_id, Chat.paused_at.is_(None), values)


def set_end(database: Database, chat_id: int, until: int | None) -> bool:
    """Let a pause last until a moment (ms), or until somebody ends it; false when there is none."""
    return _update_chat(database, chat_id, Chat.paused_at.is_not(None), {"paused_until": until})


def resume(database: Database, chat_id: int) -> bool:
    """Let the brain answer again, from the next message on; false when it was not silent."""
    return _update_chat(database, chat_id, Chat.paused_at.is_not(None), dict(_RESUMED_FIELDS))


def pause_after_reply(db: Db, chat_ids: Collection[int], now: int) -> None:
    """Silence the brain where one of the team has just written, for as long as each connection says.

    A pause without an end stays without one; one that lasts longer stays as long.
    """
    minutes = select(Connection.takeover_minutes).where(Connection.id == Chat.connection_id).scalar_subquery()
    until = now + minutes * MINUTE_MS
    quiet = Chat.paused_at.is_(None)
    query = update(Chat).where(
        Chat.id.in_(sorted(chat_ids)), minutes > 0, or_(quiet, Chat.paused_until < until)
    )
    db.execute(
        query.values(
            paused_at=case((quiet, now), else_=Chat.paused_at),
            pause_reason=case((quiet, TEAM_REPLY_REASON), else_=Chat.pause_reason),
            paused_until=until,
        )
    )


def end_expired(db: Db, now: int) -> set[int]:
    """End the pauses that are over at a moment (ms); returns the chats."""
    query = update(Chat).where(Chat.paused_until <= now).values(_RESUMED_FIELDS).returning(Chat.id)
    chat_ids = set(db.execute(query).scalars())
    _send_changed(db, chat_ids)
    return chat_ids


_RESUMED_FIELDS: Mapping[str, Any] = {"paused_at": None, "paused_until": None, "pause_reason": ""}


def _update_chat(
    database: Database, chat_id: int, unless: ColumnElement[bool], values: Mapping[str, Any]
) -> bool:
    query: Update = update(Chat).where(Chat.id == chat_id, unless).values(values)

    def run(session: Session) -> bool:
        if session.execute(query.returning(Chat.id)).first() is None:
            return False
        _send_changed(session, [chat_id])
        return True

    return database.write(run)


def _send_changed(db: Db | Session, chat_ids: Collection[int]) -> None:
    if chat_ids:
        send_changed(db, topics.chats(), topics.dashboard(), *map(topics.chat, chat_ids))
