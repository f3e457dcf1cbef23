"""Alerts: the person named for a command is told when it fails, in their own chat, through the normal outbox."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert, select, update

from app.bot import faults, people
from app.bot.channels.contract import Person
from app.bot.content import text_content
from app.bot.models import Chat, Connection, Message
from app.bot.turns import send_key
from app.brains.models import Brain, BrainVersion

# Alerts one look sends at most.
BATCH = 20
_TEXT_CHARS = 3_000


def send_due(db: Db, moments: Sequence[int]) -> list[set[int]]:
    """Queue the alerts that are due; returns the chats they go to, for each moment (ms) asked.

    A chat that a worker holds right now is left for the next look: what is queued behind its back could be overlooked.
    """
    now = max(moments)
    chats = {chat for fault in faults.to_tell(db, BATCH) if (chat := _tell(db, fault, now))}
    return [chats for _ in moments]


def person_of(address: str) -> Person:
    """Read an address as operators write it: a phone number, with or without plus and spaces, or a user id."""
    digits = address.removeprefix("+").replace(" ", "").replace("-", "")
    return Person(phone=digits) if digits.isdecimal() else Person(user_id=address)


def _tell(db: Db, fault: Mapping[str, Any], now: int) -> int | None:
    connection = db.execute(
        select(Connection.id, Connection.account).where(
            Connection.id == fault["tell_connection_id"], Connection.archived_at.is_(None)
        )
    ).first()
    if connection is None:
        faults.told(db, fault["id"], None)
        return None
    chat_id = people.find_or_make(db, connection.id, person_of(fault["tell_to"]), None, now).chat_id
    free = select(Chat.id).where(Chat.id == chat_id, Chat.lease_until <= now)
    if db.execute(free.with_for_update(skip_locked=True, key_share=True)).first() is None:
        return None
    if not faults.told(db, fault["id"], now):
        return None
    db.execute(insert(Message).values(_row(db, fault, connection, chat_id, now)))
    # Fences out a worker whose lease ran out long ago and which would still let the chat go.
    news = {"ready_at": now, "last_message_at": now, "epoch": Chat.epoch + 1}
    db.execute(update(Chat).where(Chat.id == chat_id).values(news))
    return chat_id


def _row(db: Db, fault: Mapping[str, Any], connection: Any, chat_id: int, now: int) -> dict[str, Any]:
    text = _text(db, fault)
    return {
        "connection_id": connection.id,
        "chat_id": chat_id,
        "direction": "out",
        "kind": "text",
        "state": "queued",
        "text": text,
        "payload": text_content(text),
        "key": send_key(connection.account, f"fault:{fault['id']}:{fault['count']}", 0),
        "author": "brain",
        "ordinal": 0,
        "attempts": 0,
        "created_at": now,
    }


def _text(db: Db, fault: Mapping[str, Any]) -> str:
    title = db.execute(select(Brain.title).where(Brain.id == fault["brain_id"])).scalar_one()
    document = db.execute(
        select(BrainVersion.document).where(BrainVersion.id == fault["version_id"])
    ).scalar_one_or_none()
    commands = document["commands"] if document else []
    name = next((each["name"] for each in commands if each["id"] == fault["command_id"]), fault["command_id"])
    line = f" (line {fault['line']})" if fault["line"] else ""
    times = "This is the first time." if fault["count"] == 1 else f"So far {fault['count']:,} times."
    parts = [f"The command “{name}” of “{title}” failed{line}: {fault['message']}", fault["fix"], times]
    return "\n".join(part for part in parts if part)[:_TEXT_CHARS]
