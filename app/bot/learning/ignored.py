"""Marks on messages that are not to be listed among those a brain did not understand: set and taken back."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot.models import IgnoredMessage, Message


def mark_ignored(session: Session, brain_id: int, message_ids: Sequence[int], now: int) -> int:
    """Mark messages as ignored for a brain; returns how many were not. `now` in ms."""
    there = set(session.scalars(select(Message.id).where(Message.id.in_(message_ids))))
    marked = select(IgnoredMessage.message_id).where(
        IgnoredMessage.brain_id == brain_id, IgnoredMessage.message_id.in_(there)
    )
    fresh = sorted(there - set(session.scalars(marked)))
    session.add_all(
        IgnoredMessage(brain_id=brain_id, message_id=message_id, created_at=now) for message_id in fresh
    )
    return len(fresh)


def restore(session: Session, brain_id: int, message_ids: Sequence[int]) -> int:
    """Take the marks off messages; returns how many had one."""
    rows = session.scalars(
        select(IgnoredMessage).where(
            IgnoredMessage.brain_id == brain_id, IgnoredMessage.message_id.in_(message_ids)
        )
    ).all()
    for row in rows:
        session.delete(row)
    return len(rows)


def count_ignored(session: Session, brain_id: int) -> int:
    """Return how many messages of a brain are marked."""
    return session.scalar(select(func.count()).where(IgnoredMessage.brain_id == brain_id)) or 0
