"""What a brain was asked before: its last real messages with the records of their runs, read for a rehearsal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from app.bot.chats import said
from app.bot.hearing import told
from app.bot.knowing import quoted_texts
from app.bot.models import Chat, Connection, Contact, Message, Run
from app.bot.programs import PAUSED
from app.bot.schedules import KIND as TICK
from app.brains.models import BrainVersion
from app.brains.rehearsal import Past
from app.brains.runtime import Sender, Turn

_TOLD: Final = ("id", "kind", "text", "payload", "provider_id", "provider_at", "created_at")


@dataclass(frozen=True, slots=True)
class Heard:
    """A message a brain was asked, or would have been: its record, who wrote and the words as they saw them."""

    past: Past
    name: str
    words: str


def recent(session: Session, brain_id: int, limit: int) -> list[Heard]:
    """Return the last `limit` messages people wrote to a brain, the oldest first.

    Those that came to its connections while nothing was live count too; those in paused chats do not.
    """
    played = _runs().where(Run.brain_id == brain_id, or_(Run.digest.is_not(None), Run.outcome == "failed"))
    unheard = _runs().where(Run.brain_id.is_(None), Connection.brain_id == brain_id)
    rows = [*session.execute(played.limit(limit)), *session.execute(unheard.limit(limit))]
    kept = [row for row in rows if not str(row.Run.trace.get("reason", "")).startswith(PAUSED)]
    newest = sorted(kept, key=lambda row: row.Run.id)[-limit:]
    quoted = _quoted(session, [row.Message for row in newest])
    return [_heard(row, quoted) for row in newest]


@dataclass(frozen=True, slots=True)
class Page:
    """Messages of a brain in the order they were answered, and the run the last of them had."""

    heard: Sequence[Heard]
    last: int


def answered_after(session: Session, brain_id: int, run_id: int, until: int, limit: int) -> Page:
    """Return the first messages a brain was asked after a run, up to a moment (ms)."""
    query = _runs().order_by(None).order_by(Run.id).limit(limit)
    played = or_(Run.digest.is_not(None), Run.outcome == "failed")
    query = query.where(Run.brain_id == brain_id, Run.id > run_id, Run.created_at <= until, played)
    rows = session.execute(query).all()
    quoted = _quoted(session, [row.Message for row in rows])
    return Page([_heard(row, quoted) for row in rows], rows[-1].Run.id if rows else run_id)


def last_before(session: Session, brain_id: int, moment: int) -> int:
    """Return the newest run of a brain up to a moment (ms); 0 when there is none."""
    query = select(Run.id).where(Run.brain_id == brain_id, Run.created_at <= moment)
    return session.scalar(query.order_by(Run.id.desc()).limit(1)) or 0


def documents(session: Session, heard: Iterable[Heard]) -> dict[int, tuple[int, Mapping[str, Any]]]:
    """Return brain and document of each version that answered these messages, by the version's id."""
    wanted = {each.past.version_id for each in heard if each.past.version_id}
    query = select(BrainVersion).where(BrainVersion.id.in_(wanted))
    return {version.id: (version.brain_id, version.document) for version in session.scalars(query)}


def bare_turn(message: Message, chat: Chat, now: int) -> Turn:
    """Return the turn of a stored message as far as the message alone tells it; `now` in ms."""
    fields = {name: getattr(message, name) for name in _TOLD}
    return Turn(
        **told(fields), sender=Sender(""), chat_id=chat.id, is_group=chat.group_id is not None, now=now
    )


def _runs() -> Select[Run, Message, Chat, Contact]:
    return (
        select(Run, Message, Chat, Contact)
        .join(Message, Message.id == Run.message_id)
        .join(Chat, Chat.id == Message.chat_id)
        .join(Connection, Connection.id == Message.connection_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
        .where(Message.direction == "in", Message.kind != TICK)
        .order_by(Run.id.desc())
    )


def _quoted(session: Session, messages: Sequence[Message]) -> dict[tuple[int, str], str]:
    wanted = {message.quoted_id for message in messages if message.quoted_id}
    connections = {message.connection_id for message in messages}
    return quoted_texts(session, wanted, connections) if wanted else {}


def _heard(row: Any, quoted: Mapping[tuple[int, str], str]) -> Heard:
    run, message, chat, contact = row.Run, row.Message, row.Chat, row.Contact
    turn = bare_turn(message, chat, run.created_at)
    journal = dict(run.journal or _unwritten(turn, chat, contact))
    if message.quoted_id and "quoted" not in journal:
        text = quoted.get((message.chat_id, message.quoted_id), "")
        journal["quoted"] = {"id": message.quoted_id, "text": text}
    past = Past(turn, journal, run.outcome, run.version_id, run.command_id, run.digest, run.micros, run.trace)
    name = (contact.name or f"+{contact.phone or contact.user_id}") if contact else chat.title or "Group"
    return Heard(past, name, said(message) or message.kind)


def _unwritten(turn: Turn, chat: Chat, contact: Contact | None) -> dict[str, Any]:
    """Write the journal of a message that no brain was asked about."""
    identity = (contact.user_id or contact.phone or "") if contact else ""
    sender = [identity, contact.name if contact else "", contact.phone if contact else None]
    return {"now": turn.now, "seed": turn.seed, "sender": sender, "contact": chat.contact_id}
