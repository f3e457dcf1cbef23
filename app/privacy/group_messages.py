"""What a person wrote in groups: the place of each message stays, as a deleted one; its words go."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection as Db
from sqlalchemy import case, select, update

from app.bot.models import Chat, Message
from app.bot.privacy.chat_rows import Dropped, drop_hanging, drop_messages
from app.bot.privacy.marks import GONE, Marks

# What has no place of its own in a thread.
_LOOSE: Final = ("reaction", "edit", "revoke")
# Answers that are not out yet, or may go out again.
_UNSENT: Final = ("queued", "sending", "retry", "unknown", "held")
_PREFIX: Final = "erased."


def redact(db: Db, chat_id: int, ids: Sequence[int], marks: Marks, now: int) -> Dropped:
    """Take the words out of messages the person wrote in a group, of the answers to them, and of what quotes them."""
    named = select(Message.id, Message.provider_id, Message.kind, Message.state).where(Message.id.in_(ids))
    theirs = db.execute(named).all()
    answers = db.execute(
        select(Message.id, Message.state).where(
            Message.chat_id == chat_id, Message.direction == "out", Message.parent_id.in_(ids)
        )
    ).all()
    loose = [row.id for row in theirs if row.kind in _LOOSE]
    unsent = [row.id for row in answers if row.state in _UNSENT]
    said = [row.id for row in theirs if row.kind not in _LOOSE]
    answered = [row.id for row in answers if row.state not in _UNSENT]
    dropped = drop_hanging(db, said + answered)
    dropped.add(drop_messages(db, loose + unsent))
    _not_waiting(db, chat_id, sum(row.state == "new" for row in theirs))
    _blank(db, said, answered, now)
    _unquote(db, chat_id, [row.provider_id for row in theirs if row.provider_id], marks)
    dropped.counts["group_messages"] = len(theirs) + len(answers)
    dropped.counts["messages"] = 0
    return dropped


def _not_waiting(db: Db, chat_id: int, n: int) -> None:
    if n:
        left = case((Chat.pending > n, Chat.pending - n), else_=0)
        db.execute(update(Chat).where(Chat.id == chat_id).values(pending=left))


def _blank(db: Db, said: Sequence[int], answered: Sequence[int], now: int) -> None:
    gone = {"text": "", "quoted_id": None, "error": None, "revoked_at": now}
    state = case((Message.state == "new", "stored"), else_=Message.state)
    for message_id in said:
        # Its id is the provider's, in which the number is hidden.
        values = {**gone, "payload": {}, "provider_id": f"{_PREFIX}{message_id}", "state": state}
        db.execute(update(Message).where(Message.id == message_id).values(values))
    answer = {**gone, "payload": {"kind": "text", "text": GONE, "preview_url": False}}
    db.execute(update(Message).where(Message.id.in_(answered)).values(answer))


def _unquote(db: Db, chat_id: int, provider_ids: Sequence[str], marks: Marks) -> None:
    quoting = select(Message.id, Message.payload).where(
        Message.chat_id == chat_id, Message.quoted_id.in_(provider_ids)
    )
    ids = Marks(provider_ids)
    for row in db.execute(quoting).all():
        values = {"quoted_id": None, "payload": ids.clean(marks.clean(row.payload))}
        db.execute(update(Message).where(Message.id == row.id).values(values))
