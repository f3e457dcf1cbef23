"""How the pipeline is doing: figures from the rows, for pages, probes and the command line."""

from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from app.bot.models import Chat, Connection, Contact, Counter, Message, Worker

BEAT_LATE = 15_000
# Written out: only then do the planners see that a partial index covers them.
_NEW = literal_column("message.state = 'new'")
_UNSENT = literal_column("message.state IN ('queued','sending','retry','unknown')")
OPEN_FAILURES = literal_column(
    "message.state IN ('dead','unknown','held','failed','retry') AND message.aside_at IS NULL"
)


def waiting(session: Session) -> int:
    """Count the inbound messages that were not handled yet."""
    return session.scalar(select(func.count()).select_from(Message).where(_NEW)) or 0


def unsent(session: Session) -> int:
    """Count the sends that are not settled."""
    return session.scalar(select(func.count()).select_from(Message).where(_UNSENT)) or 0


def lag(session: Session, now: int) -> int:
    """Return how long the chat that has waited longest for a worker has waited, ms (durability 4.3)."""
    oldest = session.scalar(
        select(func.min(Chat.ready_at)).where(Chat.ready_at <= now, Chat.lease_until <= now)
    )
    return max(0, now - oldest) if oldest is not None else 0


def troubled(session: Session) -> dict[str, int]:
    """Count messages that need somebody's eye, by state."""
    rows = session.execute(
        select(Message.state, func.count())
        .where(OPEN_FAILURES, Message.state != "retry")
        .group_by(Message.state)
    )
    return {"dead": 0, "unknown": 0, "held": 0, "failed": 0} | {row[0]: row[1] for row in rows}


def stats(session: Session, now: int) -> dict[str, Any]:
    """Return the figures of `flask stats`: messages by direction and state, contacts, chats, lag (ms)."""
    messages: dict[str, dict[str, int]] = {"in": {}, "out": {}}
    rows = session.execute(
        select(Message.direction, Message.state, func.count()).group_by(Message.direction, Message.state)
    )
    for direction, state, n in rows:
        messages[direction][state] = n
    # Others are marks of how far something has come.
    query = select(Counter.name, Counter.n).where(Counter.name.startswith("webhook."))
    counters = {row.name: row.n for row in session.execute(query)}
    return {
        "messages": messages,
        "contacts": session.scalar(select(func.count(Contact.id))),
        "chats": session.scalar(select(func.count(Chat.id))),
        "connections": session.scalar(
            select(func.count(Connection.id)).where(Connection.archived_at.is_(None))
        ),
        "pending": int(session.scalar(select(func.coalesce(func.sum(Chat.pending), 0))) or 0),
        "unknown": messages["out"].get("unknown", 0),
        "dead": messages["out"].get("dead", 0) + messages["in"].get("dead", 0),
        "lag": lag(session, now),
        "counters": counters,
    }


def workers(session: Session, now: int) -> list[dict[str, Any]]:
    """List the processes that gave a sign of life lately, with whether they are late."""
    rows = session.scalars(select(Worker).order_by(Worker.name))
    return [
        {
            "name": row.name,
            "pid": row.pid,
            "version": row.version,
            "started_at": row.started_at,
            "beat_at": row.beat_at,
            "in_flight": row.in_flight,
            "late": row.beat_at < now - BEAT_LATE,
        }
        for row in rows
    ]
