"""Notes of a transaction on what it does, for the audit: the action's words, its subject, who does it."""

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.orm import Session

_KEY = "change_notes"


@dataclass(slots=True)
class ChangeNotes:
    """What the code of a change says of it; empty fields are found out from the rows that change.

    `person`: id and name of who acts where the request did not know it yet, such as at a sign-in.
    """

    action: str = ""
    subject: tuple[str, str, str] | None = None
    person: tuple[int, str] | None = None
    are_rows_followed: bool = True
    is_event: bool = False


def name_action(
    db: Connection | Session,
    action: str,
    *,
    subject: tuple[str, str, str] | None = None,
    person: tuple[int, str] | None = None,
) -> None:
    """Name what this transaction does, such as “brain published”; the last name counts.

    `subject` is kind, id and name of what it is done to; `person` id and name of who does it.
    """
    notes = _get_notes(db)
    notes.action = action
    notes.subject = subject or notes.subject
    notes.person = person or notes.person


def note_event(db: Connection | Session, action: str, subject: tuple[str, str, str]) -> None:
    """Name something that happened and changes no row that is audited, such as a lockout."""
    name_action(db, action, subject=subject)
    _get_notes(db).is_event = True


def skip_rows(db: Connection | Session) -> None:
    """Leave the rows of this transaction out of the audit: it writes an entry of its own that counts them."""
    _get_notes(db).are_rows_followed = False


def begin_notes(db: Connection) -> ChangeNotes:
    """Begin the notes of one job of a transaction."""
    notes = db.info[_KEY] = ChangeNotes()
    return notes


def _get_notes(db: Connection | Session) -> ChangeNotes:
    connection = db.connection() if isinstance(db, Session) else db
    return connection.info.setdefault(_KEY, ChangeNotes())
