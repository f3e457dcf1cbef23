"""Progress of the full-text index: how many percent of the messages it holds, and up to when some are missing."""

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.bot.full_text import BACKLOG_COUNTERS, MAX_UNINDEXED, MESSAGE_BACKLOG_COUNTER
from app.bot.models import Counter, Message, UnindexedText
from app.immutable import immutable


@immutable
class IndexProgress:
    """How far the index is filled: percent of the messages, and the time (ms) of the newest message that is missing.

    `before` is None when all messages are in, and only names or notes are missing.
    """

    percent: int
    before: int | None = None


def read_progress(session: Session) -> IndexProgress | None:
    """Return how far the index is filled; None when no search misses anything."""
    query = select(Counter.name, Counter.n).where(Counter.name.in_(BACKLOG_COUNTERS), Counter.n > 0)
    left = {row.name: row.n for row in session.execute(query)}
    if not left and not _has_long_list(session):
        return None
    last = left.get(MESSAGE_BACKLOG_COUNTER, 0)
    newest = session.scalar(select(func.max(Message.id))) or 0
    missing = select(Message.created_at).where(Message.id <= last).order_by(Message.id.desc()).limit(1)
    done = 100 * (newest - last) // newest if newest > last else 0
    return IndexProgress(min(done, 99), session.scalar(missing) if last else None)


def _has_long_list(session: Session) -> bool:
    """Tell whether more rows are listed for Python than a search reads itself; SQLite has no list."""
    if session.get_bind().dialect.name == "sqlite":
        return False
    return bool(session.scalar(select(exists(select(UnindexedText.row_id).offset(MAX_UNINDEXED)))))
