"""Chat list: query filters, sorting, page size, counts by state."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, literal_column, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.bot.chats.labels import list_labels_by_chat
from app.bot.chats.thread import FAILURE_CONDITION
from app.bot.display import format_contact_name
from app.bot.models import Chat, ChatLabel, Connection, Contact, Label, Message
from app.bot.states import HIDDEN_KINDS, QUIET_KINDS, TROUBLE_STATES, Author, MessageState
from app.channels.simulator.channel import SimulatorChannel
from app.immutable import immutable
from app.phone_numbers import list_spellings

PAGE_SIZE = 30
# Counts beside filters stop here: beyond, the number says no more than “many”.
COUNT_LIMIT = 100
# What can be asked of messages: the states that stand for each word.
_MESSAGE_STATE_FILTERS = {
    "trouble": TROUBLE_STATES,
    **{state.value: (state,) for state in TROUBLE_STATES},
}
STATE_FILTERS = ("unread", "waiting", "paused", "answering", "open", *_MESSAGE_STATE_FILTERS)
_UNREAD = literal_column("chat.unread_count > 0")
_SIMULATORS = select(Connection.id).where(Connection.channel == SimulatorChannel.kind)


def _select_newest(column: InstrumentedAttribute[Any], left_out: Sequence[str]) -> ScalarSelect[Any]:
    """Return a column of the newest message of each chat, some kinds left out."""
    return (
        select(column)
        .where(Message.chat_id == Chat.id, Message.kind.not_in(left_out))
        .order_by(Message.id.desc())
        .limit(1)
        .correlate(Chat)
        .scalar_subquery()
    )


# The bot is paused, and nobody of the team has answered since the newest message.
_WAITING = and_(
    Chat.paused_at.is_not(None),
    func.coalesce(_select_newest(Message.author, QUIET_KINDS), "").not_in(
        (Author.OPERATOR.value, Author.PHONE.value)
    ),
)


@immutable
class ChatQuery:
    """Which chats to list; `after` is the (last_message_at, id) of the last chat already shown, `now` in ms."""

    search: str = ""
    connection_id: int | None = None
    brain_id: int | None = None
    state: str = ""
    label_id: int | None = None
    after: tuple[int, int] | None = None
    limit: int = PAGE_SIZE
    now: int = 0

    @property
    def is_filtered(self) -> bool:
        """Whether filters leave chats out."""
        return bool(self.connection_id or self.brain_id or self.state or self.label_id)


@immutable
class ChatListItem:
    """One chat of the list; `trouble` is the worst state among its sends."""

    chat: Chat
    name: str
    handle: str
    connection: str
    channel: str
    last_message: Message | None
    worst_state: str | None
    labels: Sequence[Label] = ()

    @property
    def is_simulated(self) -> bool:
        """Whether its messages are the team's own, from the simulator."""
        return self.channel == SimulatorChannel.kind

    @property
    def unread_count(self) -> int:
        """How many messages nobody has read; what the team says itself is never unread."""
        return 0 if self.is_simulated else self.chat.unread_count


@immutable
class ChatPage:
    """A page of chats and where the next one starts; None at the end."""

    items: Sequence[ChatListItem]
    after: tuple[int, int] | None


@immutable
class ChatCounts:
    """How many chats wait for somebody, up to a limit each; `last_waiting_at`: the newest message (ms) among `waiting`.

    `unread` leaves the simulator out: its messages are the team's own.
    """

    unread: int
    waiting: int
    paused: int
    failed: int
    last_waiting_at: int = 0


def list_chats(session: Session, chat_query: ChatQuery) -> ChatPage:
    """List chats, the most recent first."""
    query = select_chats().order_by(Chat.last_message_at.desc(), Chat.id.desc()).limit(chat_query.limit + 1)
    for condition in build_conditions(chat_query):
        query = query.where(condition)
    if chat_query.after:
        # As a pair: only so do both databases begin at this place of the index.
        query = query.where(tuple_(Chat.last_message_at, Chat.id) < tuple_(*chat_query.after))
    rows = session.execute(query).all()
    lines = load_list_items(session, rows[: chat_query.limit])
    more = len(rows) > chat_query.limit and lines
    return ChatPage(lines, (lines[-1].chat.last_message_at, lines[-1].chat.id) if more else None)


def get_chat(session: Session, chat_id: int) -> ChatListItem | None:
    """Find one chat."""
    lines = load_list_items(session, session.execute(select_chats().where(Chat.id == chat_id)).all())
    return lines[0] if lines else None


