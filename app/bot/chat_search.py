"""Search: people, notes and messages that hold the words typed, the newest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from app.bot.chats import ChatLine, ChatWish, conditions, lines_query, with_news
from app.bot.models import Chat, Connection, Message, Note
from app.bot.search_words import matching, person_terms, terms_of
from app.db import storable

# Messages a page looks at most; people and notes shown above them.
HITS = 60
FEW = 10
# With filters, this many hits are looked through before “search further” is offered.
SCANNED = 2_000
# Signs that are no words are looked for in the newest messages only.
NEWEST = 200_000


@dataclass(frozen=True, slots=True)
class Found:
    """A chat with its matching messages of this page, the newest first."""

    line: ChatLine
    hits: Sequence[Message]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What a search finds; `before` is the message id the next page starts below, None at the end."""

    people: Sequence[ChatLine] = ()
    noted: Sequence[tuple[ChatLine, Note]] = ()
    found: Sequence[Found] = ()
    before: int | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was found, and nothing is left to look through."""
        return not (self.people or self.noted or self.found or self.before)


def search(session: Session, wish: ChatWish, before: int | None = None) -> SearchPage:
    """Search in names, numbers, notes and texts; people and notes stand on the first page only."""
    wish = replace(wish, search=storable(wish.search))
    found, rest = _messages(session, wish, before)
    if before:
        return SearchPage(found=found, before=rest)
    return SearchPage(_people(session, wish), _noted(session, wish), found, rest)


def _people(session: Session, wish: ChatWish) -> list[ChatLine]:
    terms = person_terms(wish.search)
    query = lines_query().order_by(Chat.last_message_at.desc(), Chat.id.desc()).limit(FEW)
    for condition in conditions(wish):
        query = query.where(condition)
    rows: list[object] = []
    if terms:
        ids, own = matching(session, "contact", terms)
        newest = ids.order_by(own.desc()).limit(SCANNED)
        rows += session.execute(query.where(Chat.contact_id.in_(newest))).all()
    # Groups are few, and have no contact.
    title = Chat.title.icontains(wish.search.strip(), autoescape=True)
    rows += session.execute(query.where(Chat.contact_id.is_(None), title)).all()
    return with_news(session, rows[:FEW])


def _noted(session: Session, wish: ChatWish) -> list[tuple[ChatLine, Note]]:
    terms = terms_of(wish.search)
    if not terms:
        return []
    ids, own = matching(session, "note", terms)
    notes = session.scalars(
        select(Note).where(Note.id.in_(ids.order_by(own.desc()).limit(FEW))).order_by(Note.id.desc())
    ).all()
    lines = _lines(session, wish, {note.chat_id for note in notes})
    return [(lines[note.chat_id], note) for note in notes if note.chat_id in lines]


def _messages(session: Session, wish: ChatWish, before: int | None) -> tuple[list[Found], int | None]:
    scan = SCANNED if wish.narrowed else HITS
    ids = _hits(session, wish.search, before, scan)
    chosen = _within(session, wish, ids)[:HITS] if wish.narrowed else ids
    hits = session.scalars(select(Message).where(Message.id.in_(chosen)).order_by(Message.id.desc())).all()
    rest = hits[-1].id if len(hits) == HITS else ids[-1] if len(ids) == scan else None
    return _by_chat(session, wish, hits), rest


def _within(session: Session, wish: ChatWish, ids: Sequence[int]) -> list[int]:
    """Return which of these messages are in chats the filters leave in, in their order."""
    # In two steps: as one join, the planners go through the messages of all these chats instead.
    rows = session.execute(select(Message.id, Message.chat_id).where(Message.id.in_(ids)))
    chats = {row.id: row.chat_id for row in rows}
    query = select(Chat.id).join(Connection, Connection.id == Chat.connection_id)
    kept = set(session.scalars(query.where(Chat.id.in_(set(chats.values())), *conditions(wish))))
    return [each for each in ids if chats.get(each) in kept]


def _hits(session: Session, words: str, before: int | None, limit: int) -> list[int]:
    terms = terms_of(words)
    if not terms:
        return _signs(session, words, before, limit)
    # One letter begins too many words: it stands for itself, until a second one is typed.
    asked = [replace(each, open_end=each.open_end and len(each.parts[-1]) > 1) for each in terms]
    ids, own = matching(session, "message", asked)
    if before:
        ids = ids.where(own < before)
    if session.get_bind().dialect.name == "sqlite":
        return list(session.scalars(ids.order_by(own.desc()).limit(limit)))
    # PostgreSQL walks down from the newest where it expects many hits, and of beginnings of words it expects many. So
    # that is done among the newest; what is rare there comes by the index, kept apart from the order by OFFSET 0.
    above = (before or _last_id(session)) - NEWEST
    found = list(session.scalars(ids.where(own > above).order_by(own.desc()).limit(limit)))
    if len(found) == limit:
        return found
    apart = ids.offset(0).subquery()
    return list(session.scalars(select(apart.c.id).order_by(apart.c.id.desc()).limit(limit)))


def _last_id(session: Session) -> int:
    return session.scalar(select(func.max(Message.id))) or 0


def _signs(session: Session, words: str, before: int | None, limit: int) -> list[int]:
    """Find signs, such as an emoji, letter by letter."""
    query = select(Message.id).where(
        Message.id > _last_id(session) - NEWEST,
        Message.text.contains(words.strip(), autoescape=True),
        literal_column("message.kind NOT IN ('reaction','edit','revoke')"),
    )
    if before:
        query = query.where(Message.id < before)
    return list(session.scalars(query.order_by(Message.id.desc()).limit(limit)))


def _by_chat(session: Session, wish: ChatWish, hits: Sequence[Message]) -> list[Found]:
    grouped: dict[int, list[Message]] = {}
    for message in hits:
        grouped.setdefault(message.chat_id, []).append(message)
    lines = _lines(session, wish, grouped)
    return [Found(lines[chat_id], found) for chat_id, found in grouped.items() if chat_id in lines]


def _lines(session: Session, wish: ChatWish, chat_ids: Iterable[int]) -> dict[int, ChatLine]:
    query = lines_query().where(Chat.id.in_(list(chat_ids)), *conditions(wish))
    return {line.chat.id: line for line in with_news(session, session.execute(query).all())}
