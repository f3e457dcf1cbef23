"""Job: deliver due schedules as messages of their chats."""

from sqlalchemy import func, select

from app.bot import schedules
from app.bot.models import Schedule
from app.db.maintenance_job import JobContext, MaintenanceJob


def _run(context: JobContext) -> None:
    context.database.writer.submit(schedules.deliver, context.now).result()


JOB = MaintenanceJob(
    name="deliver_schedules", run=_run, due=select(func.min(Schedule.due_at)).scalar_subquery()
)
