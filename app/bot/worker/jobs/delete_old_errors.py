"""Job: delete command errors that have not come back (retention: bot/command_errors)."""

from app.bot import command_errors
from app.db.maintenance_job import JobContext, MaintenanceJob


def _run(context: JobContext) -> None:
    context.database.writer.run(lambda db: command_errors.delete_expired(db, context.now))


JOB = MaintenanceJob(name="delete_old_errors", run=_run)
