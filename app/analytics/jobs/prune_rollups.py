"""Job: delete minute rollups past their retention (batch size)."""

from app.analytics import rollup
from app.db.maintenance_job import JobContext, MaintenanceJob

# So few in one transaction that messages hardly wait.
BATCH_SIZE = 500


def _run(context: JobContext) -> bool:
    return context.database.writer.run(lambda db: rollup.prune(db, context.now, BATCH_SIZE)) >= BATCH_SIZE


JOB = MaintenanceJob(name="prune_rollups", run=_run)
