"""Job: run bulk actions on failed messages, batch by batch (pause between batches)."""

from sqlalchemy import func, select

from app.bot.failures import bulk_actions
from app.bot.models import BulkAction
from app.db.maintenance_job import JobContext, MaintenanceJob, build_due_condition

# Between two batches (ms): messages come first.
PAUSE_MS = 100
_action_id = select(func.min(BulkAction.id)).where(BulkAction.ended_at.is_(None)).scalar_subquery()


def _run(context: JobContext) -> None:
    context.database.write(lambda session: bulk_actions.run_next(session, context.now))


JOB = MaintenanceJob(
    name="run_bulk_actions", run=_run, due=build_due_condition(_action_id.is_not(None)), pause_ms=PAUSE_MS
)
