"""What the team has not looked at yet: counted in the chat's row, one number for everybody."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.bot.inbox import QUIET_KINDS
from app.bot.models import Chat, Message


def mark_read(session: Session, chat_id: int, upto: int) -> bool:
    """Count only what came after message `upto`; true when that changed anything."""
    left = (
        select(func.count(Message.id))
        .where(
            Message.chat_id == chat_id,
            Message.id > upto,
            Message.direction == "in",
            Message.kind.not_in(QUIET_KINDS),
        )
        .scalar_subquery()
    )
    query = update(Chat).where(Chat.id == chat_id, Chat.unread_count > 0).values(unread_count=left)
    return bool(session.execute(query.returning(Chat.id)).all())


def mark_all_read(session: Session, chat_ids: Sequence[int]) -> int:
    """Count nothing as unread in these chats; returns in how many something was."""
    query = update(Chat).where(Chat.id.in_(chat_ids), Chat.unread_count > 0).values(unread_count=0)
    return len(session.execute(query.returning(Chat.id)).all())


def mark_unread(session: Session, chat_ids: Sequence[int]) -> int:
    """Let chats be looked at again; returns how many were read."""
    query = update(Chat).where(Chat.id.in_(chat_ids), Chat.unread_count == 0).values(unread_count=1)
    return len(session.execute(query.returning(Chat.id)).all())
