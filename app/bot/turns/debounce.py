"""Debounce of rapid messages (`burst_seconds`): longest wait, largest merge.

A brain's setting `burst_seconds` says how long nothing must come. Only texts of a person in a direct chat wait and are
joined; what begins with a prefix is a command, and is answered at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import literal_column, select

from app.bot import lease
from app.bot.models import Message
from app.bot.states import MessageState, RunOutcome, sql_is
from app.bot.turns.claim import JOB_COLUMNS, Job
from app.brains.document.schema import BrainSettings
from app.brains.runtime.program import Program
from app.brains.runtime.trace import Cause, Trace
from app.db.schema import get_table
from app.db.statements import InList, Statement
from app.db.writer import Database
from app.immutable import immutable

# Somebody who never stops is answered after so many times the silence that is waited for.
MAX_WAIT_FACTOR = 3
# What is waiting of a chat is read up to here: a longer burst is answered in parts.
MAX_BURST_MESSAGES = 50
_MERGED_REASON = "Answered together with what was written after it"


@immutable
class DebounceWait:
    """A chat whose person may still be typing: looked at again at `ready_at` (ms)."""

    lease: lease.Lease
    ready_at: int


_message = get_table(Message).c
_SELECT_NEW_MESSAGES = Statement(
    select(*JOB_COLUMNS)
    .where(literal_column(sql_is("message.state", MessageState.NEW)), InList(_message.chat_id, "ids"))
    .order_by(_message.chat_id, _message.id)
)


def merge_bursts(
    database: Database, jobs: Sequence[Job], programs: Mapping[int, Program], now: int
) -> list[Job | DebounceWait]:
    """Return each job as it is, joined with the messages that followed, or waiting for more of them."""
    silences = {job.lease.chat_id: _silence_ms(job, programs) for job in jobs}
    chat_ids = sorted(chat_id for chat_id, silence in silences.items() if silence)
    if not chat_ids:
        return list(jobs)
    waiting: dict[int, list[Mapping[str, Any]]] = {}
    with database.read() as session:
        for row in _SELECT_NEW_MESSAGES.execute(session.connection(), ids=chat_ids):
            waiting.setdefault(row["chat_id"], []).append(row)
    return [
        _merge_job(
            job,
            waiting.get(job.lease.chat_id, ())[:MAX_BURST_MESSAGES],
            silences[job.lease.chat_id],
            programs,
            now,
        )
        for job in jobs
    ]


def release_chats(db: Db, waits: Sequence[DebounceWait]) -> list[None]:
    """Release chats until their `ready_at`; called by the writer."""
    held = lease.fence(db, [each.lease for each in waits])
    steps = lease.Steps()
    for each in waits:
        if each.lease.chat_id in held:
            steps.release(each.lease, each.ready_at)
    steps.write(db)
    return [None] * len(waits)


def build_run_rows(run: Mapping[str, Any], merged: Sequence[int]) -> list[Mapping[str, Any]]:
    """Return the record of a run and, for each message that was answered with it, one that says so."""
    if not merged:
        return [run]
    trace = Trace(cause=Cause.MERGED, reason=_MERGED_REASON, merged_into=run["message_id"]).to_json()
    without = {
        "command_id": None,
        "outcome": RunOutcome.MERGED,
        "fault": None,
        "micros": 0,
        "journal": None,
        "digest": None,
    }
    return [*({**run, **without, "message_id": each, "trace": trace} for each in merged), run]


def _silence_ms(job: Job, programs: Mapping[int, Program]) -> int:
    """Return how long (ms) nothing must come before this job is run; 0 = it is run now."""
    program = programs.get(job.version_id or 0)
    if program is None or job.chat.contact_id is None or job.chat.paused_at is not None:
        return 0
    settings = program.document.settings
    return 1000 * settings.burst_seconds if _is_mergeable(job.message, settings) else 0


def _is_mergeable(message: Mapping[str, Any], settings: BrainSettings) -> bool:
    return message["kind"] == "text" and not settings.has_prefix(message["text"])


def _merge_job(
    job: Job,
    rows: Sequence[Mapping[str, Any]],
    silence: int,
    programs: Mapping[int, Program],
    now: int,
) -> Job | DebounceWait:
    if not silence:
        return job
    settings = programs[job.version_id or 0].document.settings
    length = next((n for n, row in enumerate(rows) if not _is_mergeable(row, settings)), len(rows))
    burst = rows[:length]
    if not burst or burst[0]["id"] != job.message["id"]:
        # What was claimed is not new any more: the fence of its turn will find that out.
        return job
    due = min(burst[-1]["created_at"] + silence, burst[0]["created_at"] + MAX_WAIT_FACTOR * silence)
    if length == len(rows) < MAX_BURST_MESSAGES and now < due:
        return DebounceWait(job.lease, due)
    if length == 1:
        return job
    text = "\n".join(row["text"] for row in burst)
    message = {**burst[-1], "text": text}
    return replace(job, message=message, merged_ids=tuple(row["id"] for row in burst[:-1]))
