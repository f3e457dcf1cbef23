"""What is read for a batch of turns before their brains run: at most one query for each kind of knowledge."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import literal_column, or_, select
from sqlalchemy.orm import Session

from app.bot import past
from app.bot.chats import said
from app.bot.claims import Job
from app.bot.hearing import Known
from app.bot.models import Cooldown, Message
from app.brains import memory
from app.brains.runtime import Program
from app.writer import Database


def read_known(
    database: Database,
    jobs: Sequence[Job],
    programs: Mapping[int, Program],
    quoting: frozenset[int],
    now: int,
) -> Known:
    """Read what the brains of these jobs may look at; `quoting` are the versions that look at quoted messages."""
    served = [(job, programs[job.version_id or 0]) for job in jobs]
    return Known(
        _cooldowns(database, served),
        _memory(database, served, now),
        _quoted(database, [job for job in jobs if job.version_id in quoting]),
        past.read(database, [(job, program.past_turns) for job, program in served if program.past_turns]),
    )


def _cooldowns(
    database: Database, served: Sequence[tuple[Job, Program]]
) -> dict[int, dict[tuple[str, str], int]]:
    brains = {program.brain_id for _, program in served if program.has_cooldowns}
    if not brains:
        return {}
    scopes = {"brain"}
    for job, _ in served:
        scopes |= {f"contact:{job.chat.contact_id}", f"chat:{job.lease.chat_id}"}
    found: dict[int, dict[tuple[str, str], int]] = {}
    query = select(Cooldown.brain_id, Cooldown.command_id, Cooldown.scope, Cooldown.until).where(
        Cooldown.brain_id.in_(brains), Cooldown.scope.in_(scopes)
    )
    with database.read() as session:
        for row in session.execute(query):
            found.setdefault(row.brain_id, {})[row.command_id, row.scope] = row.until
    return found


def _memory(
    database: Database, served: Sequence[tuple[Job, Program]], now: int
) -> dict[int, memory.Snapshot]:
    """Read what is remembered for each message whose brain may look at its memory."""
    wanted = {
        job.message["id"]: memory.Owner(program.brain_id, job.chat.contact_id, job.lease.chat_id)
        for job, program in served
        if program.needs_memory
    }
    if not wanted:
        return {}
    with database.read() as session:
        found = memory.snapshot(session.connection(), list(wanted.values()), now)
    return dict(zip(wanted, found, strict=True))


def _quoted(database: Database, jobs: Sequence[Job]) -> dict[tuple[int, str], str]:
    """Read the words of quoted messages, by chat and provider id."""
    wanted = {(job.lease.chat_id, job.message["quoted_id"]) for job in jobs if job.message["quoted_id"]}
    if not wanted:
        return {}
    connections = {job.chat.connection_id for job in jobs}
    with database.read() as session:
        return quoted_texts(session, {provider_id for _, provider_id in wanted}, connections)


def quoted_texts(
    session: Session, provider_ids: Collection[str], connections: Collection[int]
) -> dict[tuple[int, str], str]:
    """Read the words of messages by chat and provider id, of these connections' chats."""
    # In two halves, each with the words of its partial index.
    inbound = literal_column("direction = 'in'") & Message.connection_id.in_(connections)
    outbound = literal_column("direction = 'out' AND provider_id IS NOT NULL")
    query = select(Message).where(or_(inbound, outbound), Message.provider_id.in_(sorted(provider_ids)))
    return {(row.chat_id, row.provider_id or ""): said(row) for row in session.scalars(query)}
