"""Person to be erased: contacts of a number or user id, and counts of their data."""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Text, cast, func, or_, select
from sqlalchemy.orm import Session

from app.bot.contacts import UNKNOWN_PHONE
from app.bot.models import Chat, Contact, MediaFile, Message, Note, Run, Schedule
from app.bot.states import Direction
from app.brains.ai.models import AiCall
from app.brains.memory.models import Memory
from app.immutable import immutable
from app.phone_numbers import list_spellings, unify
from app.privacy.redaction import MIN_NUMBER_LENGTH
from app.signals import DomainError

# What is erased, in the order it is shown, and in words.
KINDS: Final[Mapping[str, str]] = {
    "contacts": "contacts",
    "chats": "chats",
    "messages": "messages, with what became of them",
    "group_messages": "messages in groups, and the bot’s answers to them",
    "files": "files",
    "runs": "runs with their traces",
    "ai_calls": "questions to a language model",
    "memory": "values brains remember",
    "notes": "notes of the team",
    "schedules": "scheduled commands",
    "notices": "webhook events",
    "tests": "tests and examples made from their chats, in drafts and versions",
    "copies": "copies of their number or words elsewhere",
}
BATCH: Final = 500
_PHONE = re.compile(r"[+\d\s().\-/]+")


class SubjectNotFound(DomainError):
    """A number or user id nobody here has."""

    code = "nobody"


@immutable
class Subject:
    """A person: `names` are their numbers and user ids, the rest ids of rows; `called` is for the page."""

    names: frozenset[str]
    contact_ids: Sequence[int]
    chat_ids: Sequence[int]
    display_name: str = ""


def normalise_handle(handle: str) -> str:
    """Return a number as its digits, a user id as it is."""
    handle = handle.strip()
    return re.sub(r"\D", "", handle) if _PHONE.fullmatch(handle) else handle[:140]


def is_same_handle(one: str, other: str) -> bool:
    """Tell whether two handles name one person: a number may be written in any of its spellings."""
    return unify(normalise_handle(one)) == unify(normalise_handle(other))


def compute_digest(secret_key: str, handle: str) -> str:
    """Name a person in logs: the same each time, and of no use to whoever has not our secret key."""
    return hmac.new(
        secret_key.encode(), b"erased\0" + unify(normalise_handle(handle)).encode(), hashlib.sha256
    ).hexdigest()


def find(session: Session, handle: str) -> Subject:
    """Return the person of a number or user id, over all connections; raises SubjectNotFound."""
    name = normalise_handle(handle)
    if len(name) < MIN_NUMBER_LENGTH or name == UNKNOWN_PHONE:
        raise SubjectNotFound("Give the whole phone number with its country code, or the WhatsApp user id.")
    found = find_by_names(session, {name})
    if not found.contact_ids and not any(read_all_group_messages(session, found)):
        raise SubjectNotFound("Nobody here has this number or user id. It may have been erased already.")
    return found


def find_handle(session: Session, chat_id: int) -> str:
    """Return the number or user id of the person of a chat; empty where there is none."""
    query = select(Contact.phone, Contact.user_id).join(Chat, Chat.contact_id == Contact.id)
    row = session.execute(query.where(Chat.id == chat_id)).first()
    return (row.phone or row.user_id or "") if row else ""


def find_by_names(session: Session, names: Collection[str]) -> Subject:
    """Return the person with any of these names, and with whatever other names their contacts have."""
    names = {spelling for name in names for spelling in list_spellings(name)}
    while True:
        either = or_(Contact.phone.in_(names), Contact.user_id.in_(names))
        contacts = list(session.scalars(select(Contact).where(either).order_by(Contact.id)))
        known = {name for each in contacts for name in (each.phone, each.user_id) if name}
        more = {spelling for name in known for spelling in list_spellings(name)} - names
        if not more:
            break
        names |= more
    ids = [each.id for each in contacts]
    chats = list(session.scalars(select(Chat.id).where(Chat.contact_id.in_(ids)).order_by(Chat.id)))
    called = next((each.name for each in contacts if each.name), "")
    return Subject(frozenset(names), ids, chats, called)


def read_all_group_messages(session: Session, subject: Subject) -> Iterator[list[Message]]:
    """Yield what the person wrote in groups, a batch of each group at a time."""
    groups = select(Chat.id).where(Chat.group_id.is_not(None)).order_by(Chat.id)
    for chat_id in list(session.scalars(groups)):
        yield from read_group_messages(session, subject, chat_id)


def read_group_messages(session: Session, subject: Subject, chat_id: int) -> Iterator[list[Message]]:
    """Yield what the person wrote in one group, batches in the order of time."""
    last = 0
    named = or_(*(match_text(Message.payload, name) for name in sorted(subject.names)))
    while True:
        query = select(Message).where(Message.chat_id == chat_id, Message.id > last, named)
        batch = list(session.scalars(query.order_by(Message.id).limit(BATCH)))
        if not batch:
            return
        last = batch[-1].id
        theirs = [each for each in batch if is_author(each, subject)]
        if theirs:
            yield theirs


def is_author(message: Message, subject: Subject) -> bool:
    """Tell whether the person wrote this message of a group."""
    payload = message.payload if isinstance(message.payload, dict) else {}
    senders = {str(payload.get(name) or "").removeprefix("+") for name in ("from", "from_user_id")}
    return message.direction == Direction.IN and bool(senders & subject.names)


def match_text(column: Any, part: str) -> Any:
    """Return the condition that a column holds a text; JSON as it is stored. A first look: case may differ."""
    return cast(column, Text).contains(part, autoescape=True)


def count_by_kind(session: Session, subject: Subject) -> dict[str, int]:
    """Count what would be erased, by kind; copies elsewhere are found only when it is done."""
    mine = Message.chat_id.in_(subject.chat_ids)
    messages = select(Message.id).where(mine)
    scopes = [f"contact:{each}" for each in subject.contact_ids] + [
        f"chat:{each}" for each in subject.chat_ids
    ]
    counts = {
        "contacts": len(subject.contact_ids),
        "chats": len(subject.chat_ids),
        "messages": _count(session, Message, mine),
        "group_messages": sum(len(batch) for batch in read_all_group_messages(session, subject)),
        "files": _count(session, MediaFile, MediaFile.message_id.in_(messages)),
        "runs": _count(session, Run, Run.chat_id.in_(subject.chat_ids)),
        "ai_calls": _count(session, AiCall, AiCall.message_id.in_(messages)),
        "memory": _count(session, Memory, Memory.scope.in_(scopes)),
        "notes": _count(session, Note, Note.chat_id.in_(subject.chat_ids)),
        "schedules": _count(session, Schedule, Schedule.chat_id.in_(subject.chat_ids)),
    }
    return {kind: n for kind, n in counts.items() if n}


def _count(session: Session, model: Any, where: Any) -> int:
    return session.scalar(select(func.count()).select_from(model).where(where)) or 0
