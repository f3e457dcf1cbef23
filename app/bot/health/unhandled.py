"""Signed webhooks that could not be handled: kept raw as notices (their field), counted and listed."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot.models import Notice
from app.immutable import immutable

# The notice's field; the whole body is its payload (app.bot.ingest.updates keeps it uncut).
UNHANDLED_FIELD: Final = "broken"


@immutable
class UnhandledWebhook:
    """A kept webhook: `connection_id` is one that signed it, None = unknown; `received_at` in ms."""

    id: int
    connection_id: int | None
    body: str
    received_at: int


def count_unhandled(session: Session) -> int:
    """Count the signed webhooks that were not handled."""
    query = select(func.count()).select_from(Notice).where(Notice.field == UNHANDLED_FIELD)
    return session.scalar(query) or 0


def iterate_unhandled(session: Session) -> Iterator[UnhandledWebhook]:
    """Yield the signed webhooks that were not handled, oldest first."""
    query = select(Notice).where(Notice.field == UNHANDLED_FIELD).order_by(Notice.id)
    for row in session.scalars(query.execution_options(yield_per=20)):
        yield UnhandledWebhook(row.id, row.connection_id, row.payload, row.created_at)
