"""Version pin: a conversation keeps the version it began with for its session."""

from collections.abc import Sequence

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, update

from app.bot.models import Chat
from app.brains.versions.routing import VersionPin
from app.db.schema import get_table
from app.db.statements import Statement
from app.immutable import immutable


@immutable
class ChatVersionPin:
    """A chat, and the version its conversation goes on with."""

    chat_id: int
    pin: VersionPin


_chat = get_table(Chat).c
_UPDATE_PIN = Statement(
    update(get_table(Chat))
    .where(_chat.id == bindparam("chat"))
    .values(
        session_version_id=bindparam("version"),
        session_brain_id=bindparam("brain"),
        session_epoch=bindparam("epoch"),
        session_until=bindparam("until"),
    ),
    is_locked=True,
)


def write(db: Db, pins: Sequence[ChatVersionPin]) -> None:
    """Store pins; the caller has fenced these chats in the same transaction."""
    if pins:
        _UPDATE_PIN.execute_many(db, sorted((_build_row(each) for each in pins), key=lambda row: row["chat"]))


def _build_row(chat_pin: ChatVersionPin) -> dict[str, int]:
    pin = chat_pin.pin
    return {
        "chat": chat_pin.chat_id,
        "version": pin.version_id or 0,
        "brain": pin.brain_id or 0,
        "epoch": pin.epoch,
        "until": pin.expires_at,
    }
