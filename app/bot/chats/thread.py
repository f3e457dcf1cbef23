"""Thread of a chat: page of messages as bubbles with quotes, reactions, notes and files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, literal_column, or_, select
from sqlalchemy.orm import Session

from app.bot.chats import notes
from app.bot.chats.delivery_report import DeliveryReport, load_reports
from app.bot.display import format_contact_name, format_message_text
from app.bot.media import attachments, downloads
from app.bot.media.attachments import Attachment
from app.bot.models import Contact, Message, Note
from app.bot.states import (
    ATTACHED_KINDS,
    HIDDEN_KINDS,
    SCHEDULE_KIND,
    TROUBLE_STATES,
    Direction,
    sql_any,
    sql_is,
)
from app.immutable import immutable

T = TypeVar("T")
PAGE_SIZE = 60
MAX_PAGE_SIZE = 500
# Bubbles kept of a full page when it is turned.
PAGE_OVERLAP = MAX_PAGE_SIZE - 2 * PAGE_SIZE
# A reaction that did not arrive has a bubble of its own: it could not be seen, explained or sent again otherwise.
_FAILED_REACTION = and_(
    Message.kind == "reaction", Message.direction == Direction.OUT, Message.state.in_(TROUBLE_STATES)
)
_VISIBLE = or_(Message.kind.not_in(HIDDEN_KINDS), _FAILED_REACTION)
# Written out, all three: only then does the planner see that a partial index covers them.
FAILURE_CONDITION = literal_column(sql_any("message.state", TROUBLE_STATES))
_IS_OUTBOUND = literal_column(sql_is("message.direction", Direction.OUT))
_IS_REACTION_OR_EDIT = literal_column(sql_any("message.kind", ATTACHED_KINDS))


@immutable
class Quote:
    """The message another one quotes."""

    id: int
    author: str
    kind: str
    text: str


@immutable
class Bubble:
    """A message with what belongs to it; with an `event_text` it is drawn as a line between bubbles."""

    message: Message
    reactions: Sequence[str] = ()
    quote: Quote | None = None
    # Its texts before it was edited, oldest first.
    earlier_versions: Sequence[str] = ()
    file: Attachment | None = None
    # In a group: who wrote it.
    writer: str = ""
    # Outbound: price, members of a group and errors, where receipts told of them.
    report: DeliveryReport | None = None

    @property
    def event_text(self) -> str:
        """Return the text of an event; empty for a message somebody wrote."""
        return format_message_text(self.message) if self.message.kind == SCHEDULE_KIND else ""


@immutable
class MessageRange:
    """Which messages to show: from `start` to `end` (ids); without an end up to the newest, without a start its end."""

    start: int | None = None
    end: int | None = None


@immutable
class Thread:
    """Bubbles in the order of the chat, and the ranges before and after them; None when there are none."""

    bubbles: Sequence[Bubble] = ()
    start: int = 0
    end: int | None = None
    earlier: MessageRange | None = None
    later: MessageRange | None = None
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


def load_thread(session: Session, chat_id: int, start: int | None = None, end: int | None = None) -> Thread:
    """Return the newest bubbles of a chat, or those from message `start` on up to `end`, at most MAX_THREAD."""
    query = select(Message).where(Message.chat_id == chat_id, _VISIBLE)
    if start:
        query = query.where(Message.id >= start)
    if end:
        query = query.where(Message.id <= end)
    limit = MAX_PAGE_SIZE if start else PAGE_SIZE
    newest = list(session.scalars(query.order_by(Message.id.desc()).limit(limit)))
    if not newest:
        return Thread(notes=notes.list_between(session, chat_id, 0, None))
    return _add_neighbours(session, Thread(_bubbles(session, newest[::-1]), newest[-1].id, end))


def load_thread_around(session: Session, chat_id: int, message_id: int) -> Thread:
    """Return the bubbles around a message, from half a page before it."""
    before = _ids(session, chat_id, Message.id < message_id, PAGE_SIZE // 2, newest=True)
    after = _ids(session, chat_id, Message.id >= message_id, PAGE_SIZE // 2 + 1, newest=False)
    start = min(before, default=message_id)
    return load_thread(session, chat_id, start, max(after) if len(after) > PAGE_SIZE // 2 else None)


def _add_neighbours(session: Session, page: Thread) -> Thread:
    """Add the ranges before and after; a full page drops bubbles at its other end."""
    first, last = page.bubbles[0].message, page.bubbles[-1].message
    before = _ids(session, first.chat_id, Message.id < first.id, PAGE_SIZE, newest=True)
    after = _ids(session, first.chat_id, Message.id > last.id, PAGE_SIZE, newest=False) if page.end else []
    full = len(page.bubbles) > PAGE_OVERLAP
    older_end = page.bubbles[PAGE_OVERLAP - 1].message.id if full else page.end
    later_start = page.bubbles[-PAGE_OVERLAP].message.id if full else page.start
    there = notes.list_between(
        session,
        first.chat_id,
        first.created_at if before else 0,
        _get_created_at(session, after[0]) if after else None,
    )
    return replace(
        page,
        earlier=MessageRange(min(before), older_end) if before else None,
        later=MessageRange(later_start, max(after) if len(after) == PAGE_SIZE else None) if after else None,
        end=page.end if after else None,
        notes=there,
    )


def _get_created_at(session: Session, message_id: int) -> int | None:
    return session.scalar(select(Message.created_at).where(Message.id == message_id))


def _ids(session: Session, chat_id: int, side: ColumnElement[bool], limit: int, *, newest: bool) -> list[int]:
    order = Message.id.desc() if newest else Message.id
    query = select(Message.id).where(Message.chat_id == chat_id, side, _VISIBLE).order_by(order).limit(limit)
    return list(session.scalars(query))


def _bubbles(session: Session, messages: Sequence[Message]) -> list[Bubble]:
    about = _load_reactions_and_edits(session, messages)
    quotes = _quotes(session, messages)
    writers = load_writers(session, messages)
    reports = load_reports(session, messages)
    files = attachments.load(session, [m.id for m in messages if m.kind in downloads.MEDIA_KINDS])
    return [
        Bubble(
            message,
            _reactions(about.get(message.provider_id or "", ())),
            quotes.get(message.quoted_id or ""),
            _list_earlier_versions(message, about.get(message.provider_id or "", ())),
            files.get(message.id),
            writers.get(message.contact_id or 0, ""),
            reports.get(message.id),
        )
        for message in messages
    ]


def load_writers(session: Session, messages: Sequence[Message]) -> dict[int, str]:
    """Return the names of those who wrote in a group, by contact; empty in a chat with one person."""
    ids = {m.contact_id for m in messages if m.contact_id}
    if not ids:
        return {}
    people = session.scalars(select(Contact).where(Contact.id.in_(ids)))
    return {each.id: format_contact_name(each) for each in people}


def _load_reactions_and_edits(session: Session, messages: Sequence[Message]) -> Mapping[str, list[Message]]:
    """Return reactions and edits by the provider's id of their message, in their order."""
    targets = [m.provider_id for m in messages if m.provider_id]
    query = select(Message).where(
        Message.chat_id == messages[0].chat_id, Message.quoted_id.in_(targets), _IS_REACTION_OR_EDIT
    )
    found: dict[str, list[Message]] = {}
    # By their own time: they may come in any order.
    rows = sorted(
        session.scalars(query), key=lambda row: (row.provider_at or row.created_at, row.provider_id or "")
    )
    for row in rows:
        found.setdefault(row.quoted_id or "", []).append(row)
    return found


