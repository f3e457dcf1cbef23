"""Edits and deletions: what a later message changes about an earlier one."""

from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import update

from app.bot.channels.contract import Inbound
from app.bot.models import Message


def amend(db: Db, connection_id: int, item: Inbound) -> set[int]:
    """Let an edit or a deletion show on the message it is about; neither runs a brain again."""
    target = item.edits or item.revokes
    news: dict[str, Any] = (
        {"text": item.text, "edited_at": item.at or None} if item.edits else {"revoked_at": item.at or None}
    )
    query = (
        update(Message)
        .where(Message.connection_id == connection_id, Message.provider_id == target)
        .values(news)
        .returning(Message.chat_id)
    )
    return set(db.execute(query).scalars())
