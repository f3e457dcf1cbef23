"""Deletion of a chat's rows with everything that refers to them, in bounded batches."""

from collections import Counter as Count
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection as Db
from sqlalchemy import delete, func, or_, select, update

from app.bot.identity import record_gone
from app.bot.models import (
    Attempt,
    Chat,
    ChatLabel,
    CommandError,
    Contact,
    Cooldown,
    IgnoredMessage,
    MediaFile,
    Message,
    Note,
    Receipt,
    Run,
    Schedule,
)
from app.bot.models.run import list_cooldown_scopes
from app.brains.ai.models import AiCall
from app.brains.memory.models import Memory
from app.brains.versions.models import Rollout, RolloutChange, RolloutChat

# The message of a command error in place of text that may be somebody's.
ERASED_ERROR_TEXT: Final = (
    "What it said last is erased with the messages it came from; the next time it is told again."
)


@dataclass(slots=True)
class DeletionResult:
    """What was deleted: rows by kind (app.privacy.subject.KINDS), and files nobody may need any more."""

    counts: Count[str] = field(default_factory=Count)
    files: set[str] = field(default_factory=set)

    def add(self, other: "DeletionResult") -> None:
        """Count what was deleted elsewhere, too."""
        self.counts += other.counts
        self.files |= other.files


def enable_secure_delete(db: Db) -> None:
    """Have SQLite overwrite what it deletes in this connection."""
    if db.dialect.name == "sqlite":
        db.exec_driver_sql("PRAGMA secure_delete=ON")


def delete_messages(db: Db, ids: Sequence[int]) -> DeletionResult:
    """Delete messages and all that depends on them."""
    dropped = delete_dependents(db, ids)
    there = Message.id.in_(ids)
    names = db.execute(select(Message.provider_id, Message.key).where(there)).all()
    provider_ids, keys = [row[0] for row in names if row[0]], [row[1] for row in names if row[1]]
    db.execute(delete(Receipt).where(or_(Receipt.provider_id.in_(provider_ids), Receipt.key.in_(keys))))
    db.execute(update(Schedule).where(Schedule.by_message_id.in_(ids)).values(by_message_id=None))
    dropped.counts["messages"] = db.execute(delete(Message).where(there)).rowcount
    return dropped


def delete_dependents(db: Db, ids: Sequence[int]) -> DeletionResult:
    """Delete what depends on messages, but not themselves: runs, AI calls, attempts and files."""
    enable_secure_delete(db)
    dropped = DeletionResult()
    digests = select(MediaFile.sha256).where(MediaFile.message_id.in_(ids))
    dropped.files = {sha256 for sha256 in db.scalars(digests) if sha256}
    blank = {"message": ERASED_ERROR_TEXT, "fix": "", "last_message_id": None, "last_chat_id": None}
    db.execute(update(CommandError).where(CommandError.last_message_id.in_(ids)).values(blank))
    for model in (Attempt, IgnoredMessage, RolloutChange):
        db.execute(delete(model).where(model.message_id.in_(ids)))
    for kind, model in (("files", MediaFile), ("ai_calls", AiCall), ("runs", Run)):
        dropped.counts[kind] = db.execute(delete(model).where(model.message_id.in_(ids))).rowcount
    return dropped


def list_oldest_message_ids(db: Db, chat_id: int, most: int) -> list[int]:
    """Return the oldest messages of a chat."""
    query = select(Message.id).where(Message.chat_id == chat_id).order_by(Message.id).limit(most)
    return list(db.scalars(query))


def delete_chat(db: Db, chat_id: int, contact_id: int | None) -> DeletionResult:
    """Delete a chat whose messages are gone, and its contact."""
    enable_secure_delete(db)
    dropped = DeletionResult()
    scopes = [f"chat:{chat_id}", f"contact:{contact_id}"]
    for kind, query in (
        ("notes", delete(Note).where(Note.chat_id == chat_id)),
        ("schedules", delete(Schedule).where(Schedule.chat_id == chat_id)),
        ("memory", delete(Memory).where(Memory.scope.in_(scopes))),
        ("", delete(Cooldown).where(Cooldown.scope.in_(list_cooldown_scopes(scopes)))),
        ("", delete(ChatLabel).where(ChatLabel.chat_id == chat_id)),
        ("", delete(RolloutChat).where(RolloutChat.chat_id == chat_id)),
        ("", update(CommandError).where(CommandError.last_chat_id == chat_id).values(last_chat_id=None)),
        ("chats", delete(Chat).where(Chat.id == chat_id)),
        ("contacts", delete(Contact).where(Contact.id == contact_id)),
    ):
        dropped.counts[kind] += db.execute(query).rowcount
    dropped.counts.pop("", None)
    record_gone(db, chat_id)
    _reserve_run_ids(db)
    return dropped


def _reserve_run_ids(db: Db) -> None:
    """Keep a shadow from skipping runs that get the ids of deleted ones."""
    if db.dialect.name != "sqlite":
        return
    newest_run = select(func.coalesce(func.max(Run.id), 0)).scalar_subquery()
    db.execute(update(Rollout).where(Rollout.cursor > newest_run).values(cursor=newest_run))
