"""Reading chats: the list with its filters, and what stands beside each name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, select, tuple_
from sqlalchemy.orm import Session

from app.bot.labels import labels_of
from app.bot.models import Chat, ChatLabel, Connection, Contact, Label, Message
from app.bot.sayings import said
from app.bot.threads import HIDDEN_KINDS, STUCK, TROUBLE, Bubble, Thread, thread

__all__ = [
    "Bubble",
    "ChatLine",
    "ChatPage",
    "ChatWish",
    "Counts",
    "Thread",
    "chat_of",
    "counts",
    "get_chat",
    "list_chats",
    "said",
    "thread",
]

PAGE = 30
# Counts beside filters stop here: beyond, the number says no more than “many”.
MANY = 100
# What can be asked of messages: the states that stand for each word.
_ASKED = {"trouble": TROUBLE, **{state: (state,) for state in TROUBLE}}
STATES = ("unread", "paused", "answering", "open", *_ASKED)
_UNREAD = literal_column("chat.unread_count > 0")


@dataclass(frozen=True, slots=True)
class ChatWish:
    """Which chats to list; `after` is the (last_message_at, id) of the last chat already shown, `now` in ms."""

    search: str = ""
    connection_id: int | None = None
    brain_id: int | None = None
    state: str = ""
    label_id: int | None = None
    after: tuple[int, int] | None = None
    limit: int = PAGE
    now: int = 0

    @property
    def narrowed(self) -> bool:
        """Whether filters leave chats out."""
        return bool(self.connection_id or self.brain_id or self.state or self.label_id)


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
    labels: Sequence[Label] = ()


@dataclass(frozen=True, slots=True)
class ChatPage:
    """A page of chats and where the next one starts; None at the end."""

    lines: Sequence[ChatLine]
    after: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many chats wait for somebody, each at most MANY."""

    unread: int
    paused: int
    trouble: int


def list_chats(session: Session, wish: ChatWish) -> ChatPage:
    """List chats, the most recent first."""
    query = lines_query().order_by(Chat.last_message_at.desc(), Chat.id.desc()).limit(wish.limit + 1)
    for condition in conditions(wish):
        query = query.where(condition)
    if wish.after:
        # As a pair: only so do both databases begin at this place of the index.
        query = query.where(tuple_(Chat.last_message_at, Chat.id) < tuple_(*wish.after))
    rows = session.execute(query).all()
    lines = with_news(session, rows[: wish.limit])
    more = len(rows) > wish.limit and lines
    return ChatPage(lines, (lines[-1].chat.last_message_at, lines[-1].chat.id) if more else None)


def get_chat(session: Session, chat_id: int) -> ChatLine | None:
    """Find one chat."""
    lines = with_news(session, session.execute(lines_query().where(Chat.id == chat_id)).all())
    return lines[0] if lines else None


def chat_of(session: Session, connection_id: int, phone: str) -> ChatLine | None:
    """Find the chat of a phone number on a connection."""
    query = lines_query().where(Contact.connection_id == connection_id, Contact.phone == phone)
    lines = with_news(session, session.execute(query).all())
    return lines[0] if lines else None


def counts(session: Session) -> Counts:
    """Count what waits for somebody; each number costs an index of what waits, whatever else there is."""
    stuck = select(Message.chat_id).where(STUCK).distinct()
    return Counts(
        _count(session, select(Chat.id).where(_UNREAD)),
        _count(session, select(Chat.id).where(Chat.paused_at.is_not(None))),
        _count(session, stuck),
    )


def _count(session: Session, query: Select[int]) -> int:
    return session.scalar(select(func.count()).select_from(query.limit(MANY).subquery())) or 0


def lines_query() -> Select[Chat, Contact, Connection]:
    """Return the query every list of chats begins with."""
    return (
        select(Chat, Contact, Connection)
        .join(Connection, Connection.id == Chat.connection_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
    )


def conditions(wish: ChatWish) -> Iterable[ColumnElement[bool]]:
    """Say in SQL what a wish leaves in, its search and its place aside."""
    if wish.connection_id:
        yield Chat.connection_id == wish.connection_id
    if wish.brain_id:
        yield Connection.brain_id == wish.brain_id
    if wish.label_id:
        yield Chat.id.in_(select(ChatLabel.chat_id).where(ChatLabel.label_id == wish.label_id))
    if wish.state in _ASKED:
        yield Chat.id.in_(select(Message.chat_id).where(STUCK, Message.state.in_(_ASKED[wish.state])))
    elif wish.state:
        yield _in_state(wish)


def _in_state(wish: ChatWish) -> ColumnElement[bool]:
    return {
        "unread": _UNREAD,
        "paused": Chat.paused_at.is_not(None),
        "answering": and_(Chat.paused_at.is_(None), Connection.brain_id.is_not(None), Connection.enabled),
        "open": Chat.window_until > wish.now,
    }[wish.state]


def with_news(session: Session, rows: Sequence[object]) -> list[ChatLine]:
    """Add to chats what is newest in them: the last message, trouble and labels."""
    found: list[tuple[Chat, Contact | None, Connection]] = [tuple(row) for row in rows]  # type: ignore[misc]
    ids = [chat.id for chat, _, _ in found]
    last, trouble, labels = _last(session, ids), _trouble(session, ids), labels_of(session, ids)
    return [
        ChatLine(
            chat, _name(chat, contact), _handle(chat, contact), connection.name, connection.channel,
            last.get(chat.id), trouble.get(chat.id), labels.get(chat.id, ()),
        )
        for chat, contact, connection in found
    ]  # fmt: skip


def _last(session: Session, ids: Sequence[int]) -> dict[int, Message]:
    newest = (
        select(Message.id)
        .where(Message.chat_id == Chat.id, Message.kind.not_in(HIDDEN_KINDS))
        .order_by(Message.id.desc())
        .limit(1)
        .correlate(Chat)
        .scalar_subquery()
    )
    chosen = select(newest).where(Chat.id.in_(ids))
    return {m.chat_id: m for m in session.scalars(select(Message).where(Message.id.in_(chosen)))}


def _trouble(session: Session, ids: Sequence[int]) -> dict[int, str]:
    query = select(Message.chat_id, Message.state).where(Message.chat_id.in_(ids), STUCK)
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
