"""Job: add to the full-text index what was written outside the inbox, and what came before the index."""

from concurrent.futures import Future
from typing import Any

from sqlalchemy import func, or_, select

from app.bot import full_text
from app.bot.models import Counter, Message, UnindexedText
from app.db.maintenance_job import JobContext, MaintenanceJob, build_due_condition

_newest_id = select(func.max(Message.id)).scalar_subquery()
_indexed_id = select(Counter.n).where(Counter.name == full_text.INDEXED_COUNTER).scalar_subquery()
_is_behind = select(Counter.n).where(Counter.name.in_(full_text.BACKLOG_COUNTERS), Counter.n > 0).exists()


def _run(context: JobContext) -> Future[Any]:
    return context.database.writer.submit(full_text.index_new_messages, None)


JOB = MaintenanceJob(
    name="index_messages",
    run=_run,
    due=build_due_condition(or_(_newest_id > _indexed_id, _is_behind, select(UnindexedText.row_id).exists())),
)