def _reactions(rows: Iterable[Message]) -> Sequence[str]:
    """Return the present reactions: the last one of each person, unless it was taken back or did not arrive."""
    present: dict[str, str] = {}
    for row in rows:
        if row.kind == "reaction" and row.state not in TROUBLE_STATES:
            # In a direct chat there is one person, by whatever number or id they come.
            who = (row.contact_id or "") if row.direction == Direction.IN else ""
            present[f"{row.direction}{who or ''}"] = row.text or str(row.payload.get("emoji", ""))
    shown = [emoji for emoji in present.values() if emoji]
    many = [(emoji, shown.count(emoji)) for emoji in dict.fromkeys(shown)]
    return [emoji if times == 1 else f"{emoji} {times}" for emoji, times in many] or ()


def _list_earlier_versions(message: Message, rows: Iterable[Message]) -> list[str]:
    """Return the earlier texts of an edited message; the first is in its payload."""
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
        literal_column(sql_is("message.direction", Direction.IN)),
        chat,
    )
    outbound = select(Message).where(_IS_OUTBOUND, Message.provider_id.in_(targets), chat)
    rows = [*session.scalars(inbound), *session.scalars(outbound)]
    return {m.provider_id or "": Quote(m.id, m.author, m.kind, format_message_text(m)) for m in rows}
