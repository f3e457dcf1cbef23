"""Queries of past turns with the records of their runs, for tests on past messages and shadow mode."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.bot.display import format_contact_name, format_message_text
from app.bot.models import Chat, Connection, Contact, Message, Run
from app.bot.states import SCHEDULE_KIND, Direction, RunOutcome
from app.bot.turns.build import build_turn_fields
from app.bot.turns.prefetch import read_quoted_texts
from app.brains.runtime.rehearsal import RecordedRun
from app.brains.runtime.trace import Cause, Trace, read_cause
from app.brains.turn import Sender, Turn
from app.brains.versions.models import BrainVersion
from app.immutable import immutable

# Runs before a test on past messages among which those that began a cooldown are looked for.
EARLIER_RUNS: Final = 10_000
_TURN_COLUMNS: Final = ("id", "kind", "text", "payload", "provider_id", "provider_at", "created_at")


@immutable
class RecordedTurn:
    """A message a brain was asked, or would have been: its record, who wrote and the words as they saw them."""

    run: RecordedRun
    name: str
    text: str


def list_recent(session: Session, brain_id: int, limit: int) -> list[RecordedTurn]:
    """Return the last `limit` messages people wrote to a brain, the oldest first.

    Those that came to its connections while nothing was live count too; those in paused chats do not.
    """
    played = _select_runs().where(
        Run.brain_id == brain_id, or_(Run.digest.is_not(None), Run.outcome == RunOutcome.FAILED)
    )
    unheard = _select_runs().where(Run.brain_id.is_(None), Connection.brain_id == brain_id)
    rows = [*session.execute(played.limit(limit)), *session.execute(unheard.limit(limit))]
    kept = [row for row in rows if read_cause(row.Run.trace) != Cause.PAUSED]
    newest = sorted(kept, key=lambda row: row.Run.id)[-limit:]
    quoted = _read_quoted(session, [row.Message for row in newest])
    return [_build_recorded_turn(row, quoted) for row in newest]


def list_runs_before(
    session: Session, brain_id: int, first: RecordedTurn, command_ids: Iterable[str], since: int
) -> list[tuple[Turn, str]]:
    """Return turns before a message that one of these commands answered, with its id, the oldest first.

    They are looked for among the last EARLIER_RUNS, back to a moment (ms). A command that only said that it rests
    answered nothing.
    """
    first_id = select(func.min(Run.id)).where(Run.message_id == first.run.turn.message_id).scalar_subquery()
    latest = select(Run.id).where(Run.brain_id == brain_id, Run.id < first_id).order_by(Run.id.desc())
    query = _select_runs().where(
        Run.id.in_(select(latest.limit(EARLIER_RUNS).subquery().c.id)),
        Run.created_at >= since,
        Run.command_id.in_(command_ids),
        Run.outcome == RunOutcome.ANSWERED,
    )
    rows = [
        row
        for row in session.execute(query)
        if row.Run.journal and read_cause(row.Run.trace) != Cause.COOLDOWN
    ]
    return [(_build_answered_turn(row), row.Run.command_id) for row in reversed(rows)]


def _build_answered_turn(row: Any) -> Turn:
    turn = build_bare_turn(row.Message, row.Chat, row.Run.journal["now"])
    return replace(turn, contact_id=row.Run.journal["contact"])


@immutable
class RecordedPage:
    """Messages of a brain in the order they were answered, and the run the last of them had."""

    turns: Sequence[RecordedTurn]
    last_run_id: int


def list_answered_after(session: Session, brain_id: int, run_id: int, until: int, limit: int) -> RecordedPage:
    """Return the first messages a brain was asked after a run, up to a moment (ms)."""
    query = _select_runs().order_by(None).order_by(Run.id).limit(limit)
    played = or_(Run.digest.is_not(None), Run.outcome == RunOutcome.FAILED)
    query = query.where(Run.brain_id == brain_id, Run.id > run_id, Run.created_at <= until, played)
    rows = session.execute(query).all()
    quoted = _read_quoted(session, [row.Message for row in rows])
    return RecordedPage(
        [_build_recorded_turn(row, quoted) for row in rows], rows[-1].Run.id if rows else run_id
    )


def find_last_run_id(session: Session, brain_id: int, moment: int) -> int:
    """Return the newest run of a brain up to a moment (ms); 0 when there is none."""
    query = select(Run.id).where(Run.brain_id == brain_id, Run.created_at <= moment)
    return session.scalar(query.order_by(Run.id.desc()).limit(1)) or 0


def load_documents(
    session: Session, turns: Iterable[RecordedTurn]
) -> dict[int, tuple[int, Mapping[str, Any]]]:
    """Return brain and document of each version that answered these messages, by the version's id."""
    wanted = {each.run.version_id for each in turns if each.run.version_id}
    query = select(BrainVersion).where(BrainVersion.id.in_(wanted))
    return {version.id: (version.brain_id, version.document) for version in session.scalars(query)}


def build_bare_turn(message: Message, chat: Chat, now: int) -> Turn:
    """Return the turn of a stored message as far as the message alone tells it; `now` in ms."""
    fields = {name: getattr(message, name) for name in _TURN_COLUMNS}
    return Turn(
        **build_turn_fields(fields),
        sender=Sender(""),
        chat_id=chat.id,
        is_group=chat.group_id is not None,
        now=now,
    )


def _select_runs() -> Select[Run, Message, Chat, Contact]:
    return (
        select(Run, Message, Chat, Contact)
        .join(Message, Message.id == Run.message_id)
        .join(Chat, Chat.id == Message.chat_id)
        .join(Connection, Connection.id == Message.connection_id)
        .outerjoin(Contact, Contact.id == func.coalesce(Message.contact_id, Chat.contact_id))
        .where(Message.direction == Direction.IN, Message.kind != SCHEDULE_KIND)
        .order_by(Run.id.desc())
    )


def _read_quoted(session: Session, messages: Sequence[Message]) -> dict[tuple[int, str], str]:
    wanted = {message.quoted_id for message in messages if message.quoted_id}
    connections = {message.connection_id for message in messages}
    return read_quoted_texts(session, wanted, connections) if wanted else {}


def _build_recorded_turn(row: Any, quoted: Mapping[tuple[int, str], str]) -> RecordedTurn:
    run, message, chat, contact = row.Run, row.Message, row.Chat, row.Contact
    turn = build_bare_turn(message, chat, run.created_at)
    journal = dict(run.journal or _build_journal(turn, contact))
    if message.quoted_id and "quoted" not in journal:
        text = quoted.get((message.chat_id, message.quoted_id), "")
        journal["quoted"] = {"id": message.quoted_id, "text": text}
    trace = Trace.from_json(run.trace)
    past = RecordedRun(
        turn, journal, run.outcome, run.version_id, run.command_id, run.digest, run.micros, trace
    )
    name = format_contact_name(contact, chat.title)
    return RecordedTurn(past, name, format_message_text(message) or message.kind)


def _build_journal(turn: Turn, contact: Contact | None) -> dict[str, Any]:
    """Return the journal of a message without a run."""
    identity = (contact.user_id or contact.phone or "") if contact else ""
    sender = [identity, contact.name if contact else "", contact.phone if contact else None]
    return {"now": turn.now, "seed": turn.seed, "sender": sender, "contact": contact.id if contact else None}
