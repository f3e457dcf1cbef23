"""Job: delete variables whose time to live is over (batch size)."""

from app.brains.memory import store
from app.db.maintenance_job import JobContext, MaintenanceJob

# So few in one transaction that messages hardly wait.
BATCH_SIZE = 500


def _run(context: JobContext) -> bool:
    gone = context.database.writer.run(lambda db: store.delete_expired(db, context.now, BATCH_SIZE))
    return gone >= BATCH_SIZE


JOB = MaintenanceJob(name="delete_expired_memory", run=_run)
