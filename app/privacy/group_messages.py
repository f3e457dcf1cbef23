"""Redaction of a person's messages in groups: the row stays as a deleted message."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection as Db
from sqlalchemy import case, select, update

from app.bot.models import Chat, Message
from app.bot.states import HIDDEN_KINDS, UNSENT_STATES, Direction, MessageState
from app.privacy.chat_deletion import DeletionResult, delete_dependents, delete_messages
from app.privacy.redaction import REDACTED_TEXT, Redactor

_PREFIX: Final = "erased."


def redact(db: Db, chat_id: int, ids: Sequence[int], redactor: Redactor, now: int) -> DeletionResult:
    """Take the words out of messages the person wrote in a group, of the answers to them, and of what quotes them."""
    named = select(Message.id, Message.provider_id, Message.kind, Message.state).where(Message.id.in_(ids))
    theirs = db.execute(named).all()
    answers = db.execute(
        select(Message.id, Message.state).where(
            Message.chat_id == chat_id, Message.direction == Direction.OUT, Message.parent_id.in_(ids)
        )
    ).all()
    loose = [row.id for row in theirs if row.kind in HIDDEN_KINDS]
    unsent = [row.id for row in answers if row.state in UNSENT_STATES]
    written = [row.id for row in theirs if row.kind not in HIDDEN_KINDS]
    answered = [row.id for row in answers if row.state not in UNSENT_STATES]
    dropped = delete_dependents(db, written + answered)
    dropped.add(delete_messages(db, loose + unsent))
    _reduce_pending(db, chat_id, sum(row.state == MessageState.NEW for row in theirs))
    _blank(db, written, answered, now)
    _redact_quotes(db, chat_id, [row.provider_id for row in theirs if row.provider_id], redactor)
    dropped.counts["group_messages"] = len(theirs) + len(answers)
    dropped.counts["messages"] = 0
    return dropped


def _reduce_pending(db: Db, chat_id: int, n: int) -> None:
    if n:
        left = case((Chat.pending > n, Chat.pending - n), else_=0)
        db.execute(update(Chat).where(Chat.id == chat_id).values(pending=left))


def _blank(db: Db, written: Sequence[int], answered: Sequence[int], now: int) -> None:
    gone = {"text": "", "quoted_id": None, "error": None, "revoked_at": now}
    state = case((Message.state == MessageState.NEW, MessageState.STORED), else_=Message.state)
    for message_id in written:
        # Its id is the provider's, in which the number is hidden.
        values = {
            **gone, "payload": {}, "provider_id": f"{_PREFIX}{message_id}", "state": state, "contact_id": None,
        }  # fmt: skip
        db.execute(update(Message).where(Message.id == message_id).values(values))
    answer = {**gone, "payload": {"kind": "text", "text": REDACTED_TEXT, "preview_url": False}}
    db.execute(update(Message).where(Message.id.in_(answered)).values(answer))


def _redact_quotes(db: Db, chat_id: int, provider_ids: Sequence[str], redactor: Redactor) -> None:
    quoting = select(Message.id, Message.payload).where(
        Message.chat_id == chat_id, Message.quoted_id.in_(provider_ids)
    )
    ids = Redactor(provider_ids)
    for row in db.execute(quoting).all():
        values = {"quoted_id": None, "payload": ids.redact(redactor.redact(row.payload))}
        db.execute(update(Message).where(Message.id == row.id).values(values))
