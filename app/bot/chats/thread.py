"""Threads: a stretch of a chat as bubbles, each with what belongs to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, literal_column, or_, select
from sqlalchemy.orm import Session

from app.bot import attachments, notes
from app.bot.attachments import Attachment
from app.bot.models import Message, Note
from app.bot.sayings import said
from app.bot.schedules import KIND as SCHEDULE

T = TypeVar("T")
THREAD = 60
MAX_THREAD = 500
# Bubbles kept of a full page when it is turned.
KEPT = MAX_THREAD - 2 * THREAD
# Rows that change other bubbles instead of being one.
HIDDEN_KINDS = ("reaction", "edit", "revoke")
TROUBLE = ("failed", "unknown", "dead", "held")
# A reaction that did not arrive has a bubble of its own: it could not be seen, explained or sent again otherwise.
_STUCK = and_(Message.kind == "reaction", Message.direction == "out", Message.state.in_(TROUBLE))
_SHOWN = or_(Message.kind.not_in(HIDDEN_KINDS), _STUCK)
# Written out, all three: only then does the planner see that a partial index covers them.
STUCK = literal_column("message.state IN ('dead','unknown','held','failed')")
_OUTBOUND = literal_column("message.direction = 'out'")
_ABOUT = literal_column("message.kind IN ('reaction','edit')")


@dataclass(frozen=True, slots=True)
class Quote:
    """The message another one quotes."""

    id: int
    author: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message with what belongs to it; `note`: it is no bubble but a line between them, with these words."""

    message: Message
    reactions: Sequence[str] = ()
    quote: Quote | None = None
    # What it said before it was edited, oldest first.
    before: Sequence[str] = ()
    file: Attachment | None = None

    @property
    def note(self) -> str:
        """Say what happened by itself here; empty for what somebody said."""
        return said(self.message) if self.message.kind == SCHEDULE else ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which messages to show: from `start` to `end` (ids); without an end up to the newest, without a start its end."""

    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    """Bubbles in the order they were said, and the stretches before and after them; None when there are none."""

    bubbles: Sequence[Bubble] = ()
    start: int = 0
    end: int | None = None
    earlier: Stretch | None = None
    later: Stretch | None = None
    notes: Sequence[Note] = field(default=())

    @property
    def newest(self) -> int:
        """The id of the last message shown."""
        return self.bubbles[-1].message.id if self.bubbles else 0

    @property
    def items(self) -> list[Bubble | Note]:
        """Bubbles and notes in one line, by the moment they were written."""
        mixed: list[Bubble | Note] = []
        waiting = list(self.notes)
        for bubble in self.bubbles:
            while waiting and waiting[0].created_at < bubble.message.created_at:
                mixed.append(waiting.pop(0))
            mixed.append(bubble)
        return [*mixed, *waiting]


def thread(session: Session, chat_id: int, start: int | None = None, end: int | None = None) -> Thread:
    """Return the newest bubbles of a chat, or those from message `start` on up to `end`, at most MAX_THREAD."""
    query = select(Message).where(Message.chat_id == chat_id, _SHOWN)
    if start:
        query = query.where(Message.id >= start)
    if end:
        query = query.where(Message.id <= end)
    limit = MAX_THREAD if start else THREAD
    newest = list(session.scalars(query.order_by(Message.id.desc()).limit(limit)))
    if not newest:
        return Thread(notes=notes.between(session, chat_id, 0, None))
    return _with_ends(session, Thread(_bubbles(session, newest[::-1]), newest[-1].id, end))


def thread_around(session: Session, chat_id: int, message_id: int) -> Thread:
    """Return the bubbles around a message, from half a page before it."""
    before = _ids(session, chat_id, Message.id < message_id, THREAD // 2, newest=True)
    after = _ids(session, chat_id, Message.id >= message_id, THREAD // 2 + 1, newest=False)
    start = min(before, default=message_id)
    return thread(session, chat_id, start, max(after) if len(after) > THREAD // 2 else None)


def _with_ends(session: Session, page: Thread) -> Thread:
    """Say what comes before and after; a full page gives up bubbles at its other end."""
    first, last = page.bubbles[0].message, page.bubbles[-1].message
    before = _ids(session, first.chat_id, Message.id < first.id, THREAD, newest=True)
    after = _ids(session, first.chat_id, Message.id > last.id, THREAD, newest=False) if page.end else []
    full = len(page.bubbles) > KEPT
    older_end = page.bubbles[KEPT - 1].message.id if full else page.end
    later_start = page.bubbles[-KEPT].message.id if full else page.start
    there = notes.between(
        session,
        first.chat_id,
        first.created_at if before else 0,
        _created(session, after[0]) if after else None,
    )
    return replace(
        page,
        earlier=Stretch(min(before), older_end) if before else None,
        later=Stretch(later_start, max(after) if len(after) == THREAD else None) if after else None,
        end=page.end if after else None,
        notes=there,
    )


def _created(session: Session, message_id: int) -> int | None:
    return session.scalar(select(Message.created_at).where(Message.id == message_id))


def _ids(session: Session, chat_id: int, side: ColumnElement[bool], limit: int, *, newest: bool) -> list[int]:
    order = Message.id.desc() if newest else Message.id
    query = select(Message.id).where(Message.chat_id == chat_id, side, _SHOWN).order_by(order).limit(limit)
    return list(session.scalars(query))


def _bubbles(session: Session, messages: Sequence[Message]) -> list[Bubble]:
    about = _about(session, messages)
    quotes = _quotes(session, messages)
    files = attachments.of(session, [m.id for m in messages if m.kind in attachments.KINDS])
    return [
        Bubble(
            message,
            _reactions(about.get(message.provider_id or "", ())),
            quotes.get(message.quoted_id or ""),
            _before(message, about.get(message.provider_id or "", ())),
            files.get(message.id),
        )
        for message in messages
    ]


def _about(session: Session, messages: Sequence[Message]) -> Mapping[str, list[Message]]:
    """Return the rows that speak of messages, by the provider's id of those, in their order."""
    targets = [m.provider_id for m in messages if m.provider_id]
    query = select(Message).where(
        Message.chat_id == messages[0].chat_id, Message.quoted_id.in_(targets), _ABOUT
    )
    found: dict[str, list[Message]] = {}
    for row in session.scalars(query.order_by(Message.id)):
        found.setdefault(row.quoted_id or "", []).append(row)
    return found


