"""Job: delete sessions, links, failures and origins of sign-ins that no longer count (interval)."""

from sqlalchemy.orm import Session

from app.accounts import known_origins, one_time_links, sessions, throttle
from app.clock import MINUTE_MS
from app.db.maintenance_job import JobContext, MaintenanceJob

INTERVAL_MS = 10 * MINUTE_MS


def _run(context: JobContext) -> None:
    context.database.write(lambda session: _prune(session, context.now))


def _prune(session: Session, now: int) -> None:
    sessions.delete_expired(session, now)
    one_time_links.delete_expired(session, now)
    known_origins.delete_expired(session, now)
    throttle.prune(session, now)


JOB = MaintenanceJob(name="prune_sign_ins", run=_run, interval_ms=INTERVAL_MS)
