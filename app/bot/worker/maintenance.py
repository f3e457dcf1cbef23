"""Maintenance loop: runs the jobs that are due, one SELECT for all; pause after a failed job."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from sqlalchemy import select

from app.bot.polling import Poller
from app.db.actor import bind_actor, build_job_actor
from app.db.maintenance_job import FIRST_RUN_DELAY_MS, JobContext, MaintenanceJob
from app.db.writer import Database

# A job that has failed is begun again after this long (ms).
FAILURE_PAUSE_MS: Final = 10_000


class Maintenance:
    """Runs jobs every `sweep_interval_ms`, or when something is known to be due; `clock` in ms.

    One thread calls `run_due`; jobs with a thread of their own run from `start` to `stop`.
    """

    def __init__(
        self,
        database: Database,
        jobs: Sequence[MaintenanceJob],
        clock: Callable[[], int],
        sweep_interval_ms: int,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sweep_interval_ms = sweep_interval_ms
        self._jobs = [each for each in jobs if not each.own_thread]
        self._pollers = [self._build_poller(each) for each in jobs if each.own_thread]
        columns = [each.due.label(each.name) for each in self._jobs if each.due is not None]
        self._select_due = select(*columns) if columns else None
        first_run_at = clock() + FIRST_RUN_DELAY_MS
        # When each job may run at the earliest (ms), by name.
        self._not_before = {each.name: first_run_at for each in self._jobs if each.due is None}
        self._futures: dict[str, Future[Any]] = {}
        self._run_at = 0

    @property
    def wait_ms(self) -> int:
        """How long nothing is to be done, in ms."""
        return max(0, min(self._sweep_interval_ms, self._run_at - self._clock()))

    def schedule_at(self, at: int) -> None:
        """Check for due jobs at this moment (ms) too."""
        self._run_at = min(self._run_at, at)

    def start(self) -> None:
        """Start the jobs that have a thread of their own."""
        for each in self._pollers:
            each.start()

    def stop(self, timeout: float) -> None:
        """Stop the jobs that have a thread of their own, waiting at most `timeout` seconds for each."""
        for each in self._pollers:
            each.stop(timeout)

    def run_due(self) -> None:
        """Run the jobs that are due; quick when it is not time yet."""
        now = self._clock()
        if now < self._run_at:
            return
        # Before the look: what is scheduled meanwhile must not be lost.
        self._run_at = now + self._sweep_interval_ms
        due = self._read_due()
        self.schedule_at(min((self._run_if_due(each, due, now) for each in self._jobs), default=self._run_at))

    def _read_due(self) -> Mapping[str, int | None]:
        """Return the moment (ms) from which each job has something to do, by name."""
        if self._select_due is None:
            return {}
        with self._database.read() as session:
            return dict(session.execute(self._select_due).mappings().one())

    def _run_if_due(self, job: MaintenanceJob, due: Mapping[str, int | None], now: int) -> int:
        """Run a job if it is due; returns when to check again (ms)."""
        sweep_at = now + self._sweep_interval_ms
        due_at = due[job.name] if job.due is not None else 0
        if due_at is None:
            return sweep_at
        due_at = max(due_at, self._not_before.get(job.name, 0))
        if due_at > now:
            return due_at
        running = self._futures.get(job.name)
        if running and not running.done():
            return sweep_at
        return self._run(job, now)

    def _run(self, job: MaintenanceJob, now: int) -> int:
        more_at = now + (self._sweep_interval_ms if job.pause_ms is None else job.pause_ms)
        try:
            with bind_actor(build_job_actor(job.name)):
                result = job.run(JobContext(self._database, now))
        except Exception as error:  # noqa: BLE001  neither messages nor other jobs wait for what is wrong with one
            job.on_error(error)
            self._not_before[job.name] = now + FAILURE_PAUSE_MS
            return now + FAILURE_PAUSE_MS
        if isinstance(result, Future):
            self._futures[job.name] = result
            if job.pause_ms:
                self._not_before[job.name] = more_at
            result.add_done_callback(partial(self._note_end, job))
            return more_at
        if job.due is None:
            self._not_before[job.name] = more_at if result else now + job.interval_ms
        return more_at if result or job.due is not None else now + job.interval_ms

    def _note_end(self, job: MaintenanceJob, ended: "Future[Any]") -> None:
        """Report what a job failed at that went on by itself, and let it rest (thread that ended it)."""
        error = None if ended.cancelled() else ended.exception()
        if isinstance(error, Exception):
            self._not_before[job.name] = self._clock() + FAILURE_PAUSE_MS
            job.on_error(error)

    def _build_poller(self, job: MaintenanceJob) -> Poller:
        return Poller(
            job.name,
            partial(self._run_own_thread, job),
            job.on_error,
            interval_s=job.interval_ms / 1000,
            busy_interval_s=(job.pause_ms or 0) / 1000,
        )

    def _run_own_thread(self, job: MaintenanceJob) -> bool:
        with bind_actor(build_job_actor(job.name)):
            return bool(job.run(JobContext(self._database, self._clock())))
