"""Figures of the dashboard, read so that they stay cheap whatever the tables hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot import health
from app.bot.models import Chat, Connection, Contact, Message, Run
from app.brains.ai.models import AiCall


@dataclass(frozen=True, slots=True)
class Figures:
    """What the board shows; `lag` is how long the chat that waits longest has waited, in ms."""

    waiting: int
    lag: int
    trouble: dict[str, int]
    workers: Sequence[dict[str, Any]]
    parked: Sequence[Connection]


@dataclass(frozen=True, slots=True)
class Latest:
    """One of the newest messages, with who it is from or for."""

    message: Message
    name: str


def figures(session: Session, now: int) -> Figures:
    """Return what stands now."""
    return Figures(
        waiting=health.waiting(session),
        lag=health.lag(session, now),
        trouble=health.troubled(session),
        workers=health.workers(session, now),
        parked=list(session.scalars(select(Connection).where(Connection.parked_until > now))),
    )


def latest(session: Session, limit: int = 8) -> list[Latest]:
    """Return the newest messages."""
    query = (
        select(Message, Chat.title, Contact.name, Contact.phone)
        .join(Chat, Chat.id == Message.chat_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return [
        Latest(message, name or (f"+{phone}" if phone else title or "Unknown person"))
        for message, title, name, phone in session.execute(query)
    ]


def first_since(
    db: Session | Db, since: int, model: type[Message] | type[Run] | type[AiCall] = Message
) -> int:
    """Return the lowest id of a message, run or AI call stored at or after `since`.

    Ids grow with time, so some twenty look-ups by key replace an index over the time of every message.
    """
    low, high = 1, (db.scalar(select(func.max(model.id))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = db.execute(
            select(model.id, model.created_at).where(model.id >= middle).order_by(model.id).limit(1)
        ).one()
        if found.created_at < since:
            low = found.id + 1
        else:
            high = middle
    return low
