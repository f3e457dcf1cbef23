"""Job: compact the quarter-hours of past days (batch size)."""

from app.analytics import compaction
from app.db.maintenance_job import JobContext, MaintenanceJob

# So few in one transaction that messages hardly wait.
BATCH_SIZE = 500


def _run(context: JobContext) -> bool:
    before = compaction.get_compaction_cutoff(context.now)
    packed = context.database.writer.run(lambda db: compaction.compact(db, before, BATCH_SIZE))
    return packed >= BATCH_SIZE


JOB = MaintenanceJob(name="compact_rollups", run=_run)
