"""Chats found by who they are with, for jumping to them: quick whatever the number of chats."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from app.bot.models import Chat, Connection, Contact

# A name is looked for in the most recent chats; the chat list's own search reads them all.
RECENT: Final = 2_000
_NUMBER_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class FoundChat:
    """A chat, by whom it is with, their number or handle, and its connection."""

    id: int
    name: str
    handle: str
    connection: str


def find_chats(session: Session, words: str, limit: int) -> list[FoundChat]:
    """Find chats by name, user name or number: the most recent, then any whose number begins so."""
    digits = "".join(each for each in words if each.isdecimal() and each.isascii())
    by_number = len(digits) >= _NUMBER_DIGITS
    recent = select(Chat.id).order_by(Chat.last_message_at.desc(), Chat.id.desc()).limit(RECENT)
    found = _read(session, Chat.id.in_(recent), limit, _named(words, digits if by_number else ""))
    if by_number and len(found) < limit:
        found |= _read(session, Chat.contact_id.in_(_numbers(digits)), limit)
    return list(found.values())[:limit]


def _named(words: str, digits: str) -> ColumnElement[bool]:
    said = (Contact.name, Contact.username, Chat.title)
    numbers = [Contact.phone.contains(digits)] if digits else []
    return or_(*(column.icontains(words, autoescape=True) for column in said), *numbers)


def _numbers(digits: str) -> Select[int]:
    """Select the contacts whose number begins so, through the index on each connection's numbers."""
    # Between two strings of digits every collation agrees on the order.
    stem = digits.rstrip("9")
    ends = [Contact.phone < str(int(stem) + 1).zfill(len(stem))] if stem else []
    return (
        select(Contact.id)
        .where(Contact.connection_id.in_(select(Connection.id)), Contact.phone >= digits, *ends)
        .limit(RECENT)
    )


def _read(
    session: Session, among: ColumnElement[bool], limit: int, also: ColumnElement[bool] | None = None
) -> dict[int, FoundChat]:
    query = (
        select(Chat, Contact, Connection.name)
        .join(Connection, Connection.id == Chat.connection_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
        .where(among, *([] if also is None else [also]))
        .order_by(Chat.last_message_at.desc(), Chat.id.desc())
        .limit(limit)
    )
    return {chat.id: _found(chat, contact, name) for chat, contact, name in session.execute(query)}


def _found(chat: Chat, contact: Contact | None, connection: str) -> FoundChat:
    if contact is None:
        return FoundChat(chat.id, chat.title or "Group", "Group", connection)
    number = f"+{contact.phone}" if contact.phone else ""
    name = contact.name or contact.username or number or "Unknown person"
    return FoundChat(chat.id, name, number or contact.username or "", connection)
