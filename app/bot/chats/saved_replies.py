"""Saved replies: texts operators insert into the reply box by their names; limits, search."""

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from app.bot.models import SavedReply
from app.channels.content import MAX_TEXT
from app.signals import DomainError
from app.text import to_storable

MAX_REPLIES = 300
MAX_NAME = 40
MAX_FOUND = 8


class SavedReplyError(DomainError):
    """A saved reply that cannot be created or changed as asked."""

    code = "saved_reply"


def list_replies(session: Session) -> list[SavedReply]:
    """List all saved replies by name."""
    return list(session.scalars(select(SavedReply).order_by(SavedReply.name_key)))


def has_replies(session: Session) -> bool:
    """Tell whether there is any saved reply."""
    return session.scalar(select(SavedReply.id).limit(1)) is not None


def find_replies(session: Session, words: str) -> list[SavedReply]:
    """Find the replies whose name or text holds what was typed; names that begin with it come first."""
    wanted = _fold(words)
    query = select(SavedReply).order_by(
        SavedReply.name_key.startswith(wanted, autoescape=True).desc(), SavedReply.name_key
    )
    if wanted:
        in_text = func.lower(SavedReply.text).contains(wanted, autoescape=True)
        query = query.where(or_(SavedReply.name_key.contains(wanted, autoescape=True), in_text))
    return list(session.scalars(query.limit(MAX_FOUND)))


def create(session: Session, name: str, text: str, now: int) -> SavedReply:
    """Create a saved reply; `now` in ms. Raises SavedReplyError."""
    clean, body = _parse_name(name), _parse_text(text)
    _require_free_name(session, clean, None)
    if (session.scalar(select(func.count(SavedReply.id))) or 0) >= MAX_REPLIES:
        raise SavedReplyError(f"There are {MAX_REPLIES} saved replies already: delete one first.")
    reply = SavedReply(name=clean, name_key=_fold(clean), text=body, created_at=now)
    session.add(reply)
    session.flush()
    return reply


def change(session: Session, reply_id: int, name: str, text: str) -> SavedReply | None:
    """Give a saved reply another name or text; None when there is no such reply. Raises SavedReplyError."""
    reply, clean, body = session.get(SavedReply, reply_id), _parse_name(name), _parse_text(text)
    if reply is None:
        return None
    _require_free_name(session, clean, reply_id)
    reply.name, reply.name_key, reply.text = clean, _fold(clean), body
    return reply


def remove(session: Session, reply_id: int) -> SavedReply | None:
    """Delete a saved reply and return it for the undo."""
    reply = session.get(SavedReply, reply_id)
    if reply is not None:
        session.delete(reply)
    return reply


def _require_free_name(session: Session, name: str, reply_id: int | None) -> None:
    taken = session.scalar(select(SavedReply.id).where(SavedReply.name_key == _fold(name)))
    if taken is not None and taken != reply_id:
        raise SavedReplyError(f"There is another saved reply “{name}”: choose another name.")


def _fold(name: str) -> str:
    return " ".join(name.split()).lower()


def _parse_name(name: str) -> str:
    clean = to_storable(" ".join(name.split())).removeprefix("/")
    if not 0 < len(clean) <= MAX_NAME:
        raise SavedReplyError(f"Give the reply a name of 1 to {MAX_NAME} characters.")
    return clean


def _parse_text(text: str) -> str:
    clean = to_storable(text.replace("\r\n", "\n").strip())
    if not 0 < len(clean) <= MAX_TEXT:
        raise SavedReplyError(f"Give the reply a text of 1 to {MAX_TEXT:,} characters.")
    return clean