def find_chat_by_phone(session: Session, connection_id: int, phone: str) -> ChatListItem | None:
    """Find the chat of a phone number on a connection."""
    query = select_chats().where(
        Contact.connection_id == connection_id, Contact.phone.in_(list_spellings(phone))
    )
    lines = load_list_items(session, session.execute(query).all())
    return lines[0] if lines else None


def count_by_state(session: Session) -> ChatCounts:
    """Count what waits for somebody; each number costs an index of what waits, whatever else there is."""
    stuck = select(Message.chat_id).where(FAILURE_CONDITION).distinct()
    waiting = (
        select(Chat.last_message_at).where(_WAITING).order_by(Chat.last_message_at.desc()).limit(COUNT_LIMIT)
    )
    times = session.scalars(waiting).all()
    return ChatCounts(
        _count(session, select(Chat.id).where(_UNREAD, Chat.connection_id.not_in(_SIMULATORS))),
        len(times),
        _count(session, select(Chat.id).where(Chat.paused_at.is_not(None))),
        _count(session, stuck),
        max(times, default=0),
    )


def _count(session: Session, query: Select[int]) -> int:
    return session.scalar(select(func.count()).select_from(query.limit(COUNT_LIMIT).subquery())) or 0


def select_chats() -> Select[Chat, Contact, Connection]:
    """Return the query every list of chats begins with."""
    return (
        select(Chat, Contact, Connection)
        .join(Connection, Connection.id == Chat.connection_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
    )


def build_conditions(chat_query: ChatQuery) -> Iterable[ColumnElement[bool]]:
    """Return the SQL conditions of the filters, without search and paging."""
    if chat_query.connection_id:
        yield Chat.connection_id == chat_query.connection_id
    if chat_query.brain_id:
        yield Connection.brain_id == chat_query.brain_id
    if chat_query.label_id:
        yield Chat.id.in_(select(ChatLabel.chat_id).where(ChatLabel.label_id == chat_query.label_id))
    if chat_query.state in _MESSAGE_STATE_FILTERS:
        yield Chat.id.in_(
            select(Message.chat_id).where(
                FAILURE_CONDITION, Message.state.in_(_MESSAGE_STATE_FILTERS[chat_query.state])
            )
        )
    elif chat_query.state:
        yield _in_state(chat_query)


def _in_state(chat_query: ChatQuery) -> ColumnElement[bool]:
    return {
        "unread": and_(_UNREAD, Chat.connection_id.not_in(_SIMULATORS)),
        "waiting": _WAITING,
        "paused": Chat.paused_at.is_not(None),
        "answering": and_(Chat.paused_at.is_(None), Connection.brain_id.is_not(None), Connection.enabled),
        "open": Chat.window_until > chat_query.now,
    }[chat_query.state]


def load_list_items(session: Session, rows: Sequence[object]) -> list[ChatListItem]:
    """Return list rows for chats: with their last message, worst state and labels."""
    found: list[tuple[Chat, Contact | None, Connection]] = [tuple(row) for row in rows]  # type: ignore[misc]
    ids = [chat.id for chat, _, _ in found]
    last, trouble, labels = (
        _load_last_messages(session, ids),
        _load_worst_states(session, ids),
        list_labels_by_chat(session, ids),
    )
    return [
        ChatListItem(
            chat, format_contact_name(contact, chat.title), _handle(chat, contact), connection.name, connection.channel,
            last.get(chat.id), trouble.get(chat.id), labels.get(chat.id, ()),
        )
        for chat, contact, connection in found
    ]  # fmt: skip


def _load_last_messages(session: Session, ids: Sequence[int]) -> dict[int, Message]:
    chosen = select(_select_newest(Message.id, HIDDEN_KINDS)).where(Chat.id.in_(ids))
    return {m.chat_id: m for m in session.scalars(select(Message).where(Message.id.in_(chosen)))}


def _load_worst_states(session: Session, ids: Sequence[int]) -> dict[int, str]:
    query = select(Message.chat_id, Message.state).where(Message.chat_id.in_(ids), FAILURE_CONDITION)
    worst: dict[int, str] = {}
    for chat_id, state in session.execute(query.distinct()):
        known = worst.get(chat_id)
        if known is None or _SEVERITY[state] > _SEVERITY[known]:
            worst[chat_id] = state
    return worst


_SEVERITY: dict[str, int] = {
    MessageState.FAILED: 0,
    MessageState.UNKNOWN: 1,
    MessageState.HELD: 2,
    MessageState.DEAD: 3,
}


def _handle(chat: Chat, contact: Contact | None) -> str:
    if contact is None:
        return f"Group {chat.group_id}"
    return f"+{contact.phone}" if contact.phone else contact.username or contact.user_id or ""
