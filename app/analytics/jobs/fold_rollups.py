"""Job: fold waiting deltas into the rollups."""

from concurrent.futures import Future

from sqlalchemy import func, select

from app.analytics import rollup
from app.analytics.models import RollupDelta
from app.db.maintenance_job import JobContext, MaintenanceJob, build_due_condition

_delta_id = select(func.min(RollupDelta.id)).scalar_subquery()


def _run(context: JobContext) -> Future[int]:
    return context.database.writer.submit(rollup.fold, context.now)


JOB = MaintenanceJob(name="fold_rollups", run=_run, due=build_due_condition(_delta_id.is_not(None)))
