"""Turn runner: loads and caches compiled brains, skips chats (paused, loop), runs turns together."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy import select

from app.bot.lease import Lease
from app.bot.states import SCHEDULE_KIND
from app.bot.turns import debounce
from app.bot.turns.build import EMPTY_SNAPSHOT, RunInput, build_turn
from app.bot.turns.claim import Job
from app.bot.turns.debounce import DebounceWait
from app.bot.turns.loop_guard import QUIET_MS, LoopGuard, is_loop_reason
from app.bot.turns.pending import JobResult, PendingRun
from app.bot.turns.prefetch import load_prefetched
from app.bot.turns.result import build_effectless_result, build_handoff_result, build_result
from app.brains.capabilities.contract import Capabilities
from app.brains.document.validation import InvalidDocument
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.runtime import RunRequest, Runtime
from app.brains.runtime.trace import Cause, Trace
from app.brains.versions.intent_models import build_finder
from app.brains.versions.models import BrainVersion
from app.db.writer import Database

log = structlog.get_logger(__name__)

MAX_PROGRAMS = 200
_SKIP_REASONS: Final[Mapping[Cause, str]] = {
    Cause.PAUSED: "A person answers in this chat",
    Cause.NO_BRAIN: "The connection has no brain.",
    Cause.NOT_LIVE: "The connection has no published brain.",
    Cause.CANNOT_RUN: "The published version cannot run. Publish the brain again.",
    Cause.OTHER_BRAIN: "This was scheduled by a brain that does not answer on this connection any more.",
}


class TurnRunner:
    """Runs jobs on the compiled versions this process keeps; versions never change, so neither do programs."""

    def __init__(
        self, database: Database, runtime: Runtime, clock: Callable[[], int], capabilities: Capabilities
    ) -> None:
        self._database = database
        self._runtime = runtime
        self._clock = clock
        self._capabilities = capabilities
        self._programs: OrderedDict[int, Program] = OrderedDict()
        self._quoting_version_ids: set[int] = set()
        self._loop_guard = LoopGuard(database)

    def run(self, jobs: Sequence[Job]) -> list[JobResult | PendingRun]:
        """Run each job's brain on its message and return what came of it, in the same order.

        A job without a brain ends silent, with the reason in its trace; what waits for an answer from outside is
        still coming, and what waits for the person to stop typing is put off.
        """
        now = self._clock()
        programs = self._load({job.version_id for job in jobs if job.version_id})
        found: dict[Lease, JobResult | PendingRun] = {}
        served = []
        for job in debounce.merge_bursts(self._database, jobs, programs, now):
            if isinstance(job, DebounceWait):
                found[job.lease] = job
            elif outcome := _build_skip_outcome(job, programs):
                # Whoever goes on writing where a loop was stopped has not paused yet.
                until = now + QUIET_MS if is_loop_reason(job.chat.pause_reason) else None
                found[job.lease] = build_effectless_result(job, outcome, now, pause_until=until)
            else:
                served.append(job)
        caught = self._loop_guard.find_loops(served, now)
        found |= {
            job.lease: build_handoff_result(job, caught[job.lease.chat_id], now, now + QUIET_MS)
            for job in served
            if job.lease.chat_id in caught
        }
        served = [job for job in served if job.lease not in found]
        found |= dict(
            zip((job.lease for job in served), self._run_programs(served, programs, now), strict=True)
        )
        return [found[job.lease] for job in jobs]

    def _run_programs(
        self, jobs: Sequence[Job], programs: Mapping[int, Program], now: int
    ) -> list[JobResult | PendingRun]:
        if not jobs:
            return []
        known = load_prefetched(self._database, jobs, programs, frozenset(self._quoting_version_ids), now)
        played = [
            RunInput(
                job, programs[job.version_id or 0], now, known.memory.get(job.message["id"], EMPTY_SNAPSHOT)
            )
            for job in jobs
        ]
        requests = [
            RunRequest(one.program, build_turn(one.job, known, now), self._capabilities) for one in played
        ]
        outcomes = self._runtime.run_many(requests)
        return [self._to_result(one, outcome) for one, outcome in zip(played, outcomes, strict=True)]

    def _to_result(self, played: RunInput, outcome: "Outcome | Future[Outcome]") -> JobResult | PendingRun:
        """Make an outcome storable, now or when it is there."""
        if isinstance(outcome, Outcome):
            return build_result(played, outcome)
        # What is stored later has happened later: leases and pacing count from then.
        return PendingRun(outcome, lambda late: build_result(replace(played, now=self._clock()), late))

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
        while len(self._programs) > MAX_PROGRAMS:
            self._quoting_version_ids.discard(self._programs.popitem(last=False)[0])
        return programs

    def _compile(self, version: BrainVersion) -> None:
        try:
            finder = build_finder(self._database, version)
            self._programs[version.id] = compile_program(
                version.id, version.brain_id, version.document, finder
            )
        except InvalidDocument as error:
            # One brain that a newer Brainbox no longer understands must not hold up the others.
            log.error("published version cannot run", version=version.id, reason=str(error))  # noqa: TRY400  it says it all
            return
        if any("quoted" in str(command.get("action")) for command in version.document["commands"]):
            self._quoting_version_ids.add(version.id)


def _build_skip_outcome(job: Job, programs: Mapping[int, Program]) -> Outcome | None:
    """Return the outcome of a job that no brain is asked about; None when one is."""
    cause = _find_skip_cause(job, programs)
    if cause is None:
        return None
    why = job.chat.pause_reason if cause == Cause.PAUSED else ""
    reason = f"{_SKIP_REASONS[cause]}: {why}" if why else _SKIP_REASONS[cause]
    status = "failed" if cause == Cause.CANNOT_RUN else "silent"
    return Outcome(status, trace=Trace(cause=cause, reason=reason, pause_reason=why))


def _find_skip_cause(job: Job, programs: Mapping[int, Program]) -> Cause | None:
    if job.chat.paused_at is not None:
        return Cause.PAUSED
    if job.version_id is None:
        return Cause.NOT_LIVE if job.brain_id else Cause.NO_BRAIN
    if job.version_id not in programs:
        return Cause.CANNOT_RUN
    is_scheduled = job.message["kind"] == SCHEDULE_KIND
    if is_scheduled and job.message["payload"].get("brain_id") != job.brain_id:
        return Cause.OTHER_BRAIN
    return None
