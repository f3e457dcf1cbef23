"""Sessions: a conversation that goes on with the version it began with, whatever is published meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, update

from app.bot.models import Chat
from app.brains.rollout import Pin
from app.db import table_of
from app.sql import Hot


@dataclass(frozen=True, slots=True)
class Session:
    """A chat, and the version its conversation goes on with."""

    chat_id: int
    pin: Pin


def keep(db: Db, sessions: Sequence[Session]) -> None:
    """Store sessions; the caller has fenced these chats in the same transaction."""
    if sessions:
        _keep.each(db, sorted((_row(each) for each in sessions), key=lambda row: row["chat"]))


def _row(session: Session) -> dict[str, int]:
    pin = session.pin
    return {
        "chat": session.chat_id,
        "version": pin.version_id or 0,
        "brain": pin.brain_id or 0,
        "epoch": pin.epoch,
        "until": pin.until,
    }


_chat = table_of(Chat).c
_keep = Hot(
    update(table_of(Chat))
    .where(_chat.id == bindparam("chat"))
    .values(
        session_version_id=bindparam("version"),
        session_brain_id=bindparam("brain"),
        session_epoch=bindparam("epoch"),
        session_until=bindparam("until"),
    )
)
