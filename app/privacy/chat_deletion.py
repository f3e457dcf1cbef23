"""Rows of a chat deleted with all that hangs on them; called by the writer, a bounded number at a time."""

from collections import Counter as Count
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection as Db
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects import sqlite

from app.bot.models import (
    Attempt,
    Chat,
    ChatLabel,
    Contact,
    Cooldown,
    Counter,
    Fault,
    MediaFile,
    Message,
    Note,
    Receipt,
    Run,
    Schedule,
)
from app.bot.people import ERASED_CHATS
from app.brains.ai.models import AiCall
from app.brains.models import Memory
from app.brains.rollout_models import Rollout, RolloutChange, RolloutChat

# What is told of a fault in place of words that may be somebody's.
FORGOTTEN: Final = (
    "What it said last is erased with the messages it came from; the next time it is told again."
)


@dataclass(slots=True)
class Dropped:
    """What was deleted: rows by kind (app.bot.privacy.subject.KINDS), and files nobody may need any more."""

    counts: Count[str] = field(default_factory=Count)
    files: set[str] = field(default_factory=set)

    def add(self, other: "Dropped") -> None:
        """Count what was deleted elsewhere, too."""
        self.counts += other.counts
        self.files |= other.files


def securely(db: Db) -> None:
    """Have SQLite overwrite what it deletes in this connection."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")


def drop_messages(db: Db, ids: Sequence[int]) -> Dropped:
    """Delete messages and all that hangs on them."""
    dropped = drop_hanging(db, ids)
    there = Message.id.in_(ids)
    names = db.execute(select(Message.provider_id, Message.key).where(there)).all()
    provider_ids, keys = [row[0] for row in names if row[0]], [row[1] for row in names if row[1]]
    db.execute(delete(Receipt).where(or_(Receipt.provider_id.in_(provider_ids), Receipt.key.in_(keys))))
    db.execute(update(Schedule).where(Schedule.by_message_id.in_(ids)).values(by_message_id=None))
    dropped.counts["messages"] = db.execute(delete(Message).where(there)).rowcount
    return dropped


def drop_hanging(db: Db, ids: Sequence[int]) -> Dropped:
    """Delete what hangs on messages, but not themselves: runs, questions to models, tries and files."""
    securely(db)
    dropped = Dropped()
    digests = select(MediaFile.sha256).where(MediaFile.message_id.in_(ids))
    dropped.files = {sha256 for sha256 in db.scalars(digests) if sha256}
    blank = {"message": FORGOTTEN, "fix": "", "last_message_id": None, "last_chat_id": None}
    db.execute(update(Fault).where(Fault.last_message_id.in_(ids)).values(blank))
    for model in (Attempt, RolloutChange):
        db.execute(delete(model).where(model.message_id.in_(ids)))
    for kind, model in (("files", MediaFile), ("ai_calls", AiCall), ("runs", Run)):
        dropped.counts[kind] = db.execute(delete(model).where(model.message_id.in_(ids))).rowcount
    return dropped


def next_messages(db: Db, chat_id: int, most: int) -> list[int]:
    """Return the oldest messages of a chat."""
    query = select(Message.id).where(Message.chat_id == chat_id).order_by(Message.id).limit(most)
    return list(db.scalars(query))


def drop_chat(db: Db, chat_id: int, contact_id: int | None) -> Dropped:
    """Delete a chat whose messages are gone, and its contact."""
    securely(db)
    dropped = Dropped()
    scopes = [f"chat:{chat_id}", f"contact:{contact_id}"]
    for kind, query in (
        ("notes", delete(Note).where(Note.chat_id == chat_id)),
        ("schedules", delete(Schedule).where(Schedule.chat_id == chat_id)),
        ("memory", delete(Memory).where(Memory.scope.in_(scopes))),
        ("", delete(Cooldown).where(Cooldown.scope.in_(scopes))),
        ("", delete(ChatLabel).where(ChatLabel.chat_id == chat_id)),
        ("", delete(RolloutChat).where(RolloutChat.chat_id == chat_id)),
        ("", update(Fault).where(Fault.last_chat_id == chat_id).values(last_chat_id=None)),
        ("chats", delete(Chat).where(Chat.id == chat_id)),
        ("contacts", delete(Contact).where(Contact.id == contact_id)),
    ):
        dropped.counts[kind] += db.execute(query).rowcount
    dropped.counts.pop("", None)
    _remember_number(db, chat_id)
    return dropped


def _remember_number(db: Db, chat_id: int) -> None:
    """See to it that numbers of deleted rows mean nobody else: of chats (app.bot.people), of runs in shadows."""
    if db.dialect.name != "sqlite":
        return
    newest_run = select(func.coalesce(func.max(Run.id), 0)).scalar_subquery()
    db.execute(update(Rollout).where(Rollout.cursor > newest_run).values(cursor=newest_run))
    query = sqlite.insert(Counter).values(name=ERASED_CHATS, n=chat_id)
    highest = {"n": func.max(Counter.n, query.excluded.n)}
    db.execute(query.on_conflict_do_update(index_elements=["name"], set_=highest))
