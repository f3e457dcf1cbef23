"""Schedules: commands that run later, kept with the turn that asked for them and delivered as inbound messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.bot.models import Chat, Message, Schedule
from app.db import table_of

# What one transaction delivers at most: others wait for the writer meanwhile.
BATCH = 200
KIND = "schedule"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command to be run at `due_at` (ms); one of the same name takes the place of what was planned before."""

    command_id: str
    command: str
    due_at: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The planned run of this name is called off; nothing happens when there is none."""

    name: str


@dataclass(frozen=True, slots=True)
class Agenda:
    """What one turn plans and calls off, in its order; `most` may wait in the chat."""

    connection_id: int
    chat_id: int
    brain_id: int
    message_id: int
    now: int
    most: int
    steps: Sequence[Wanted | Dropped]


class Planner:
    """The plans of one transaction B: first judged, then written for the turns that are kept.

    The caller holds the chats, so nobody else plans in them meanwhile.
    """

    def __init__(self, db: Db, agendas: Sequence[Agenda]) -> None:
        self._db = db
        self._waiting = _waiting(db, {agenda.chat_id for agenda in agendas}) if agendas else {}
        self._changes = {agenda.message_id: self._judge(agenda) for agenda in agendas}

    def refusal(self, message_id: int) -> str | None:
        """Return why a turn may not plan what it wants, in words for the operator."""
        change = self._changes.get(message_id)
        return change if isinstance(change, str) else None

    def write(self, message_ids: Iterable[int]) -> int | None:
        """Store the plans of these turns; returns the earliest moment (ms) something new is due."""
        kept = [change for i in message_ids if isinstance(change := self._changes.get(i), _Change)]
        gone = sorted(set().union(*(change.gone for change in kept)))
        rows = [row for change in kept for row in change.rows]
        if gone:
            self._db.execute(delete(Schedule).where(Schedule.id.in_(gone)))
        if rows:
            self._db.execute(insert(Schedule), rows)
        return min((row["due_at"] for row in rows), default=None)

    def _judge(self, agenda: Agenda) -> "_Change | str":
        unnamed, named = self._waiting.get((agenda.chat_id, agenda.brain_id), (0, {}))
        change = _Change()
        # By name; an id stands for a row that is stored, a row for one to come.
        plans: dict[str, int | dict[str, Any]] = dict(named)
        for step in agenda.steps:
            before = plans.pop(step.name, None) if step.name else None
            if isinstance(before, int):
                change.gone.add(before)
            if isinstance(step, Dropped):
                continue
            row = _row(agenda, step)
            if step.name:
                plans[step.name] = row
            else:
                change.rows.append(row)
            if unnamed + len(change.rows) + len(plans) > agenda.most:
                return f"At most {agenda.most} scheduled commands may wait in one chat: cancel some, or name them."
        change.rows += [row for row in plans.values() if isinstance(row, dict)]
        return change


@dataclass(slots=True)
class _Change:
    gone: set[int] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)


def _waiting(db: Db, chat_ids: set[int]) -> dict[tuple[int, int], tuple[int, dict[str, int]]]:
    """Return by chat and brain how many nameless runs wait, and the ids of those with a name."""
    query = select(Schedule.id, Schedule.chat_id, Schedule.brain_id, Schedule.name)
    found: dict[tuple[int, int], tuple[int, dict[str, int]]] = {}
    for row in db.execute(query.where(Schedule.chat_id.in_(sorted(chat_ids)))):
        unnamed, named = found.get((row.chat_id, row.brain_id), (0, {}))
        if row.name:
            named[row.name] = row.id
        found[row.chat_id, row.brain_id] = (unnamed + (not row.name), named)
    return found


def _row(agenda: Agenda, step: Wanted) -> dict[str, Any]:
    return {
        "connection_id": agenda.connection_id,
        "chat_id": agenda.chat_id,
        "brain_id": agenda.brain_id,
        "command_id": step.command_id,
        "command": step.command[:100],
        "name": step.name[:100],
        "arguments": dict(step.arguments),
        "due_at": step.due_at,
        "by_message_id": agenda.message_id,
        "created_at": agenda.now,
    }


def deliver(db: Db, moments: Sequence[int]) -> list[set[int]]:
    """Turn due schedules into inbound messages of their chats; returns the chats, for each moment (ms) asked.

    Chats are locked before schedules, as in transaction B; those another worker holds right now wait for the next
    look. The id of a schedule names its message, so that none can be delivered twice.
    """
    now = max(moments)
    due = db.execute(
        select(Schedule.id, Schedule.chat_id)
        .where(Schedule.due_at <= now)
        .order_by(Schedule.due_at, Schedule.id)
        .limit(BATCH)
    ).all()
    free = _lock_chats(db, sorted({row.chat_id for row in due}))
    ids = [row.id for row in due if row.chat_id in free]
    if not ids:
        return [set() for _ in moments]
    taken = db.execute(delete(Schedule).where(Schedule.id.in_(ids)).returning(table_of(Schedule))).all()
    chats: dict[int, int] = {}
    for row in sorted(taken, key=lambda row: (row.due_at, row.id)):
        if _insert(db, row, now):
            chats[row.chat_id] = chats.get(row.chat_id, 0) + 1
    for chat_id, new in sorted(chats.items()):
        ready = case((Chat.ready_at.is_(None), now), else_=Chat.ready_at)
        news = {"pending": Chat.pending + new, "ready_at": ready, "last_message_at": now}
        db.execute(update(Chat).where(Chat.id == chat_id).values(news))
    return [set(chats) for _ in moments]


def _lock_chats(db: Db, chat_ids: list[int]) -> set[int]:
    query = select(Chat.id).where(Chat.id.in_(chat_ids)).order_by(Chat.id)
    return set(db.execute(query.with_for_update(skip_locked=True, key_share=True)).scalars())


def _insert(db: Db, row: Any, now: int) -> bool:
    """Store the message a schedule becomes; false when it is there already."""
    dialect = postgresql if db.dialect.name == "postgresql" else sqlite
    payload = {
        "type": KIND,
        "brain_id": row.brain_id,
        "command_id": row.command_id,
        "command": row.command,
        "arguments": row.arguments,
    }
    values = {
        "connection_id": row.connection_id,
        "chat_id": row.chat_id,
        "direction": "in",
        "kind": KIND,
        "state": "new",
        "text": "",
        "payload": payload,
        "provider_id": f"{KIND}:{row.id}",
        "parent_id": row.by_message_id,
        "author": "brain",
        "created_at": now,
        "provider_at": row.due_at,
        "ordinal": 0,
        "attempts": 0,
    }
    made = db.execute(dialect.insert(Message).values(values).on_conflict_do_nothing().returning(Message.id))
    return made.first() is not None


def upcoming(db: Db, chat_id: int) -> list[Mapping[str, Any]]:
    """Return what is planned in a chat, the next first: command, name, arguments, due_at (ms)."""
    query = select(table_of(Schedule)).where(Schedule.chat_id == chat_id).order_by(Schedule.due_at)
    return [dict(row) for row in db.execute(query).mappings()]
