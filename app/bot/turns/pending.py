"""Runs that wait for an external answer: their lease renewed, longest run, end callback."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from app.bot.lease import Lease
from app.bot.turns.claim import Job
from app.bot.turns.debounce import DebounceWait
from app.bot.turns.result import TurnResult
from app.bot.turns.retry import TurnRetry
from app.brains import limits
from app.immutable import immutable

# A run that is not back after this time (ms) is given up: its lease runs out and the turn is run again.
MAX_RUN_MS = int(limits.CALL_SECONDS * 1000) + 15_000

JobResult = TurnResult | TurnRetry | DebounceWait


@immutable
class PendingRun:
    """A run that is not back yet, and how its outcome becomes storable."""

    future: "Future[Any]"
    build_result: Callable[[Any], JobResult]

    def get_result(self) -> JobResult:
        """Return what is to be stored once the run is back; raises whatever went wrong inside Brainbox."""
        return self.build_result(self.future.result())


FinishCallback = Callable[[Job, PendingRun], None]


@immutable
class _PendingEntry:
    lease: Lease
    started_at: int


class PendingRuns:
    """The runs that are not back yet; each is handed to `finish` when it is, in the thread that answered it."""

    def __init__(
        self,
        clock: Callable[[], int],
        renew: Callable[[tuple[Sequence[Lease], int]], object],
        finish: FinishCallback,
    ) -> None:
        self._clock = clock
        self._renew = renew
        self._finish = finish
        self._pending: dict[Lease, _PendingEntry] = {}
        self._changed = threading.Condition()
        self._renew_at = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, job: Job, pending: PendingRun) -> None:
        """Keep the chat of `job` until its run is back."""
        now = self._clock()
        with self._changed:
            if not self._pending:
                self._renew_at = now + job.lease.ttl_ms // 3
            self._pending[job.lease] = _PendingEntry(job.lease, now)
        pending.future.add_done_callback(lambda _done: self._complete(job, pending))

    def renew(self) -> None:
        """Prolong the leases if it is time; called often, does not wait."""
        now = self._clock()
        if not self._pending or now < self._renew_at:
            return
        with self._changed:
            lost = [each.lease for each in self._pending.values() if now - each.started_at > MAX_RUN_MS]
            for lease in lost:
                del self._pending[lease]
            leases = list(self._pending)
        if leases:
            self._renew_at = now + min(lease.ttl_ms for lease in leases) // 3
            self._renew((leases, now))

    def close(self, timeout: float) -> None:
        """Wait up to `timeout` seconds; what comes later is dropped, another worker runs those turns again."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pending, timeout)
            self._closed = True
            self._pending.clear()

    def _complete(self, job: Job, coming: PendingRun) -> None:
        with self._changed:
            if self._pending.pop(job.lease, None) is None or self._closed:
                return
            # Under the lock: nothing is handed over any more once `close` has returned.
            self._finish(job, coming)
            self._changed.notify_all()
