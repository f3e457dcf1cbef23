"""Notes of the team in a chat: length limit, create, change, delete."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import Chat, Note
from app.db.after_commit import send_changed
from app.db.change_notes import name_action
from app.immutable import immutable
from app.signals import DomainError
from app.text import to_storable

MAX_NOTE = 4000


class NoteError(DomainError):
    """A note that cannot be written or changed as asked."""

    code = "note"


@immutable
class Author:
    """Who writes a note; `can_change_any`: also the notes of others."""

    id: int
    name: str
    can_change_any: bool = False


def create(session: Session, chat_id: int, author: Author, text: str, now: int) -> Note:
    """Add a note to a chat; raises NoteError."""
    if session.get(Chat, chat_id) is None:
        raise NoteError("This chat is no longer there.")
    note = Note(
        chat_id=chat_id, author_id=author.id, author=author.name[:100], text=_parse_text(text), created_at=now
    )
    session.add(note)
    session.flush()
    send_changed(session, topics.chat(chat_id))
    return note


def change(session: Session, note_id: int, author: Author, text: str, now: int) -> Note:
    """Give a note another text; raises NoteError."""
    note, clean = _get_changeable_note(session, note_id, author), _parse_text(text)
    if clean != note.text:
        note.text, note.edited_at = clean, now
        send_changed(session, topics.chat(note.chat_id))
    return note


def set_deleted_at(session: Session, note_id: int, author: Author, deleted_at: int | None) -> Note:
    """Delete a note, or with None bring it back; raises NoteError."""
    note = _get_changeable_note(session, note_id, author)
    if note.deleted_at and deleted_at is None:
        name_action(session, "note restored")
    elif deleted_at is not None:
        name_action(session, "note deleted")
    note.deleted_at = deleted_at
    send_changed(session, topics.chat(note.chat_id))
    return note


def list_between(session: Session, chat_id: int, since: int, until: int | None) -> Sequence[Note]:
    """List the notes of a chat between two moments (ms), oldest first; without an end, until now."""
    query = select(Note).where(Note.chat_id == chat_id, Note.created_at >= since, Note.deleted_at.is_(None))
    if until is not None:
        query = query.where(Note.created_at < until)
    return session.scalars(query.order_by(Note.created_at, Note.id).limit(500)).all()


def _get_changeable_note(session: Session, note_id: int, author: Author) -> Note:
    note = session.get(Note, note_id)
    if note is None:
        raise NoteError("This note is no longer there.")
    if note.author_id != author.id and not author.can_change_any:
        raise NoteError("Only who wrote a note, or an owner, may change it.")
    return note


def _parse_text(text: str) -> str:
    clean = to_storable(text.strip())
    if not 0 < len(clean) <= MAX_NOTE:
        raise NoteError(f"Write a note of 1 to {MAX_NOTE} characters.")
    return clean
