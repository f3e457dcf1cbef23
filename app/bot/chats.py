"""Reading chats: the list with its filters, and threads with what belongs to each bubble."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from app.bot.content import preview
from app.bot.models import Chat, Connection, Contact, Message
from app.bot.schedules import KIND as SCHEDULE

PAGE = 30
THREAD = 60
MAX_THREAD = 500
# The text search reads the newest messages only: it stays quick whatever the table holds.
SEARCHED = 200_000
# Rows that change other bubbles instead of being one.
HIDDEN_KINDS = ("reaction", "edit", "revoke")
TROUBLE = ("failed", "unknown", "dead", "held")
# A reaction that did not arrive has a bubble of its own: it could not be seen, explained or sent again otherwise.
_STUCK = and_(Message.kind == "reaction", Message.direction == "out", Message.state.in_(TROUBLE))
_SHOWN = or_(Message.kind.not_in(HIDDEN_KINDS), _STUCK)


@dataclass(frozen=True, slots=True)
class ChatWish:
    """Which chats to list; `after` is the (last_message_at, id) of the last chat already shown."""

    search: str = ""
    connection_id: int | None = None
    state: str = ""
    after: tuple[int, int] | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class ChatLine:
    """One chat of the list; `trouble` is the worst state among its sends."""

    chat: Chat
    name: str
    handle: str
    connection: str
    channel: str
    last: Message | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class ChatPage:
    """A page of chats and where the next one starts; None at the end."""

    lines: Sequence[ChatLine]
    after: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Quote:
    """The message another one quotes."""

    author: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message with what belongs to it; `note`: it is no bubble but a line between them, with these words."""

    message: Message
    reactions: Sequence[str] = ()
    quote: Quote | None = None

    @property
    def note(self) -> str:
        """Say what happened by itself here; empty for what somebody said."""
        return said(self.message) if self.message.kind == SCHEDULE else ""


@dataclass(frozen=True, slots=True)
class Thread:
    """Bubbles in the order they were said; `earlier` is where the page before starts, None when there is none."""

    bubbles: Sequence[Bubble] = ()
    start: int = 0
    earlier: int | None = None
    cut: bool = field(default=False)


def list_chats(session: Session, wish: ChatWish) -> ChatPage:
    """List chats, the most recent first."""
    query = _lines().order_by(Chat.last_message_at.desc(), Chat.id.desc()).limit(wish.limit + 1)
    for condition in _conditions(wish):
        query = query.where(condition)
    rows = session.execute(query).all()
    lines = _with_news(session, rows[: wish.limit])
    more = len(rows) > wish.limit and lines
    return ChatPage(lines, (lines[-1].chat.last_message_at, lines[-1].chat.id) if more else None)


def get_chat(session: Session, chat_id: int) -> ChatLine | None:
    """Find one chat."""
    lines = _with_news(session, session.execute(_lines().where(Chat.id == chat_id)).all())
    return lines[0] if lines else None


def chat_of(session: Session, connection_id: int, phone: str) -> ChatLine | None:
    """Find the chat of a phone number on a connection."""
    query = _lines().where(Chat.connection_id == connection_id, Contact.phone == phone)
    lines = _with_news(session, session.execute(query).all())
    return lines[0] if lines else None


def thread(session: Session, chat_id: int, start: int | None = None) -> Thread:
    """Return the newest bubbles of a chat, or all from message `start` on (at most MAX_THREAD)."""
    query = select(Message).where(Message.chat_id == chat_id, _SHOWN)
    if start:
        query = query.where(Message.id >= start)
    limit = MAX_THREAD if start else THREAD
    newest = list(session.scalars(query.order_by(Message.id.desc()).limit(limit)))
    if not newest:
        return Thread()
    messages = newest[::-1]
    bubbles = _bubbles(session, chat_id, messages)
    return Thread(
        bubbles, messages[0].id, _earlier(session, chat_id, messages[0].id), len(newest) == MAX_THREAD
    )


def _earlier(session: Session, chat_id: int, start: int) -> int | None:
    """Return the id at which the page before `start` begins."""
    query = (
        select(Message.id)
        .where(Message.chat_id == chat_id, Message.id < start, _SHOWN)
        .order_by(Message.id.desc())
        .limit(THREAD)
    )
    return min(session.scalars(query), default=None)


def _bubbles(session: Session, chat_id: int, messages: Sequence[Message]) -> list[Bubble]:
    reactions = _reactions(session, chat_id, {m.provider_id for m in messages if m.provider_id})
    quotes = _quotes(session, chat_id, {m.quoted_id for m in messages if m.quoted_id})
    return [
        Bubble(message, reactions.get(message.provider_id or "", ()), quotes.get(message.quoted_id or ""))
        for message in messages
    ]


