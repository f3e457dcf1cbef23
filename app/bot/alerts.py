"""Alerts: who is named for a command is told when it fails, and when a candidate is taken back; by normal messages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert, select, update

from app.bot import faults, people, rollouts
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
    alerts = [*map(partial(_of_fault, db), faults.to_tell(db, BATCH))]
    alerts += map(partial(_of_rollout, db), rollouts.to_tell(db, BATCH))
    chats = {chat for alert in alerts if (chat := _tell(db, alert, now))}
    return [chats for _ in moments]


def person_of(address: str) -> Person:
    """Read an address as operators write it: a phone number, with or without plus and spaces, or a user id."""
    digits = address.removeprefix("+").replace(" ", "").replace("-", "")
    return Person(phone=digits) if digits.isdecimal() else Person(user_id=address)


@dataclass(frozen=True, slots=True)
class _Alert:
    """Words for a person; `told` notes that they go out (at ms; None: cannot), false when another worker did so."""

    to: str
    connection_id: int | None
    key: str
    text: str
    told: Callable[[int | None], bool]


def _of_fault(db: Db, fault: Mapping[str, Any]) -> _Alert:
    key = f"fault:{fault['id']}:{fault['count']}"
    told = partial(faults.told, db, fault["id"])
    return _Alert(fault["tell_to"], fault["tell_connection_id"], key, _text(db, fault), told)


def _of_rollout(db: Db, row: Mapping[str, Any]) -> _Alert:
    title, number = db.execute(
        select(Brain.title, BrainVersion.number)
        .join(BrainVersion, BrainVersion.brain_id == Brain.id)
        .where(BrainVersion.id == row["version_id"])
    ).one()
    text = f"Version {number} of “{title}” was taken back by itself: {row['reason']}"
    told = partial(rollouts.told, db, row["id"])
    return _Alert(row["tell_to"], row["tell_connection_id"], f"rollout:{row['id']}", text, told)


def _tell(db: Db, alert: _Alert, now: int) -> int | None:
    connection = db.execute(
        select(Connection.id, Connection.account).where(
            Connection.id == alert.connection_id, Connection.archived_at.is_(None)
        )
    ).first()
    if connection is None:
        alert.told(None)
        return None
    chat_id = people.find_or_make(db, connection.id, person_of(alert.to), None, now).chat_id
    free = select(Chat.id).where(Chat.id == chat_id, Chat.lease_until <= now)
    if db.execute(free.with_for_update(skip_locked=True, key_share=True)).first() is None:
        return None
    if not alert.told(now):
        return None
    db.execute(insert(Message).values(_row(alert, connection, chat_id, now)))
    # Fences out a worker whose lease ran out long ago and which would still let the chat go.
    news = {"ready_at": now, "last_message_at": now, "epoch": Chat.epoch + 1}
    db.execute(update(Chat).where(Chat.id == chat_id).values(news))
    return chat_id


def _row(alert: _Alert, connection: Any, chat_id: int, now: int) -> dict[str, Any]:
    return {
        "connection_id": connection.id,
        "chat_id": chat_id,
        "direction": "out",
        "kind": "text",
        "state": "queued",
        "text": alert.text,
        "payload": text_content(alert.text),
        "key": send_key(connection.account, alert.key, 0),
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
