"""Outcomes of runs made storable: messages to send, what lasts, and the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.bot import deferring, faults
from app.bot.claims import Job
from app.bot.composing import compose
from app.bot.content import ContentError
from app.bot.deferring import Deferred
from app.bot.hearing import NOTHING
from app.bot.rollouts import Counted
from app.bot.schedules import KIND as TICK
from app.bot.schedules import Agenda, Dropped, Wanted
from app.bot.sessions import Session
from app.bot.turns import Ended, Lasting, Reply, failed
from app.brains import effects, limits, memory
from app.brains.rollout import CANDIDATE, Pin
from app.brains.runtime import Outcome, Program
from app.brains.sandbox.wire import Fault as Problem

SANDBOX_DOWN = "sandbox"
_SAID = effects.Reply | effects.Media | effects.React
_REMEMBERED = effects.Remember | effects.Increment | effects.Forget
_LASTING = _REMEMBERED | effects.Schedule | effects.Cancel | effects.Handoff
_KEPT = _LASTING | effects.Cool


@dataclass(frozen=True, slots=True)
class Played:
    """A job with what its brain was given: the program and what it remembered; `now` in ms."""

    job: Job
    program: Program
    now: int
    known: memory.Snapshot = NOTHING


def settled(played: Played, outcome: Outcome) -> Ended | Deferred:
    """Return what is to be stored of a run; one that could not even begin is put back."""
    job = played.job
    if outcome.fault and outcome.fault.kind == SANDBOX_DOWN:
        return Deferred(job.lease, job.message["id"], outcome.fault.message, played.now, deferring.SANDBOX)
    ended = replace(unplayed(job, outcome, played.now), session=_session(played))
    if outcome.status == "silent" and not outcome.effects:
        return ended
    case = _case(played, outcome)
    if outcome.status == "failed":
        return replace(
            ended, lasting=Lasting(case=case, problem=outcome.fault or Problem("error", _why(outcome)))
        )
    try:
        replies = _replies(job, outcome.effects)
    except ContentError as error:
        return failed(replace(ended, lasting=Lasting(case=case)), Problem("limit", str(error)))
    return replace(
        ended,
        replies=replies,
        cooldowns=_cooldowns(job, outcome.effects),
        lasting=_lasting(played, outcome, case),
    )


def unplayed(job: Job, outcome: Outcome, now: int) -> Ended:
    """Return the record of an outcome without any effect."""
    run = {
        "message_id": job.message["id"],
        "chat_id": job.lease.chat_id,
        "brain_id": job.brain_id if job.version_id else None,
        "version_id": job.version_id,
        "command_id": outcome.command_id,
        "outcome": outcome.status,
        "fault": _kind(outcome),
        "trace": {**outcome.trace, **_noted(job, outcome)},
        "micros": outcome.micros,
        "journal": _journal(job, outcome),
        "digest": outcome.digest or None,
        "created_at": now,
    }
    message = job.message
    ended = Ended(job.lease, job.sending, message["id"], message["provider_id"], run, now)
    return replace(ended, counted=_counted(job, run), asked_at=message["created_at"], merged=job.merged)


def left_to_a_person(job: Job, why: str, now: int) -> Ended:
    """Return the record of a turn that is not answered any more: its chat is paused with it."""
    ended = unplayed(job, Outcome("silent", trace={"reason": why}), now)
    return replace(ended, lasting=Lasting(handoff=why))


def _journal(job: Job, outcome: Outcome) -> Mapping[str, Any] | None:
    """Return what the run depended on; the words of a burst are in no message of their own."""
    if not outcome.journal or not job.merged:
        return outcome.journal or None
    return {**outcome.journal, "text": job.message["text"]}


def _kind(outcome: Outcome) -> str | None:
    """Name the kind of a failure; None for what is none."""
    if outcome.status != "failed":
        return None
    return outcome.fault.kind[:12] if outcome.fault else "error"


def _counted(job: Job, run: Mapping[str, Any]) -> Counted | None:
    """Note a run for the rollout it is part of; one that no brain was asked about counts for neither arm."""
    if not job.course.arm or not job.course.rollout_id or (run["outcome"] == "silent" and not run["digest"]):
        return None
    return Counted(
        job.course.rollout_id, job.course.arm, job.lease.chat_id, job.sending.connection_id, run["created_at"]
    )


def _session(played: Played) -> Session | None:
    """Let the conversation go on with this version for a while, where the brain wants that.

    A candidate gets no hold on anybody, what is scheduled is no conversation, and a group's never ends.
    """
    job, minutes = played.job, played.program.document.settings.session_minutes
    if not minutes or job.course.arm == CANDIDATE or job.message["kind"] == TICK or job.chat.group_id:
        return None
    until = played.now + minutes * 60_000
    return Session(job.lease.chat_id, Pin(job.version_id, job.brain_id, job.course.epoch, until))


def _noted(job: Job, outcome: Outcome) -> dict[str, Any]:
    """Return what a trace tells beyond the run itself: why this version, and what lasts (replies have their rows)."""
    lasting = [effects.as_data(each) for each in outcome.effects if isinstance(each, _KEPT)]
    return ({"course": job.course.why} if job.course.why else {}) | ({"lasting": lasting} if lasting else {})


def _why(outcome: Outcome) -> str:
    return outcome.error or "The command failed."


def _replies(job: Job, decided: Sequence[effects.Effect]) -> tuple[Reply, ...]:
    """Make what is said sendable; raises ContentError beyond WhatsApp's limits."""
    kind, provider_id = job.message["kind"], job.message["provider_id"]
    return tuple(compose(each, kind, provider_id) for each in decided if isinstance(each, _SAID))


