"""What was said in a chat before a message, as prompts take it along."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, select, union_all

from app.bot.chats import said
from app.bot.claims import Job
from app.bot.models import Message
from app.writer import Database

# A turn is a message and what it was answered with: so many rows for each are looked through.
_ROWS_A_TURN: Final = 4
_WORDS: Final = 2_000  # characters of one message
# What nobody has seen, and what is no part of a conversation.
_UNSEEN = frozenset({"dead", "failed"})
_KINDS = frozenset(
    {"text", "button", "list", "buttons", "image", "video", "audio", "voice", "document", "interactive"}
)

Past = list[tuple[str, str]]


def read(database: Database, wanted: Sequence[tuple[Job, int]]) -> dict[int, Past]:
    """Read the last turns before each job's message, oldest first, by the message's id; one query for all."""
    if not wanted:
        return {}
    newest = union_all(*(_newest(job, turns) for job, turns in wanted)).subquery()
    with database.read() as session:
        rows = session.scalars(select(Message).where(Message.id.in_(select(newest.c.id)))).all()
    chats: dict[int, list[Message]] = {}
    for row in rows:
        chats.setdefault(row.chat_id, []).append(row)
    return {
        job.message["id"]: _past(chats.get(job.lease.chat_id, []), job.message["id"]) for job, _ in wanted
    }


def _newest(job: Job, turns: int) -> Select[Any]:
    """Return the ids of a chat's latest messages; what came in after the job's own is not among them."""
    query = select(Message.id).where(
        Message.chat_id == job.lease.chat_id,
        (Message.direction == "out") | (Message.id < job.message["id"]),
    )
    inner = query.order_by(Message.id.desc()).limit(turns * _ROWS_A_TURN).subquery()
    return select(inner.c.id)


def _past(rows: Sequence[Message], before: int) -> Past:
    # An answer may have a later number than the question after it: it belongs behind its own.
    ordered = sorted(rows, key=lambda row: (row.parent_id or row.id, row.id))
    found = [
        (_role(row), _words(row)) for row in ordered if (row.parent_id or row.id) < before and _counts(row)
    ]
    return [(role, words) for role, words in found if words]


def _counts(row: Message) -> bool:
    return row.kind in _KINDS and row.state not in _UNSEEN and row.revoked_at is None


def _role(row: Message) -> str:
    return "user" if row.direction == "in" else "assistant"


def _words(row: Message) -> str:
    return (said(row).strip() or f"[{row.kind}]")[:_WORDS]
