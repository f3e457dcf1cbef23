"""Tests on past messages: background threads, sizes, progress, number in parallel."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from app.bot.release import recorded_turns
from app.bot.release.recorded_turns import RecordedTurn
from app.brains.document.understanding import FindModel, train_draft
from app.brains.document.validation import InvalidDocument
from app.brains.runtime.program import Program, compile_program
from app.brains.runtime.rehearsal import SAME, Comparison, Forecast, Rehearsal, compute_forecast
from app.brains.runtime.replay import CooldownBranch
from app.brains.runtime.runtime import Runtime
from app.db.writer import Database
from app.immutable import immutable

log = structlog.get_logger(__name__)

SIZES: Final = (50, 200, 1_000)
# So small that a live message beside it hardly waits, and that progress and cancel are felt.
BATCH_SIZE: Final = 25
_MAX_PARALLEL: Final = 2
_DRAFT_VERSION_ID: Final = 0  # no version has this number
_MAX_JOBS: Final = 20
# How many of its longest cooldowns a draft is followed before the first message: it would have rested at some runs.
_COOLDOWNS_BACK: Final = 3


@immutable
class RehearsedMessage:
    """One message of a rehearsal with what the draft makes of it."""

    recorded: RecordedTurn
    comparison: Comparison


@dataclass(slots=True)
class RehearsalJob:
    """A rehearsal: how far it is and what it has found; read by other threads while it runs."""

    id: str
    user_id: int
    brain_id: int
    requested_count: int
    started_at: int  # ms
    total: int | None = None
    done: int = 0
    tally: Counter[str] = field(default_factory=Counter)
    changes: list[RehearsedMessage] = field(default_factory=list)
    forecast: Forecast | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    future: "Future[None] | None" = None

    @property
    def state(self) -> str:
        """Return running, done, cancelled or failed."""
        if self.future is None or not self.future.done():
            return "running"
        if self.cancelled.is_set():
            return "cancelled"
        return "failed" if self.future.exception() else "done"


@immutable
class RehearsalRequest:
    """What to rehearse: a draft of a brain on its last `count` messages, for a user; `job_id` names the rehearsal."""

    job_id: str
    user_id: int
    brain_id: int
    draft: Mapping[str, Any]
    count: int


class Rehearsals:
    """Starts and finds rehearsals; nothing of them is stored. `runtime` is made when the first one begins."""

    def __init__(self, database: Database, runtime: Callable[[], Runtime], clock: Callable[[], int]) -> None:
        self._database = database
        self._runtime = runtime
        self._clock = clock
        self._threads = ThreadPoolExecutor(_MAX_PARALLEL, "rehearsal")
        self._lock = threading.Lock()
        self._jobs: dict[int, RehearsalJob] = {}

    def start(self, request: RehearsalRequest) -> RehearsalJob:
        """Begin a rehearsal in the background; one of the same user ends. Raises InvalidDocument."""
        draft = compile_program(_DRAFT_VERSION_ID, request.brain_id, request.draft, train_draft)
        job = RehearsalJob(request.job_id, request.user_id, request.brain_id, request.count, self._clock())
        with self._lock:
            former = self._jobs.pop(request.user_id, None)
            self._jobs[request.user_id] = job
            while len(self._jobs) > _MAX_JOBS:
                self._jobs.pop(next(iter(self._jobs))).cancelled.set()
        if former:
            former.cancelled.set()
        job.future = self._threads.submit(self.run, job, draft)
        job.future.add_done_callback(lambda done: _log_failure(job, done))
        return job

    def find(self, user_id: int, job_id: str) -> RehearsalJob | None:
        """Return a user's rehearsal, unless another has taken its place or this process never had it."""
        job = self._jobs.get(user_id)
        return job if job and job.id == job_id else None

    def find_latest(self, user_id: int, brain_id: int) -> RehearsalJob | None:
        """Return the rehearsal a user began last, when it is one of this brain."""
        job = self._jobs.get(user_id)
        return job if job and job.brain_id == brain_id else None

    def close(self) -> None:
        """End all rehearsals after their present batch."""
        for job in list(self._jobs.values()):
            job.cancelled.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def run(self, job: RehearsalJob, draft: Program) -> None:
        """Play a rehearsal to its end or until it is cancelled."""
        with self._database.read() as session:
            turns = recorded_turns.list_recent(session, job.brain_id, job.requested_count)
            documents = recorded_turns.load_documents(session, turns)
            cooldowns = _build_cooldowns(session, job.brain_id, draft, turns)
        programs = {number: compile_version(number, *found) for number, found in documents.items()}
        rehearsal = Rehearsal(draft, programs.get, self._runtime(), cooldowns)
        job.total = len(turns)
        found: list[Comparison] = []
        for start in range(0, len(turns), BATCH_SIZE):
            if job.cancelled.is_set():
                return
            batch = turns[start : start + BATCH_SIZE]
            found += _add_results(job, batch, rehearsal.run([each.run for each in batch]))
        job.forecast = compute_forecast(found)


def _build_cooldowns(
    session: Session, brain_id: int, draft: Program, turns: Sequence[RecordedTurn]
) -> CooldownBranch:
    """Return the draft's cooldowns before the first message, as if it had answered what the record tells of."""
    cooldowns = CooldownBranch(draft)
    if not (turns and cooldowns.rules):
        return cooldowns
    longest_ms = max(rule.seconds for rule in cooldowns.rules.values()) * 1000
    since = turns[0].run.journal["now"] - _COOLDOWNS_BACK * longest_ms
    for turn, command_id in recorded_turns.list_runs_before(
        session, brain_id, turns[0], cooldowns.rules, since
    ):
        cooldowns.apply_earlier(turn, command_id)
    return cooldowns


def _add_results(
    job: RehearsalJob, batch: Sequence[RecordedTurn], played: Sequence[Comparison]
) -> Sequence[Comparison]:
    for turn, compared in zip(batch, played, strict=True):
        job.tally[compared.kind] += 1
        if compared.kind != SAME:
            job.changes.append(RehearsedMessage(turn, compared))
    job.done += len(batch)
    return played


def compile_version(
    version_id: int, brain_id: int, document: Mapping[str, Any], find_model: FindModel | None = None
) -> Program | None:
    """Compile an earlier version; one that this Brainbox no longer understands is only known by its records.

    A record says what was understood; `find_model` is for a version that answers anew.
    """
    try:
        return compile_program(version_id, brain_id, document, find_model)
    except InvalidDocument:
        return None


def _log_failure(job: RehearsalJob, done: "Future[None]") -> None:
    error = None if done.cancelled() else done.exception()
    if error:
        log.error("rehearsal failed", brain=job.brain_id, exc_info=error)