def _cooldowns(job: Job, decided: Sequence[effects.Effect]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"brain_id": job.brain_id, "command_id": cool.command_id, "scope": cool.scope, "until": cool.until}
        for cool in decided
        if isinstance(cool, effects.Cool)
    )


def _case(played: Played, outcome: Outcome) -> faults.Case | None:
    job, program = played.job, played.program
    if outcome.command_id is None:
        return None
    return faults.Case(
        program.brain_id,
        outcome.command_id,
        program.version_id,
        job.message["id"],
        job.lease.chat_id,
        job.sending.connection_id,
        played.now,
        program.document.errors_to(outcome.command_id),
    )


def _lasting(played: Played, outcome: Outcome, case: faults.Case | None) -> Lasting | None:
    """Gather what a turn changes beyond its replies; None when there is nothing."""
    decided = outcome.effects
    if not any(isinstance(each, _LASTING) for each in decided):
        return None
    handoff = next((each.reason for each in decided if isinstance(each, effects.Handoff)), None)
    return Lasting(_changes(played, outcome), _agenda(played, decided), handoff, case)


def _changes(played: Played, outcome: Outcome) -> memory.Changes | None:
    job, grant = played.job, played.program.document.grants.memory
    written = [each for each in outcome.effects if isinstance(each, _REMEMBERED)]
    if not written:
        return None
    return memory.Changes(
        job.message["id"],
        memory.Owner(played.program.brain_id, job.chat.contact_id, job.lease.chat_id),
        written,
        outcome.reads,
        played.known.revs,
        played.now,
        grant.max_entries if grant else limits.MEMORY_ENTRIES,
    )


def _agenda(played: Played, decided: Sequence[effects.Effect]) -> Agenda | None:
    job, program = played.job, played.program
    names = {command.id: command.name for command in program.document.commands}
    steps = [
        Wanted(each.command_id, names.get(each.command_id, ""), each.due, each.arguments, each.name)
        if isinstance(each, effects.Schedule)
        else Dropped(each.name)
        for each in decided
        if isinstance(each, effects.Schedule | effects.Cancel)
    ]
    if not steps:
        return None
    grant = program.document.grants.schedule
    return Agenda(
        job.sending.connection_id,
        job.lease.chat_id,
        program.brain_id,
        job.message["id"],
        played.now,
        grant.max_pending if grant else limits.SCHEDULED,
        steps,
    )
