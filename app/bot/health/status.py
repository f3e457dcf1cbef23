"""Status of the pipeline: pending and unsettled messages, lag, failures, living workers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, literal_column, or_, select
from sqlalchemy.orm import Session

from app.bot.health.unhandled import count_unhandled
from app.bot.models import Chat, Connection, Contact, Counter, Message, WorkerHeartbeat
from app.bot.states import (
    FAILURE_PAGE_STATES,
    TROUBLE_STATES,
    UNSETTLED_STATES,
    Direction,
    MessageState,
    sql_any,
    sql_is,
)

HEARTBEAT_TIMEOUT_MS = 15_000
# Written out: only then do the planners see that a partial index covers them.
_NEW = literal_column(sql_is("message.state", MessageState.NEW))
# Set by a try that failed for a reason of the moment (app.bot.turns.retry); the next try waits.
_HELD = Message.error_code.is_not(None)
_UNSETTLED = literal_column(sql_any("message.state", UNSETTLED_STATES))
OPEN_FAILURES = literal_column(
    sql_any("message.state", FAILURE_PAGE_STATES) + " AND message.aside_at IS NULL"
)


def count_pending(session: Session) -> int:
    """Count the inbound messages that were not handled yet."""
    return session.scalar(select(func.count()).select_from(Message).where(_NEW)) or 0


def count_unsettled(session: Session) -> int:
    """Count the sends that are not settled."""
    return session.scalar(select(func.count()).select_from(Message).where(_UNSETTLED)) or 0


def compute_lag(session: Session, now: int) -> int:
    """Return how long the longest waiting message that could be handled has waited, ms (durability 4.3).

    That is the chat that waits longest for a worker, or the oldest message that was tried and is held meanwhile.
    """
    oldest = session.scalar(
        select(func.min(Chat.ready_at)).where(Chat.ready_at <= now, Chat.lease_until <= now)
    )
    held = session.scalar(select(func.min(Message.created_at)).where(_NEW, _HELD))
    since = [each for each in (oldest, held) if each is not None]
    return max(0, now - min(since)) if since else 0


def count_held_chats(session: Session) -> int:
    """Count the chats whose next message was tried and is held for a moment."""
    return session.scalar(select(func.count(Message.chat_id.distinct())).where(_NEW, _HELD)) or 0


def select_held(session: Session, limit: int) -> Sequence[Message]:
    """Return the oldest message of each held chat; its error names the command."""
    first = select(func.min(Message.id)).where(_NEW, _HELD).group_by(Message.chat_id)
    return session.scalars(
        select(Message).where(Message.id.in_(first)).order_by(Message.id).limit(limit)
    ).all()


def count_failures(session: Session) -> dict[str, int]:
    """Count open failures by state."""
    rows = session.execute(
        select(Message.state, func.count())
        .where(OPEN_FAILURES, Message.state != MessageState.RETRY)
        .group_by(Message.state)
    )
    return {state.value: 0 for state in TROUBLE_STATES} | {row[0]: row[1] for row in rows}


def collect_stats(session: Session, now: int) -> dict[str, Any]:
    """Return the figures of `flask stats`: messages by direction and state, contacts, chats, lag (ms)."""
    messages: dict[str, dict[str, int]] = {way.value: {} for way in Direction}
    rows = session.execute(
        select(Message.direction, Message.state, func.count()).group_by(Message.direction, Message.state)
    )
    for direction, state, n in rows:
        messages[direction][state] = n
    # Others are marks of how far something has come.
    query = select(Counter.name, Counter.n).where(
        or_(*(Counter.name.startswith(each) for each in ("webhook.", "read_mark.")))
    )
    counters = {row.name: row.n for row in session.execute(query)}
    return {
        "messages": messages,
        "contacts": session.scalar(select(func.count(Contact.id))),
        "chats": session.scalar(select(func.count(Chat.id))),
        "connections": session.scalar(
            select(func.count(Connection.id)).where(Connection.archived_at.is_(None))
        ),
        "pending": int(session.scalar(select(func.coalesce(func.sum(Chat.pending), 0))) or 0),
        "unknown": messages[Direction.OUT].get(MessageState.UNKNOWN, 0),
        "dead": sum(each.get(MessageState.DEAD, 0) for each in messages.values()),
        "lag": compute_lag(session, now),
        "counters": counters,
        "held": count_held_chats(session),
        "unhandled": count_unhandled(session),
    }


def list_workers(session: Session, now: int) -> list[dict[str, Any]]:
    """List the processes with a recent heartbeat, and whether it is late."""
    rows = session.scalars(select(WorkerHeartbeat).order_by(WorkerHeartbeat.name))
    return [
        {
            "name": row.name,
            "pid": row.pid,
            "version": row.version,
            "started_at": row.started_at,
            "beat_at": row.beat_at,
            "in_flight": row.in_flight,
            "late": row.beat_at < now - HEARTBEAT_TIMEOUT_MS,
        }
        for row in rows
    ]
