"""Batch queries before a batch of turns: memory, cooldowns, quoted texts, past turns."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, literal_column, or_, select, union_all
from sqlalchemy.orm import Session

from app.bot.display import format_message_text
from app.bot.models import Cooldown, Message
from app.bot.states import UNDELIVERED_STATES, Direction, sql_is
from app.bot.turns.build import Prefetched
from app.bot.turns.claim import Job
from app.brains.memory import store
from app.brains.runtime.program import Program
from app.db.writer import Database

# A turn is a message and what it was answered with: so many rows for each are looked through.
_ROWS_PER_TURN: Final = 4
_TEXT_MAX_CHARS: Final = 2_000  # characters of one message
# What nobody has seen, and what is no part of a conversation.
_CONVERSATION_KINDS = frozenset(
    {"text", "button", "list", "buttons", "image", "video", "audio", "voice", "document", "interactive"}
)

PastTurns = list[tuple[str, str]]


def load_prefetched(
    database: Database,
    jobs: Sequence[Job],
    programs: Mapping[int, Program],
    quoting: frozenset[int],
    now: int,
) -> Prefetched:
    """Read what the brains of these jobs may look at; `quoting` are the versions that look at quoted messages."""
    served = [(job, programs[job.version_id or 0]) for job in jobs]
    return Prefetched(
        _read_cooldowns(database, served),
        _read_memory(database, served, now),
        _read_quoted(database, [job for job in jobs if job.version_id in quoting]),
        read_past_turns(
            database, [(job, program.past_turns) for job, program in served if program.past_turns]
        ),
    )


def _read_cooldowns(
    database: Database, served: Sequence[tuple[Job, Program]]
) -> dict[int, dict[tuple[str, str], int]]:
    brains = {program.brain_id for _, program in served if program.has_cooldowns}
    if not brains:
        return {}
    scopes = {"brain"}
    for job, _ in served:
        scopes |= {f"contact:{job.contact_id}", f"chat:{job.lease.chat_id}"}
    found: dict[int, dict[tuple[str, str], int]] = {}
    query = select(Cooldown.brain_id, Cooldown.command_id, Cooldown.scope, Cooldown.until).where(
        Cooldown.brain_id.in_(brains), Cooldown.scope.in_(scopes)
    )
    with database.read() as session:
        for row in session.execute(query):
            found.setdefault(row.brain_id, {})[row.command_id, row.scope] = row.until
    return found


def _read_memory(
    database: Database, served: Sequence[tuple[Job, Program]], now: int
) -> dict[int, store.MemorySnapshot]:
    """Read what is remembered for each message whose brain may look at its memory."""
    wanted = {
        job.message["id"]: store.MemoryOwner(program.brain_id, job.contact_id, job.lease.chat_id)
        for job, program in served
        if program.needs_memory
    }
    if not wanted:
        return {}
    with database.read() as session:
        found = store.read_snapshots(session.connection(), list(wanted.values()), now)
    return dict(zip(wanted, found, strict=True))


def _read_quoted(database: Database, jobs: Sequence[Job]) -> dict[tuple[int, str], str]:
    """Read the words of quoted messages, by chat and provider id."""
    wanted = {(job.lease.chat_id, job.message["quoted_id"]) for job in jobs if job.message["quoted_id"]}
    if not wanted:
        return {}
    connections = {job.chat.connection_id for job in jobs}
    with database.read() as session:
        return read_quoted_texts(session, {provider_id for _, provider_id in wanted}, connections)


def read_quoted_texts(
    session: Session, provider_ids: Collection[str], connections: Collection[int]
) -> dict[tuple[int, str], str]:
    """Read the words of messages by chat and provider id, of these connections' chats."""
    # In two halves, each with the words of its partial index.
    inbound = literal_column(sql_is("direction", Direction.IN)) & Message.connection_id.in_(connections)
    outbound = literal_column(sql_is("direction", Direction.OUT) + " AND provider_id IS NOT NULL")
    query = select(Message).where(or_(inbound, outbound), Message.provider_id.in_(sorted(provider_ids)))
    return {(row.chat_id, row.provider_id or ""): format_message_text(row) for row in session.scalars(query)}


def read_past_turns(database: Database, wanted: Sequence[tuple[Job, int]]) -> dict[int, PastTurns]:
    """Read the last turns before each job's message, oldest first, by the message's id; one query for all."""
    if not wanted:
        return {}
    newest = union_all(*(_select_newest_ids(job, turns) for job, turns in wanted)).subquery()
    with database.read() as session:
        rows = session.scalars(select(Message).where(Message.id.in_(select(newest.c.id)))).all()
    chats: dict[int, list[Message]] = {}
    for row in rows:
        chats.setdefault(row.chat_id, []).append(row)
    return {
        job.message["id"]: _build_past_turns(chats.get(job.lease.chat_id, []), job.message["id"])
        for job, _ in wanted
    }


def _select_newest_ids(job: Job, turns: int) -> Select[Any]:
    """Return the ids of a chat's latest messages; what came in after the job's own is not among them."""
    query = select(Message.id).where(
        Message.chat_id == job.lease.chat_id,
        (Message.direction == Direction.OUT) | (Message.id < job.message["id"]),
    )
    inner = query.order_by(Message.id.desc()).limit(turns * _ROWS_PER_TURN).subquery()
    return select(inner.c.id)


def _build_past_turns(rows: Sequence[Message], before: int) -> PastTurns:
    # An answer may have a later number than the question after it: it belongs behind its own.
    ordered = sorted(rows, key=lambda row: (row.parent_id or row.id, row.id))
    found = [
        (_role(row), _text_or_kind(row))
        for row in ordered
        if (row.parent_id or row.id) < before and _is_turn(row)
    ]
    return [(role, words) for role, words in found if words]


def _is_turn(row: Message) -> bool:
    return row.kind in _CONVERSATION_KINDS and row.state not in UNDELIVERED_STATES and row.revoked_at is None


def _role(row: Message) -> str:
    return "user" if row.direction == Direction.IN else "assistant"


def _text_or_kind(row: Message) -> str:
    return (format_message_text(row).strip() or f"[{row.kind}]")[:_TEXT_MAX_CHARS]
