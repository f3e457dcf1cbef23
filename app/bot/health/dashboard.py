"""Queries of the dashboard: today's figures and the newest messages."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.display import format_contact_name
from app.bot.health import status
from app.bot.models import Chat, Connection, Contact, Message
from app.immutable import immutable

MAX_HELD = 10


@immutable
class DashboardStats:
    """Figures of the dashboard; `lag_ms` is how long the chat that waits longest has waited."""

    pending: int
    lag_ms: int
    unconfirmed: int
    workers: Sequence[dict[str, Any]]
    parked_connections: Sequence[Connection]
    held: "Sequence[RecentMessage]"


@immutable
class RecentMessage:
    """One of the newest messages, with who it is from or for."""

    message: Message
    name: str


def load_stats(session: Session, now: int) -> DashboardStats:
    """Return the present figures."""
    return DashboardStats(
        pending=status.count_pending(session),
        lag_ms=status.compute_lag(session, now),
        unconfirmed=status.count_failures(session)["unknown"],
        workers=status.list_workers(session, now),
        parked_connections=list(session.scalars(select(Connection).where(Connection.parked_until > now))),
        held=_list_held(session),
    )


def _list_held(session: Session) -> list[RecentMessage]:
    """Return the oldest message of each chat that is held, with who wrote it."""
    held = {row.id: row for row in status.select_held(session, MAX_HELD)}
    query = (
        select(Message.id, Chat.title, Contact)
        .join(Chat, Chat.id == Message.chat_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
        .where(Message.id.in_(held))
        .order_by(Message.id)
    )
    return [
        RecentMessage(held[number], format_contact_name(contact, title))
        for number, title, contact in (session.execute(query) if held else ())
    ]


def list_recent_messages(session: Session, limit: int = 8) -> list[RecentMessage]:
    """Return the newest messages."""
    query = (
        select(Message, Chat.title, Contact)
        .join(Chat, Chat.id == Message.chat_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return [
        RecentMessage(message, format_contact_name(contact, title))
        for message, title, contact in session.execute(query)
    ]
