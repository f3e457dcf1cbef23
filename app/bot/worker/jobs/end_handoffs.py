"""Job: end handoffs whose time is over, so that the bot answers again."""

from sqlalchemy import func, select

from app.bot import handoff
from app.bot.models import Chat
from app.db.maintenance_job import JobContext, MaintenanceJob


def _run(context: JobContext) -> None:
    context.database.writer.run(lambda db: handoff.end_expired(db, context.now))


JOB = MaintenanceJob(name="end_handoffs", run=_run, due=select(func.min(Chat.paused_until)).scalar_subquery())
