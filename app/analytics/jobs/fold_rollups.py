"""Job: fold waiting deltas into the rollups (pause between two folds)."""

from concurrent.futures import Future
from typing import Final

from sqlalchemy import func, select

from app.analytics import rollup
from app.analytics.models import RollupDelta
from app.db.maintenance_job import JobContext, MaintenanceJob, build_due_condition

# Reports add the deltas that still wait, so the rollups may be this late (ms); each fold holds up the writer a little,
# and a few large ones cost less than many small ones.
PAUSE_MS: Final = 3_000

_delta_id = select(func.min(RollupDelta.id)).scalar_subquery()


def _run(context: JobContext) -> Future[int]:
    return context.database.writer.submit(rollup.fold, context.now)


JOB = MaintenanceJob(
    name="fold_rollups", run=_run, due=build_due_condition(_delta_id.is_not(None)), pause_ms=PAUSE_MS
)
