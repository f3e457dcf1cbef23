"""What is known of the person of a chat: first and last message, bot, notes, variables."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot.models import Chat, Connection, Contact, Message, Note
from app.bot.states import Direction
from app.brains.memory.store import MemoryOwner, StoredVariable, list_variables
from app.brains.versions.models import Brain
from app.immutable import immutable

# So many of each are shown: the thread and the export have the others.
MAX_NOTES = 5
MAX_VARIABLES = 50


@immutable
class ContactDetails:
    """The person of a chat, or its group (`contact` None); times are ms, `last_seen_at` None = wrote nothing yet.

    `brain` answers on its connection; `notes` are the newest ones, `variables` those of the contact and the chat.
    """

    contact: Contact | None
    brain: Brain | None
    first_seen_at: int
    last_seen_at: int | None
    notes: Sequence[Note]
    note_count: int
    variables: Sequence[StoredVariable]


def load_contact_details(session: Session, chat: Chat, now: int) -> ContactDetails:
    """Load what is known of the person of a chat."""
    contact = session.get(Contact, chat.contact_id) if chat.contact_id else None
    connection = session.get_one(Connection, chat.connection_id)
    brain = session.get(Brain, connection.brain_id) if connection.brain_id else None
    owner = MemoryOwner(brain.id, chat.contact_id, chat.id) if brain else None
    kept = select(Note).where(Note.chat_id == chat.id, Note.deleted_at.is_(None))
    return ContactDetails(
        contact,
        brain,
        min(chat.created_at, contact.created_at if contact else chat.created_at),
        _find_last_inbound(session, chat.id),
        session.scalars(kept.order_by(Note.created_at.desc(), Note.id.desc()).limit(MAX_NOTES)).all(),
        session.scalar(select(func.count()).select_from(kept.subquery())) or 0,
        list_variables(session, owner, now, MAX_VARIABLES) if owner else (),
    )


def _find_last_inbound(session: Session, chat_id: int) -> int | None:
    query = (
        select(Message.created_at)
        .where(Message.chat_id == chat_id, Message.direction == Direction.IN)
        .order_by(Message.id.desc())
        .limit(1)
    )
    return session.scalar(query)
