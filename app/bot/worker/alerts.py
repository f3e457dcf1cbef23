"""Alerts: messages to a number when a command fails or a rollout is rolled back; their text and batch size."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert, select

from app import topics
from app.bot import command_errors, contacts, lease, wakeup
from app.bot.models import Connection, Message
from app.bot.models.message_keys import build_send_key
from app.bot.models.message_rows import RowPlace, build_outbound_row
from app.bot.states import Author
from app.bot.turns import canary
from app.brains.versions.models import Brain, BrainVersion
from app.channels.content import build_text_content
from app.channels.contract import Person
from app.db.after_commit import send_changed
from app.immutable import immutable

# Alerts of one run, at most.
BATCH_SIZE = 20
_TEXT_MAX_CHARS = 3_000


def send_due(db: Db, moments: Sequence[int]) -> list[set[int]]:
    """Queue the alerts that are due; returns the chats they go to, for each moment (ms) asked.

    A chat that a worker holds right now is left for the next run: it might not see what is queued meanwhile.
    """
    now = max(moments)
    alerts = [*map(partial(_build_error_alert, db), command_errors.list_pending_alerts(db, BATCH_SIZE))]
    alerts += map(partial(_build_rollout_alert, db), canary.list_pending_alerts(db, BATCH_SIZE))
    chats = {chat for alert in alerts if (chat := _send_alert(db, alert, now))}
    if chats:
        send_changed(db, topics.chats(), topics.dashboard(), *map(topics.chat, chats))
    return [chats for _ in moments]


def parse_address(address: str) -> Person:
    """Read an address as operators write it: a phone number, with or without plus and spaces, or a user id."""
    digits = address.removeprefix("+").replace(" ", "").replace("-", "")
    return Person(phone=digits) if digits.isdecimal() else Person(user_id=address)


@immutable
class _Alert:
    """A message to a person; `mark_notified` takes its moment (ms; None: cannot be sent), false when it was sent."""

    to: str
    connection_id: int | None
    key: str
    text: str
    mark_notified: Callable[[int | None], bool]


def _build_error_alert(db: Db, error: Mapping[str, Any]) -> _Alert:
    key = f"fault:{error['id']}:{error['count']}"
    mark_notified = partial(command_errors.mark_notified, db, error["id"])
    return _Alert(error["tell_to"], error["tell_connection_id"], key, _format_error(db, error), mark_notified)


def _build_rollout_alert(db: Db, row: Mapping[str, Any]) -> _Alert:
    title, number = db.execute(
        select(Brain.title, BrainVersion.number)
        .join(BrainVersion, BrainVersion.brain_id == Brain.id)
        .where(BrainVersion.id == row["version_id"])
    ).one()
    text = f"Version {number} of “{title}” was rolled back automatically: {row['reason']}"
    mark_notified = partial(canary.mark_notified, db, row["id"])
    return _Alert(row["tell_to"], row["tell_connection_id"], f"rollout:{row['id']}", text, mark_notified)


def _send_alert(db: Db, alert: _Alert, now: int) -> int | None:
    connection = db.execute(
        select(Connection.id, Connection.account).where(
            Connection.id == alert.connection_id, Connection.archived_at.is_(None)
        )
    ).first()
    if connection is None:
        alert.mark_notified(None)
        return None
    chat_id = contacts.find_or_create(
        db, contacts.MessageSource(connection.id, parse_address(alert.to)), now
    ).chat_id
    if not lease.lock_free_chat(db, chat_id, now):
        return None
    if not alert.mark_notified(now):
        return None
    place, key = RowPlace(connection.id, chat_id, now), build_send_key(connection.account, alert.key, 0)
    row = build_outbound_row(place, Author.BRAIN, key, build_text_content(alert.text), alert.text)
    db.execute(insert(Message).values(**row))
    wakeup.wake_free_chat(db, chat_id, now)
    return chat_id


def _format_error(db: Db, error: Mapping[str, Any]) -> str:
    title = db.execute(select(Brain.title).where(Brain.id == error["brain_id"])).scalar_one()
    document = db.execute(
        select(BrainVersion.document).where(BrainVersion.id == error["version_id"])
    ).scalar_one_or_none()
    commands = document["commands"] if document else []
    name = next((each["name"] for each in commands if each["id"] == error["command_id"]), error["command_id"])
    line = f" (line {error['line']})" if error["line"] else ""
    times = "This is the first time." if error["count"] == 1 else f"So far {error['count']:,} times."
    parts = [f"The command “{name}” of “{title}” failed{line}: {error['message']}", error["fix"], times]
    return "\n".join(part for part in parts if part)[:_TEXT_MAX_CHARS]
