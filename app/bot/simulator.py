"""Simulated phones: people, their actions as inbound items, receipts, and the runs shown next to the phone."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.bot.chats.thread import Bubble
from app.bot.models import Chat, Connection, Contact, Cooldown, Run, Schedule
from app.bot.models.run import list_cooldown_scopes
from app.bot.states import Direction, MessageState
from app.brains.example_messages import build_example_of
from app.brains.memory.models import Memory
from app.brains.runtime.trace import Trace
from app.brains.versions.models import Brain, BrainVersion
from app.channels.contract import InboundMessage, Person, Status
from app.channels.simulator import channel as phone
from app.channels.simulator.channel import Envelope, SimulatorChannel
from app.immutable import immutable
from app.signals import DomainError

NAMES = ("Ada", "Kofi", "Mei", "Luis", "Amara", "Jonas", "Priya", "Yusuf", "Sofia", "Tane", "Lina", "Omar")
# Numbers reserved for fiction, so that no real person is ever simulated.
FIRST_NUMBER = 15_550_100_000
MAX_PEOPLE = 50


class PhoneError(DomainError):
    """Something a simulated phone cannot do."""

    code = "phone"


@immutable
class PhoneAction:
    """What a person does with the phone; `kind`: text | button | list, or one of the example messages."""

    kind: str
    text: str = ""
    choice: str = ""
    quoted_id: str | None = None


@immutable
class RunSummary:
    """What the brain did on one message."""

    run: Run
    command: str
    slug: str
    version: int

    @property
    def trace(self) -> Trace:
        """Return what the run noted."""
        return Trace.from_json(self.run.trace)


def list_simulator_ids(session: Session) -> tuple[int, ...]:
    """Return the ids of the simulator's connections: what is tried there is nobody's use of a bot."""
    query = select(Connection.id).where(Connection.channel == SimulatorChannel.kind)
    return tuple(session.scalars(query.order_by(Connection.id)))


def list_people(session: Session, connection_id: int) -> list[Person]:
    """Return who has used this phone number, the most recent first."""
    query = (
        select(Contact)
        .join(Chat, Chat.contact_id == Contact.id)
        .where(Contact.connection_id == connection_id, Contact.phone.is_not(None))
        .order_by(Chat.last_message_at.desc())
        .limit(MAX_PEOPLE)
    )
    return [Person(phone=contact.phone, name=contact.name) for contact in session.scalars(query)]


def invent_person(known: Iterable[Person]) -> Person:
    """Return the next invented person that is not among those known."""
    taken = {person.phone for person in known}
    number = next(n for n in range(1, MAX_PEOPLE * 2) if str(FIRST_NUMBER + n) not in taken)
    return Person(phone=str(FIRST_NUMBER + number), name=NAMES[(number - 1) % len(NAMES)])


def build_item(act: PhoneAction, person: Person, message_id: str, at: int) -> InboundMessage:
    """Return the inbound item of an action; raises PhoneError for an empty one."""
    envelope = Envelope(message_id, person, at, act.quoted_id)
    if act.kind == "button":
        return phone.build_button_reply(envelope, act.choice, act.text)
    if act.kind == "list":
        return phone.build_list_reply(envelope, act.choice, act.text)
    if act.kind != "text":
        return phone.build_message(envelope, build_example_of(act.kind, act.text))
    if not act.text.strip():
        raise PhoneError("Write something first.")
    return phone.build_text(envelope, act.text.strip()[:4096])


def list_unread_ids(bubbles: Sequence[Bubble]) -> list[str]:
    """Return the provider ids of answers the phone has not opened yet."""
    return [
        each.message.provider_id
        for each in bubbles
        if each.message.direction == Direction.OUT
        and each.message.state in {MessageState.SENT, MessageState.DELIVERED}
        and each.message.provider_id
    ]


def build_receipts(provider_ids: Iterable[str], at: int) -> list[Status]:
    """Return the receipts of a phone that lies open: delivered, then read."""
    return [
        make(each, at)
        for each in provider_ids
        for make in (phone.build_delivered_status, phone.build_read_status)
    ]


def advance(session: Session, chat: Chat, span: int) -> None:
    """Let time pass in a chat (ms): what is scheduled there comes due earlier, and all that ends, ends earlier.

    The moments move, not the clock: scripts read the same time as before.
    """
    scopes = {f"chat:{chat.id}", f"contact:{chat.contact_id}"}
    own = update(Chat).where(Chat.id == chat.id)
    for query, column in (
        (update(Schedule).where(Schedule.chat_id == chat.id), Schedule.due_at),
        (own, Chat.window_until),
        (own, Chat.paused_until),
        (own, Chat.session_until),
        (update(Cooldown).where(Cooldown.scope.in_(list_cooldown_scopes(scopes))), Cooldown.until),
        (update(Memory).where(Memory.scope.in_(scopes)), Memory.expires_at),
    ):
        session.execute(query.values({column.key: column - span}))


def list_last_runs(session: Session, chat_id: int, limit: int = 4) -> list[RunSummary]:
    """Return the last runs of a chat, the newest first."""
    query = (
        select(Run, BrainVersion, Brain.slug)
        .outerjoin(BrainVersion, BrainVersion.id == Run.version_id)
        .outerjoin(Brain, Brain.id == Run.brain_id)
        .where(Run.chat_id == chat_id)
        .order_by(Run.id.desc())
        .limit(limit)
    )
    return [
        RunSummary(
            run, _find_command_name(version, run.command_id), slug or "", version.number if version else 0
        )
        for run, version, slug in session.execute(query)
    ]


def get_live_document(session: Session, brain_id: int | None) -> Mapping[str, Any]:
    """Return the live document of a brain; empty when nothing is live."""
    query = select(BrainVersion.document).join(Brain, Brain.live_version_id == BrainVersion.id)
    return session.scalar(query.where(Brain.id == brain_id)) or {}


def _find_command_name(version: BrainVersion | None, command_id: str | None) -> str:
    commands = version.document.get("commands", []) if version else []
    return next((str(each.get("name")) for each in commands if each.get("id") == command_id), "")
