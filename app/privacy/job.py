"""Privacy job: runs erasures and data retention (intervals)."""

from typing import Final

import structlog

from app.db.maintenance_job import MaintenanceJob
from app.privacy.erasure import ErasureRunner
from app.privacy.retention import RetentionRunner

log = structlog.get_logger(__name__)

POLL_INTERVAL_MS: Final = 1_000
# Looks for what is old are this many times rarer than looks for people, unless there is more.
RETENTION_EVERY_RUNS: Final = 600


class PrivacyJob:
    """Erasure and retention as a maintenance job; what it does not end another worker takes up."""

    def __init__(self, erasing: ErasureRunner, retaining: RetentionRunner) -> None:
        self._erasure = erasing
        self._retention = retaining
        self._runs_since_retention = 0
        self.job = MaintenanceJob(
            name="eraser",
            run=lambda _context: self.run_once(),
            interval_ms=POLL_INTERVAL_MS,
            own_thread=True,
            on_error=_log_error,
        )

    def run_once(self) -> None:
        """Erase the next person, if anybody is to be erased, and now and then forget what is old."""
        erasure_id = self._erasure.claim_next()
        if erasure_id is not None:
            self._erasure.run(erasure_id)
        self._runs_since_retention += 1
        if self._runs_since_retention >= RETENTION_EVERY_RUNS:
            self._runs_since_retention = RETENTION_EVERY_RUNS if self._retention.run_batch() else 0


def _log_error(error: Exception) -> None:
    # The type alone: the words of an error may be a person's.
    log.error("erasing broken off", reason=type(error).__name__)
