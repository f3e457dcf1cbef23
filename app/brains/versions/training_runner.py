"""Training of intents by a worker: one at a time, in a process of its own; interval of its signs of life."""

from collections.abc import Callable
from typing import Final

import structlog

from app.brains.document.understanding import train_set
from app.brains.nlu.training.training_process import TrainingFailed
from app.brains.versions import intent_trainings
from app.brains.versions.intent_trainings import ClaimedTraining
from app.db.maintenance_job import MaintenanceJob
from app.db.writer import Database

log = structlog.get_logger(__name__)

POLL_INTERVAL_MS: Final = 2_000
RENEW_MS: Final = 1_000  # so often a training says that it is still run, and hears that it was cancelled


class TrainingRunner:
    """Takes up trainings and runs them to their end; what it does not end another worker begins again."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self.job = MaintenanceJob(
            name="train_intents",
            run=lambda _context: self.run_next(),
            interval_ms=POLL_INTERVAL_MS,
            pause_ms=0,
            own_thread=True,
        )

    def run_next(self) -> bool:
        """Run the next training, if there is one; returns whether there was."""
        now = self._clock()
        with self._database.engine.connect() as db:
            if not intent_trainings.is_due(db, now):
                return False
        claimed = self._database.write(lambda session: intent_trainings.claim_next(session, now))
        if claimed:
            self._run(claimed)
        return claimed is not None

    def _run(self, claimed: ClaimedTraining) -> None:
        lease = _Lease(self._database, self._clock, claimed)
        try:
            trained = train_set(claimed.wanted, lease.tell_progress, lease.is_lost)
        except TrainingFailed as error:
            message, now = str(error), self._clock()
            self._database.write(lambda session: intent_trainings.fail(session, claimed, message, now))
            log.info("training failed", brain=claimed.brain_id, reason=message)
            return
        now = self._clock()
        self._database.write(lambda session: intent_trainings.finish(session, claimed, trained, now))


class _Lease:
    """Keeps a claimed training while it runs."""

    def __init__(self, database: Database, clock: Callable[[], int], claimed: ClaimedTraining) -> None:
        self._database = database
        self._clock = clock
        self._claimed = claimed
        self._renew_at = 0
        self._is_lost = False

    def tell_progress(self, share: float) -> None:
        self._renew(share)

    def is_lost(self) -> bool:
        if not self._is_lost and self._clock() >= self._renew_at:
            self._renew(None)
        return self._is_lost

    def _renew(self, share: float | None) -> None:
        now = self._clock()
        self._renew_at = now + RENEW_MS
        self._is_lost = not self._database.writer.run(
            lambda db: intent_trainings.renew(db, self._claimed, now, share)
        )