def _reactions(rows: Iterable[Message]) -> Sequence[str]:
    """Return the present reactions: the last one of each person, unless it was taken back or did not arrive."""
    present: dict[str, str] = {}
    for row in rows:
        if row.kind == "reaction" and row.state not in TROUBLE:
            who = row.payload.get("from") or row.payload.get("from_user_id") if row.direction == "in" else ""
            present[f"{row.direction}{who or ''}"] = row.text or str(row.payload.get("emoji", ""))
    shown = [emoji for emoji in present.values() if emoji]
    many = [(emoji, shown.count(emoji)) for emoji in dict.fromkeys(shown)]
    return [emoji if times == 1 else f"{emoji} {times}" for emoji, times in many] or ()


def _before(message: Message, rows: Iterable[Message]) -> list[str]:
    """Return what an edited message said before: its first words are kept in what came over the wire."""
    if not message.edited_at:
        return []
    body = message.payload.get("text") or message.payload.get(message.kind)
    first = (body.get("body") or body.get("caption")) if isinstance(body, Mapping) else None
    versions = [*([str(first)] if first else []), *(row.text for row in rows if row.kind == "edit")]
    return [words for words in versions if words and words != message.text]


def _quotes(session: Session, messages: Sequence[Message]) -> dict[str, Quote]:
    targets = list({m.quoted_id for m in messages if m.quoted_id})
    if not targets:
        return {}
    chat = Message.chat_id == messages[0].chat_id
    inbound = select(Message).where(
        Message.connection_id == messages[0].connection_id,
        Message.provider_id.in_(targets),
        literal_column("message.direction = 'in'"),
        chat,
    )
    outbound = select(Message).where(_OUTBOUND, Message.provider_id.in_(targets), chat)
    rows = [*session.scalars(inbound), *session.scalars(outbound)]
    return {m.provider_id or "": Quote(m.id, m.author, m.kind, said(m)) for m in rows}
