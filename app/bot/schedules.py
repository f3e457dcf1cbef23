"""Schedules: commands stored by a turn to run later, limit a chat, delivery as inbound messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import delete, insert, select

from app import topics
from app.bot import wakeup
from app.bot.models import Chat, Message, Schedule
from app.bot.models.message_rows import RowPlace, build_inbound_row
from app.bot.states import SCHEDULE_KIND, Author, MessageState
from app.db.after_commit import send_changed
from app.db.schema import get_table
from app.db.statements import build_insert
from app.immutable import immutable

# What one transaction delivers at most: others wait for the writer meanwhile.
BATCH_SIZE = 200


@immutable
class ScheduleRequest:
    """A command to be run at `due_at` (ms); it replaces the schedule of the same name."""

    command_id: str
    command: str
    due_at: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@immutable
class ScheduleCancellation:
    """A schedule to be cancelled by its name; nothing happens when there is none."""

    name: str


@immutable
class ScheduleChanges:
    """What one turn schedules and cancels, in its order; at most `max_pending` may wait in the chat, `now` in ms."""

    connection_id: int
    chat_id: int
    brain_id: int
    message_id: int
    now: int
    max_pending: int
    steps: Sequence[ScheduleRequest | ScheduleCancellation]


class SchedulePlanner:
    """The schedules of one transaction B: first checked against the limit, then written for the turns that are kept.

    The caller holds the chats, so nobody else schedules in them meanwhile.
    """

    def __init__(self, db: Db, changes: Sequence[ScheduleChanges]) -> None:
        self._db = db
        self._pending = _read_pending(db, {each.chat_id for each in changes}) if changes else {}
        self._changes = {each.message_id: self._build_change(each) for each in changes}

    def find_refusal(self, message_id: int) -> str | None:
        """Return why a turn may not schedule what it asks for, in words for the operator; None when it may."""
        change = self._changes.get(message_id)
        return change if isinstance(change, str) else None

    def write(self, message_ids: Iterable[int]) -> int | None:
        """Store the schedules of these turns; returns the earliest moment (ms) something new is due."""
        kept = [change for i in message_ids if isinstance(change := self._changes.get(i), _Change)]
        gone = sorted(set().union(*(change.deleted_ids for change in kept)))
        rows = [row for change in kept for row in change.rows]
        if gone:
            self._db.execute(delete(Schedule).where(Schedule.id.in_(gone)))
        if rows:
            self._db.execute(insert(Schedule), rows)
        return min((row["due_at"] for row in rows), default=None)

    def _build_change(self, changes: ScheduleChanges) -> "_Change | str":
        unnamed, named = self._pending.get((changes.chat_id, changes.brain_id), (0, {}))
        change = _Change()
        # By name; an id stands for a row that is stored, a row for one to come.
        plans: dict[str, int | dict[str, Any]] = dict(named)
        for step in changes.steps:
            before = plans.pop(step.name, None) if step.name else None
            if isinstance(before, int):
                change.deleted_ids.add(before)
            if isinstance(step, ScheduleCancellation):
                continue
            row = _build_row(changes, step)
            if step.name:
                plans[step.name] = row
            else:
                change.rows.append(row)
            if unnamed + len(change.rows) + len(plans) > changes.max_pending:
                most = changes.max_pending
                return f"At most {most} scheduled commands may wait in one chat: cancel some, or name them."
        change.rows += [row for row in plans.values() if isinstance(row, dict)]
        return change


@dataclass(slots=True)
class _Change:
    deleted_ids: set[int] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)


def _read_pending(db: Db, chat_ids: set[int]) -> dict[tuple[int, int], tuple[int, dict[str, int]]]:
    """Return by chat and brain how many schedules without a name wait, and the ids of those with a name."""
    query = select(Schedule.id, Schedule.chat_id, Schedule.brain_id, Schedule.name)
    found: dict[tuple[int, int], tuple[int, dict[str, int]]] = {}
    for row in db.execute(query.where(Schedule.chat_id.in_(sorted(chat_ids)))):
        unnamed, named = found.get((row.chat_id, row.brain_id), (0, {}))
        if row.name:
            named[row.name] = row.id
        found[row.chat_id, row.brain_id] = (unnamed + (not row.name), named)
    return found


def _build_row(changes: ScheduleChanges, step: ScheduleRequest) -> dict[str, Any]:
    return {
        "connection_id": changes.connection_id,
        "chat_id": changes.chat_id,
        "brain_id": changes.brain_id,
        "command_id": step.command_id,
        "command": step.command[:100],
        "name": step.name[:100],
        "arguments": dict(step.arguments),
        "due_at": step.due_at,
        "by_message_id": changes.message_id,
        "created_at": changes.now,
    }


def deliver(db: Db, moments: Sequence[int]) -> list[set[int]]:
    """Turn due schedules into inbound messages of their chats; returns the chats, for each moment (ms) asked.

    Chats are locked before schedules, as in transaction B; those another worker holds right now wait for the next
    run. The id of a schedule names its message, so that none can be delivered twice.
    """
    now = max(moments)
    due = db.execute(
        select(Schedule.id, Schedule.chat_id)
        .where(Schedule.due_at <= now)
        .order_by(Schedule.due_at, Schedule.id)
        .limit(BATCH_SIZE)
    ).all()
    free = _lock_chats(db, sorted({row.chat_id for row in due}))
    ids = [row.id for row in due if row.chat_id in free]
    if not ids:
        return [set() for _ in moments]
    taken = db.execute(delete(Schedule).where(Schedule.id.in_(ids)).returning(get_table(Schedule))).all()
    chats: dict[int, int] = {}
    for row in sorted(taken, key=lambda row: (row.due_at, row.id)):
        if _insert(db, row, now):
            chats[row.chat_id] = chats.get(row.chat_id, 0) + 1
    wakeup.wake_with_messages(db, chats, now)
    if chats:
        send_changed(db, topics.chats(), topics.dashboard(), *map(topics.chat, chats))
    return [set(chats) for _ in moments]


def _lock_chats(db: Db, chat_ids: list[int]) -> set[int]:
    query = select(Chat.id).where(Chat.id.in_(chat_ids)).order_by(Chat.id)
    return set(db.execute(query.with_for_update(skip_locked=True, key_share=True)).scalars())


def _insert(db: Db, row: Any, now: int) -> bool:
    """Store the message a schedule becomes; false when it is there already."""
    payload = {
        "type": SCHEDULE_KIND,
        "brain_id": row.brain_id,
        "command_id": row.command_id,
        "command": row.command,
        "arguments": row.arguments,
    }
    message = build_inbound_row(
        RowPlace(row.connection_id, row.chat_id, now),
        SCHEDULE_KIND,
        MessageState.NEW,
        f"{SCHEDULE_KIND}:{row.id}",
        payload,
        author=Author.BRAIN,
        provider_at=row.due_at,
    )
    values = {**message, "parent_id": row.by_message_id}
    made = db.execute(build_insert(db, Message).values(values).on_conflict_do_nothing().returning(Message.id))
    return made.first() is not None
