"""Rehearsals under way: each in a thread of its own, with its progress, one for each person at a time."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from app.bot import history
from app.bot.history import Heard
from app.brains.problems import InvalidDocument
from app.brains.rehearsal import SAME, Compared, Forecast, Rehearsal, forecast
from app.brains.runtime import Program, Runtime, compile_program
from app.writer import Database

log = structlog.get_logger(__name__)

SIZES: Final = (50, 200, 1_000)
# So small that a live message beside it hardly waits, and that progress and cancel are felt.
BATCH: Final = 25
_AT_ONCE: Final = 2
_DRAFT: Final = 0  # no version has this number
_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of a rehearsal with what the draft makes of it."""

    heard: Heard
    compared: Compared


@dataclass(slots=True)
class Job:
    """A rehearsal: how far it is and what it has found; read by other threads while it runs."""

    id: str
    user_id: int
    brain_id: int
    wanted: int
    started: int  # ms
    total: int | None = None
    done: int = 0
    tally: Counter[str] = field(default_factory=Counter)
    changes: list[Shown] = field(default_factory=list)
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


@dataclass(frozen=True, slots=True)
class Wish:
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
        self._threads = ThreadPoolExecutor(_AT_ONCE, "rehearsal")
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}

    def start(self, wish: Wish) -> Job:
        """Begin a rehearsal in the background; one of the same user ends. Raises InvalidDocument."""
        draft = compile_program(_DRAFT, wish.brain_id, wish.draft)
        job = Job(wish.job_id, wish.user_id, wish.brain_id, wish.count, self._clock())
        with self._lock:
            former = self._jobs.pop(wish.user_id, None)
            self._jobs[wish.user_id] = job
            while len(self._jobs) > _KEPT:
                self._jobs.pop(next(iter(self._jobs))).cancelled.set()
        if former:
            former.cancelled.set()
        job.future = self._threads.submit(self.play, job, draft)
        job.future.add_done_callback(lambda done: _report(job, done))
        return job

    def find(self, user_id: int, job_id: str) -> Job | None:
        """Return a user's rehearsal, unless another has taken its place or this process never had it."""
        job = self._jobs.get(user_id)
        return job if job and job.id == job_id else None

    def latest(self, user_id: int, brain_id: int) -> Job | None:
        """Return the rehearsal a user began last, when it is one of this brain."""
        job = self._jobs.get(user_id)
        return job if job and job.brain_id == brain_id else None

    def close(self) -> None:
        """End all rehearsals after their present batch."""
        for job in list(self._jobs.values()):
            job.cancelled.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def play(self, job: Job, draft: Program) -> None:
        """Play a rehearsal to its end or until it is cancelled."""
        with self._database.read() as session:
            heard = history.recent(session, job.brain_id, job.wanted)
            documents = history.documents(session, heard)
        programs = {number: compiled(number, *found) for number, found in documents.items()}
        rehearsal = Rehearsal(draft, programs.get, self._runtime())
        job.total = len(heard)
        found: list[Compared] = []
        for start in range(0, len(heard), BATCH):
            if job.cancelled.is_set():
                return
            batch = heard[start : start + BATCH]
            found += _note(job, batch, rehearsal.play([each.past for each in batch]))
        job.forecast = forecast(found)


def _note(job: Job, batch: Sequence[Heard], played: Sequence[Compared]) -> Sequence[Compared]:
    for heard, compared in zip(batch, played, strict=True):
        job.tally[compared.kind] += 1
        if compared.kind != SAME:
            job.changes.append(Shown(heard, compared))
    job.done += len(batch)
    return played


def compiled(version_id: int, brain_id: int, document: Mapping[str, Any]) -> Program | None:
    """Compile an earlier version; one that this Brainbox no longer understands is only known by its records."""
    try:
        return compile_program(version_id, brain_id, document)
    except InvalidDocument:
        return None


def _report(job: Job, done: "Future[None]") -> None:
    error = None if done.cancelled() else done.exception()
    if error:
        log.error("rehearsal failed", brain=job.brain_id, exc_info=error)
