"""Unread count of chats: mark as read or unread."""

from collections.abc import Sequence

from sqlalchemy import Update, func, select, update
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import Chat, Message
from app.bot.states import QUIET_KINDS, Direction
from app.db.after_commit import send_changed


def mark_read(session: Session, chat_id: int, upto: int) -> bool:
    """Count only messages after `upto`; true when that changed anything."""
    left = (
        select(func.count(Message.id))
        .where(
            Message.chat_id == chat_id,
            Message.id > upto,
            Message.direction == Direction.IN,
            Message.kind.not_in(QUIET_KINDS),
        )
        .scalar_subquery()
    )
    query = update(Chat).where(Chat.id == chat_id, Chat.unread_count > 0).values(unread_count=left)
    return bool(_update_chats(session, query))


def find_last_read(session: Session, chat_id: int, upto: int) -> tuple[int, str] | None:
    """Return connection and provider's id of the newest inbound message up to `upto`; None in a group."""
    row = session.execute(
        select(Message.connection_id, Message.provider_id)
        .join(Chat, Chat.id == Message.chat_id)
        .where(
            Message.chat_id == chat_id,
            Message.id <= upto,
            Message.direction == Direction.IN,
            Message.kind.not_in(QUIET_KINDS),
            Chat.group_id.is_(None),
        )
        .order_by(Message.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    connection_id, provider_id = row
    return (connection_id, provider_id) if provider_id else None


def mark_all_read(session: Session, chat_ids: Sequence[int]) -> int:
    """Mark chats as read; returns how many were unread."""
    query = update(Chat).where(Chat.id.in_(chat_ids), Chat.unread_count > 0).values(unread_count=0)
    return _update_chats(session, query)


def mark_unread(session: Session, chat_ids: Sequence[int]) -> int:
    """Mark chats as unread; returns how many were read."""
    query = update(Chat).where(Chat.id.in_(chat_ids), Chat.unread_count == 0).values(unread_count=1)
    return _update_chats(session, query)


def _update_chats(session: Session, query: Update) -> int:
    """Run an update of chats and return how many it met."""
    count = len(session.execute(query.returning(Chat.id)).all())
    if count:
        send_changed(session, topics.chats())
    return count
