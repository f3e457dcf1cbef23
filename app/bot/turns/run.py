"""Programs: inbound messages and published brains brought together, outcomes made storable."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace

import structlog
from sqlalchemy import select

from app.bot import bursts
from app.bot.bursts import Waiting
from app.bot.claims import Job
from app.bot.hearing import NOTHING, turn_of
from app.bot.knowing import read_known
from app.bot.lease import Lease
from app.bot.loops import LoopGuard
from app.bot.outcomes import Played, left_to_a_person, settled, unplayed
from app.bot.running import Coming, Result
from app.bot.schedules import KIND as TICK
from app.brains.capabilities.contract import Capabilities
from app.brains.models import BrainVersion
from app.brains.problems import InvalidDocument
from app.brains.runtime import Outcome, Program, Request, Runtime, compile_program
from app.writer import Database

log = structlog.get_logger(__name__)

KEPT = 200
PAUSED = "A person answers in this chat"
NO_BRAIN = "The connection has no brain."
NOT_LIVE = "The connection has no published brain."
CANNOT_RUN = "The published version cannot run. Publish the brain again."
OTHER_BRAIN = "This was scheduled by a brain that does not answer on this connection any more."


class Programs:
    """Runs jobs on the compiled versions this process keeps; versions never change, so neither do programs."""

    def __init__(
        self, database: Database, runtime: Runtime, clock: Callable[[], int], capabilities: Capabilities
    ) -> None:
        self._database = database
        self._runtime = runtime
        self._clock = clock
        self._capabilities = capabilities
        self._programs: OrderedDict[int, Program] = OrderedDict()
        self._quoting: set[int] = set()
        self._guard = LoopGuard(database)

    def run(self, jobs: Sequence[Job]) -> list[Result | Coming]:
        """Run each job's brain on its message and return what came of it, in the same order.

        A job without a brain ends silent, with the reason in its trace; what waits for an answer from outside is
        still coming, and what waits for the person to stop typing is put off.
        """
        now = self._clock()
        programs = self._load({job.version_id for job in jobs if job.version_id})
        found: dict[Lease, Result | Coming] = {}
        served = []
        for job in bursts.gather(self._database, jobs, programs, now):
            if isinstance(job, Waiting):
                found[job.lease] = job
            elif outcome := _unserved(job, programs):
                found[job.lease] = unplayed(job, outcome, now)
            else:
                served.append(job)
        caught = self._guard.caught(served, now)
        found |= {
            job.lease: left_to_a_person(job, caught[job.lease.chat_id], now)
            for job in served
            if job.lease.chat_id in caught
        }
        served = [job for job in served if job.lease not in found]
        found |= dict(zip((job.lease for job in served), self._play(served, programs, now), strict=True))
        return [found[job.lease] for job in jobs]

    def _play(self, jobs: Sequence[Job], programs: Mapping[int, Program], now: int) -> list[Result | Coming]:
        if not jobs:
            return []
        known = read_known(self._database, jobs, programs, frozenset(self._quoting), now)
        played = [
            Played(job, programs[job.version_id or 0], now, known.memory.get(job.message["id"], NOTHING))
            for job in jobs
        ]
        requests = [Request(one.program, turn_of(one.job, known, now), self._capabilities) for one in played]
        outcomes = self._runtime.run_many(requests)
        return [self._result(one, outcome) for one, outcome in zip(played, outcomes, strict=True)]

    def _result(self, played: Played, outcome: "Outcome | Future[Outcome]") -> Result | Coming:
        """Make an outcome storable, now or when it is there."""
        if isinstance(outcome, Outcome):
            return settled(played, outcome)
        # What is stored later has happened later: leases and pacing count from then.
        return Coming(outcome, lambda late: settled(replace(played, now=self._clock()), late))

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
            self._quoting.discard(self._programs.popitem(last=False)[0])
        return programs

    def _compile(self, version: BrainVersion) -> None:
        try:
            self._programs[version.id] = compile_program(version.id, version.brain_id, version.document)
        except InvalidDocument as error:
            # One brain that a newer Brainbox no longer understands must not hold up the others.
            log.error("published version cannot run", version=version.id, reason=str(error))  # noqa: TRY400  it says it all
            return
        if any("quoted" in str(command.get("action")) for command in version.document["commands"]):
            self._quoting.add(version.id)


def _unserved(job: Job, programs: Mapping[int, Program]) -> Outcome | None:
    """Return the outcome of a job that no brain is asked about; None when one is."""
    if job.chat.paused_at is not None:
        why = f": {job.chat.pause_reason}" if job.chat.pause_reason else ""
        return Outcome("silent", trace={"reason": f"{PAUSED}{why}"})
    if job.version_id is None:
        return Outcome("silent", trace={"reason": NOT_LIVE if job.brain_id else NO_BRAIN})
    if job.version_id not in programs:
        return Outcome("failed", trace={"reason": CANNOT_RUN})
    if job.message["kind"] == TICK and job.message["payload"].get("brain_id") != job.brain_id:
        return Outcome("silent", trace={"reason": OTHER_BRAIN})
    return None
