"""The simulator's services: a phone is made, people hold it, and what they do becomes items like any webhook's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.channels import simulator as phone
from app.bot.channels.contract import Inbound, Person, Status
from app.bot.channels.simulator import Envelope
from app.bot.chats import Bubble
from app.bot.models import Chat, Contact, Run
from app.brains.models import Brain, BrainVersion
from app.signals import DomainError

NAMES = ("Ada", "Kofi", "Mei", "Luis", "Amara", "Jonas", "Priya", "Yusuf", "Sofia", "Tane", "Lina", "Omar")
# Numbers reserved for fiction, so that no real person is ever simulated.
FIRST_NUMBER = 15_550_100_000
MAX_PEOPLE = 50


class PhoneError(DomainError):
    """Something a simulated phone cannot do."""

    code = "phone"


@dataclass(frozen=True, slots=True)
class Act:
    """What a person does with the phone; `kind`: text | button | list | image | audio | location."""

    kind: str
    text: str = ""
    choice: str = ""
    quoted_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """What the brain did on one message."""

    run: Run
    command: str
    slug: str
    version: int


def people(session: Session, connection_id: int) -> list[Person]:
    """Return who has used this phone number, the most recent first."""
    query = (
        select(Contact)
        .join(Chat, Chat.contact_id == Contact.id)
        .where(Contact.connection_id == connection_id, Contact.phone.is_not(None))
        .order_by(Chat.last_message_at.desc())
        .limit(MAX_PEOPLE)
    )
    return [Person(phone=contact.phone, name=contact.name) for contact in session.scalars(query)]


def invented(known: Iterable[Person]) -> Person:
    """Return the next made-up person that is not among those known."""
    taken = {person.phone for person in known}
    number = next(n for n in range(1, MAX_PEOPLE * 2) if str(FIRST_NUMBER + n) not in taken)
    return Person(phone=str(FIRST_NUMBER + number), name=NAMES[(number - 1) % len(NAMES)])


def item_of(act: Act, person: Person, message_id: str, at: int) -> Inbound:
    """Return the inbound item of an act; raises PhoneError for one that says nothing."""
    envelope = Envelope(message_id, person, at, act.quoted_id)
    makers = {
        "button": lambda: phone.button(envelope, act.choice, act.text),
        "list": lambda: phone.list_choice(envelope, act.choice, act.text),
        "image": lambda: phone.image(envelope, "simulated", "image/jpeg", act.text),
        "audio": lambda: phone.audio(envelope, "simulated", "audio/ogg"),
        "location": lambda: phone.location(envelope, 5.6037, -0.187, "Accra"),
    }
    if act.kind in makers:
        return makers[act.kind]()
    if not act.text.strip():
        raise PhoneError("Write something first.")
    return phone.text(envelope, act.text.strip()[:4096])


def unread(bubbles: Sequence[Bubble]) -> list[str]:
    """Return the provider ids of answers the phone has not opened yet."""
    return [
        each.message.provider_id
        for each in bubbles
        if each.message.direction == "out"
        and each.message.state in {"sent", "delivered"}
        and each.message.provider_id
    ]


def receipts(provider_ids: Iterable[str], at: int) -> list[Status]:
    """Return the receipts of a phone that lies open: delivered, then read."""
    return [make(each, at) for each in provider_ids for make in (phone.delivered, phone.read)]


def last_runs(session: Session, chat_id: int, limit: int = 4) -> list[Ran]:
    """Return what the brain did last in a chat, the newest first."""
    query = (
        select(Run, BrainVersion, Brain.slug)
        .outerjoin(BrainVersion, BrainVersion.id == Run.version_id)
        .outerjoin(Brain, Brain.id == Run.brain_id)
        .where(Run.chat_id == chat_id)
        .order_by(Run.id.desc())
        .limit(limit)
    )
    return [
        Ran(run, _command(version, run.command_id), slug or "", version.number if version else 0)
        for run, version, slug in session.execute(query)
    ]


def live_document(session: Session, brain_id: int | None) -> Mapping[str, Any]:
    """Return the live document of a brain; empty when nothing is live."""
    query = select(BrainVersion.document).join(Brain, Brain.live_version_id == BrainVersion.id)
    return session.scalar(query.where(Brain.id == brain_id)) or {}


def suggestions(document: Mapping[str, Any], limit: int = 5) -> list[str]:
    """Return messages that would get an answer, one a command: what to try first."""
    prefix = next(iter(document.get("settings", {}).get("prefixes", ["!"])), "")
    words = [
        _example(command, prefix) for command in document.get("commands", []) if command.get("enabled", True)
    ]
    return [word for word in words if word][:limit]


def _example(command: Mapping[str, Any], prefix: str) -> str:
    trigger = command.get("trigger", {})
    if trigger.get("kind") == "command" and trigger.get("words"):
        arguments = " ".join(
            _sample(each) for each in command.get("arguments", []) if each.get("required", True)
        )
        return f"{prefix}{trigger['words'][0]} {arguments}".strip()
    texts = trigger.get("texts") if trigger.get("kind") in {"exact", "starts_with", "contains"} else None
    return str(texts[0]) if texts else ""


def _sample(argument: Mapping[str, Any]) -> str:
    choices = argument.get("choices") or []
    if choices:
        return str(choices[0])
    return "3" if argument.get("type") in {"int", "number"} else "hello"


def _command(version: BrainVersion | None, command_id: str | None) -> str:
    commands = version.document.get("commands", []) if version else []
    return next((str(each.get("name")) for each in commands if each.get("id") == command_id), "")
