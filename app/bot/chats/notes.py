"""Notes: what operators write into a chat for the team; the person never sees it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.models import Chat, Note
from app.db import storable
from app.signals import DomainError

MAX_NOTE = 4000


class NoteRefused(DomainError):
    """A note that cannot be written or changed as asked."""

    code = "note"


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes a note; `any_note`: may change those of others too."""

    id: int
    name: str
    any_note: bool = False


def write(session: Session, chat_id: int, author: Author, text: str, now: int) -> Note:
    """Add a note to a chat; raises NoteRefused."""
    if session.get(Chat, chat_id) is None:
        raise NoteRefused("This chat is no longer there.")
    note = Note(
        chat_id=chat_id, author_id=author.id, author=author.name[:100], text=_clean(text), created_at=now
    )
    session.add(note)
    session.flush()
    return note


def change(session: Session, note_id: int, author: Author, text: str, now: int) -> Note:
    """Give a note another text; raises NoteRefused."""
    note, clean = _own(session, note_id, author), _clean(text)
    if clean != note.text:
        note.text, note.edited_at = clean, now
    return note


def put_away(session: Session, note_id: int, author: Author, moment: int | None) -> Note:
    """Delete a note, or with None bring it back; raises NoteRefused."""
    note = _own(session, note_id, author)
    note.deleted_at = moment
    return note


def between(session: Session, chat_id: int, since: int, until: int | None) -> Sequence[Note]:
    """List the notes of a stretch of a chat (ms), oldest first; until now without an end."""
    query = select(Note).where(Note.chat_id == chat_id, Note.created_at >= since, Note.deleted_at.is_(None))
    if until is not None:
        query = query.where(Note.created_at < until)
    return session.scalars(query.order_by(Note.created_at, Note.id).limit(500)).all()


def _own(session: Session, note_id: int, author: Author) -> Note:
    note = session.get(Note, note_id)
    if note is None:
        raise NoteRefused("This note is no longer there.")
    if note.author_id != author.id and not author.any_note:
        raise NoteRefused("Only who wrote a note, or an owner, may change it.")
    return note


def _clean(text: str) -> str:
    clean = storable(text.strip())
    if not 0 < len(clean) <= MAX_NOTE:
        raise NoteRefused(f"Write a note of 1 to {MAX_NOTE} characters.")
    return clean
