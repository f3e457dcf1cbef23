"""Turns: inbound messages and published brains brought together, outcomes made storable."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy import select

from app.bot.claims import Job
from app.bot.content import ContentError, reply_content
from app.bot.models import Cooldown
from app.bot.turns import Ended, Reply
from app.brains import effects
from app.brains.models import BrainVersion
from app.brains.problems import InvalidDocument
from app.brains.runtime import Outcome, Program, Runtime, Sender, Turn, compile_program
from app.writer import Database

log = structlog.get_logger(__name__)

KEPT = 200
SEED_MASK = 0xFFFF_FFFF


class Programs:
    """Runs jobs on the compiled versions this process keeps; versions never change, so neither do programs."""

    def __init__(self, database: Database, runtime: Runtime, clock: Callable[[], int]) -> None:
        self._database = database
        self._runtime = runtime
        self._clock = clock
        self._programs: OrderedDict[int, Program] = OrderedDict()

    def run(self, jobs: Sequence[Job]) -> list[Ended]:
        """Run each job's brain on its message; a job without a brain ends silent, with the reason in its trace."""
        programs = self._load({job.version_id for job in jobs if job.version_id})
        served = [job for job in jobs if job.version_id in programs]
        cooldowns = self._cooldowns(served, programs)
        now = self._clock()
        runnable = [(job, programs[job.version_id or 0], _turn(job, cooldowns, now)) for job in served]
        outcomes = self._runtime.run_many([(program, turn) for _, program, turn in runnable])
        ended = [_ended(job, out, now) for (job, _, _), out in zip(runnable, outcomes, strict=True)]
        return ended + [_unserved(job, now) for job in jobs if job.version_id not in programs]

    def _load(self, version_ids: set[int]) -> dict[int, Program]:
        missing = [i for i in version_ids if i not in self._programs]
        if missing:
            with self._database.read() as session:
                query = select(BrainVersion).where(BrainVersion.id.in_(missing))
                for version in session.scalars(query):
                    self._compile(version)
        programs = {i: self._programs[i] for i in version_ids if i in self._programs}
        for i in programs:
            self._programs.move_to_end(i)
        while len(self._programs) > KEPT:
            self._programs.popitem(last=False)
        return programs

    def _compile(self, version: BrainVersion) -> None:
        try:
            self._programs[version.id] = compile_program(version.id, version.brain_id, version.document)
        except InvalidDocument as error:
            # One brain that a newer Brainbox no longer understands must not hold up the others.
            log.error("published version cannot run", version=version.id, reason=str(error))  # noqa: TRY400  it says it all

    def _cooldowns(
        self, jobs: Sequence[Job], programs: Mapping[int, Program]
    ) -> dict[int, dict[tuple[str, str], int]]:
        """Read the cooldowns of the brains that have any, by brain."""
        brains = {p.brain_id for p in programs.values() if p.has_cooldowns}
        if not brains:
            return {}
        scopes = {"brain"}
        for job in jobs:
            scopes |= {f"contact:{job.chat.contact_id}", f"chat:{job.lease.chat_id}"}
        found: dict[int, dict[tuple[str, str], int]] = {}
        with self._database.read() as session:
            query = select(Cooldown.brain_id, Cooldown.command_id, Cooldown.scope, Cooldown.until).where(
                Cooldown.brain_id.in_(brains), Cooldown.scope.in_(scopes)
            )
            for row in session.execute(query):
                found.setdefault(row.brain_id, {})[row.command_id, row.scope] = row.until
        return found


def _turn(job: Job, cooldowns: Mapping[int, dict[tuple[str, str], int]], now: int) -> Turn:
    message, person = job.message, job.sending.person
    choice = _choice(message)
    return Turn(
        message_id=message["id"],
        kind=message["kind"],
        text=message["text"],
        choice_id=choice[0],
        choice_title=choice[1],
        contact_id=job.chat.contact_id,
        sender=Sender(person.user_id or person.phone or "", person.name, person.phone),
        chat_id=job.lease.chat_id,
        is_group=job.chat.group_id is not None,
        at=message["provider_at"] or message["created_at"],
        now=now,
        seed=(message["id"] * 2654435761) & SEED_MASK,
        cooldowns=cooldowns.get(job.brain_id or 0, {}),
    )


def _choice(message: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return id and title of a pressed button or a chosen list row."""
    if message["kind"] not in {"button", "list"}:
        return None, None
    payload = message["payload"]
    interactive = payload.get("interactive")
    if isinstance(interactive, dict):
        chosen = interactive.get("button_reply") or interactive.get("list_reply") or {}
        return chosen.get("id"), chosen.get("title")
    # The quick reply of a template has a form of its own (whatsapp A5).
    button = payload.get("button") or {}
    return button.get("payload"), button.get("text")


def _ended(job: Job, outcome: Outcome, now: int) -> Ended:
    provider_id = job.message["provider_id"]
    try:
        replies = tuple(_reply(e, provider_id) for e in outcome.effects if isinstance(e, effects.Reply))
    except ContentError as error:
        replies = ()
        outcome = replace(outcome, status="failed", trace={**outcome.trace, "error": {"message": str(error)}})
    cooldowns = tuple(
        {"brain_id": job.brain_id, "command_id": cool.command_id, "scope": cool.scope, "until": cool.until}
        for cool in outcome.effects
        if isinstance(cool, effects.Cool)
    )
    run = _run(job, outcome, now)
    return Ended(job.lease, job.sending, job.message["id"], provider_id, run, now, replies, cooldowns)


def _reply(reply: effects.Reply, provider_id: str) -> Reply:
    """Make an effect sendable; raises ContentError beyond WhatsApp's limits."""
    content = reply_content(reply.text, reply.buttons)
    return Reply(content, reply.text, provider_id if reply.quote else None)


def _unserved(job: Job, now: int) -> Ended:
    if job.version_id:
        outcome = Outcome(
            "failed", trace={"reason": "The published version cannot run. Publish the brain again."}
        )
    else:
        reason = "The connection has no published brain." if job.brain_id else "The connection has no brain."
        outcome = Outcome("silent", trace={"reason": reason})
    run = _run(job, outcome, now)
    return Ended(job.lease, job.sending, job.message["id"], job.message["provider_id"], run, now)


def _run(job: Job, outcome: Outcome, now: int) -> dict[str, Any]:
    return {
        "message_id": job.message["id"],
        "chat_id": job.lease.chat_id,
        "brain_id": job.brain_id if job.version_id else None,
        "version_id": job.version_id,
        "command_id": outcome.command_id,
        "outcome": outcome.status,
        "trace": outcome.trace,
        "micros": outcome.micros,
        "created_at": now,
    }
