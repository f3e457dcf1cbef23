"""Job: send alerts about command errors and automatic rollbacks."""

from sqlalchemy import func, or_, select

from app.bot.models import CommandError
from app.bot.worker import alerts
from app.brains.versions.models import Rollout
from app.db.maintenance_job import JobContext, MaintenanceJob, build_due_condition

_error_id = select(func.min(CommandError.id)).where(CommandError.notify_to.is_not(None)).scalar_subquery()
_rollout_id = select(func.min(Rollout.id)).where(Rollout.notify_to.is_not(None)).scalar_subquery()


def _run(context: JobContext) -> None:
    context.database.writer.submit(alerts.send_due, context.now).result()


JOB = MaintenanceJob(
    name="send_alerts",
    run=_run,
    due=build_due_condition(or_(_error_id.is_not(None), _rollout_id.is_not(None))),
)