def _reactions(session: Session, chat_id: int, targets: Iterable[str]) -> dict[str, list[str]]:
    """Return each target's present reactions: the last one of each side, unless it was taken back."""
    query = (
        select(Message)
        .where(
            Message.chat_id == chat_id,
            Message.kind == "reaction",
            Message.quoted_id.in_(list(targets)),
            Message.state.not_in(TROUBLE),
        )
        .order_by(Message.id)
    )
    present: dict[tuple[str, str], str] = {}
    for row in session.scalars(query):
        emoji = row.text or str(row.payload.get("emoji", ""))
        present[(row.quoted_id or "", row.direction)] = emoji
    shown: dict[str, list[str]] = {}
    for (target, _side), emoji in present.items():
        if emoji:
            shown.setdefault(target, []).append(emoji)
    return shown


def _quotes(session: Session, chat_id: int, targets: Iterable[str]) -> dict[str, Quote]:
    query = select(Message).where(Message.chat_id == chat_id, Message.provider_id.in_(list(targets)))
    return {m.provider_id or "": Quote(m.author, m.kind, said(m)) for m in session.scalars(query)}


def said(message: Message) -> str:
    """Return the words of a message as its writer saw them: a pressed button's title, not its id."""
    if message.kind == SCHEDULE:
        return f"“{message.payload.get('command') or 'A command'}” ran by schedule"
    if message.kind == "reaction" and message.direction == "out":
        return preview(message.payload)
    return _chosen(message) or message.text


def _chosen(message: Message) -> str:
    """Return the title of a pressed button or a chosen row; empty for anything else."""
    answer = message.payload.get("interactive") if message.direction == "in" else None
    inner = (
        answer.get(str(answer.get("type"))) if isinstance(answer, Mapping) else message.payload.get("button")
    )
    title = inner.get("title") or inner.get("text") if isinstance(inner, Mapping) else ""
    return title if isinstance(title, str) else ""


def _lines() -> Select[Chat, Contact, Connection]:
    return (
        select(Chat, Contact, Connection)
        .join(Connection, Connection.id == Chat.connection_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
    )


def _conditions(wish: ChatWish) -> Iterable[ColumnElement[bool]]:
    if wish.connection_id:
        yield Chat.connection_id == wish.connection_id
    if wish.state:
        states = TROUBLE if wish.state == "trouble" else (wish.state,)
        yield Chat.id.in_(select(Message.chat_id).where(Message.state.in_(states)))
    if wish.search.strip():
        yield _matches(wish.search.strip())
    if wish.after:
        at, chat_id = wish.after
        yield or_(Chat.last_message_at < at, and_(Chat.last_message_at == at, Chat.id < chat_id))


def _matches(search: str) -> ColumnElement[bool]:
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    digits = "".join(c for c in search if c.isdigit())
    newest = select(func.coalesce(func.max(Message.id), 0) - SEARCHED).scalar_subquery()
    texts = select(Message.chat_id).where(Message.id > newest, Message.text.ilike(pattern, escape="\\"))
    names = [
        Contact.name.ilike(pattern, escape="\\"),
        Contact.username.ilike(pattern, escape="\\"),
        Chat.title.ilike(pattern, escape="\\"),
    ]
    phones = [Contact.phone.like(f"%{digits}%")] if len(digits) >= 3 else []
    return or_(*names, *phones, Chat.id.in_(texts))


def _with_news(session: Session, rows: Sequence[object]) -> list[ChatLine]:
    found: list[tuple[Chat, Contact | None, Connection]] = [tuple(row) for row in rows]  # type: ignore[misc]
    ids = [chat.id for chat, _, _ in found]
    last, trouble = _last(session, ids), _trouble(session, ids)
    return [
        ChatLine(
            chat, _name(chat, contact), _handle(chat, contact), connection.name, connection.channel,
            last.get(chat.id), trouble.get(chat.id),
        )
        for chat, contact, connection in found
    ]  # fmt: skip


def _last(session: Session, ids: Sequence[int]) -> dict[int, Message]:
    newest = (
        select(func.max(Message.id))
        .where(Message.chat_id.in_(ids), Message.kind.not_in(HIDDEN_KINDS))
        .group_by(Message.chat_id)
    )
    return {m.chat_id: m for m in session.scalars(select(Message).where(Message.id.in_(newest)))}


def _trouble(session: Session, ids: Sequence[int]) -> dict[int, str]:
    query = select(Message.chat_id, Message.state).where(Message.chat_id.in_(ids), Message.state.in_(TROUBLE))
    worst: dict[int, str] = {}
    for chat_id, state in session.execute(query.distinct()):
        known = worst.get(chat_id)
        if known is None or _SEVERITY[state] > _SEVERITY[known]:
            worst[chat_id] = state
    return worst


_SEVERITY = {"failed": 0, "unknown": 1, "held": 2, "dead": 3}


def _name(chat: Chat, contact: Contact | None) -> str:
    if contact is None:
        return chat.title or "Group"
    return contact.name or contact.username or (f"+{contact.phone}" if contact.phone else "Unknown person")


def _handle(chat: Chat, contact: Contact | None) -> str:
    if contact is None:
        return f"Group {chat.group_id}"
    return f"+{contact.phone}" if contact.phone else contact.username or contact.user_id or ""
