"""Quick search of chats by contact name or number, for the command palette."""

from typing import Final

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from app.bot.chats.search import find_groups, find_rows
from app.bot.display import format_contact_name
from app.bot.full_text import parse_terms
from app.bot.models import Chat, Connection, Contact
from app.immutable import immutable
from app.phone_numbers import list_spellings

# A name is looked for in the most recent chats; the chat list's own search reads them all.
RECENT: Final = 2_000
_NUMBER_DIGITS: Final = 3


@immutable
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
    found = _read(
        session, Chat.id.in_(recent), limit, _match_names(session, words, digits if by_number else "")
    )
    if by_number and len(found) < limit:
        for spelling in list_spellings(digits):
            found |= _read(session, Chat.contact_id.in_(_select_contacts_by_number(spelling)), limit)
    return list(found.values())[:limit]


def _match_names(session: Session, words: str, digits: str) -> ColumnElement[bool]:
    said = (Contact.name, Contact.username, Chat.title)
    numbers = [Contact.phone.contains(each) for each in list_spellings(digits)] if digits else []
    # A database folds the letters of its own language only.
    folded = [] if words.isascii() else _match_folded_names(session, words)
    return or_(*(column.icontains(words, autoescape=True) for column in said), *numbers, *folded)


def _match_folded_names(session: Session, words: str) -> list[ColumnElement[bool]]:
    terms = parse_terms(words)
    contacts = find_rows(session, "contact", terms, RECENT) if terms else []
    return [Chat.contact_id.in_(contacts), Chat.id.in_(find_groups(session, words))]


def _select_contacts_by_number(digits: str) -> Select[int]:
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
    return {chat.id: _to_found_chat(chat, contact, name) for chat, contact, name in session.execute(query)}


def _to_found_chat(chat: Chat, contact: Contact | None, connection: str) -> FoundChat:
    name = format_contact_name(contact, chat.title)
    if contact is None:
        return FoundChat(chat.id, name, "Group", connection)
    number = f"+{contact.phone}" if contact.phone else ""
    return FoundChat(chat.id, name, number or contact.username or "", connection)
