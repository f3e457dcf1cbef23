"""Search in contacts, notes and messages: result limits, newest first."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot.chats.index_progress import IndexProgress, read_progress
from app.bot.chats.listing import ChatListItem, ChatQuery, build_conditions, load_list_items, select_chats
from app.bot.full_text import Term, parse_person_terms, parse_terms, select_ids, select_unindexed
from app.bot.models import Chat, Connection, Message, Note
from app.bot.states import HIDDEN_KINDS
from app.immutable import immutable
from app.text import to_storable
from app.unicode import INDEX_OPTIONS, fold

# Messages a page looks at most; people and notes shown above them.
PAGE_SIZE = 60
MAX_CONTACTS_AND_NOTES = 10
# With filters, this many hits are looked through before “search further” is offered.
SCAN_LIMIT = 2_000
# Signs that are no words are looked for in the newest messages only.
RECENT_WINDOW = 200_000


@immutable
class ChatHits:
    """A chat with its matching messages of this page, the newest first."""

    item: ChatListItem
    hits: Sequence[Message]


@immutable
class SearchPage:
    """What a search finds; `before` is the message id the next page starts below, None at the end.

    `indexing` is how far the index is filled while older rows are missing, None when it is complete.
    """

    contacts: Sequence[ChatListItem] = ()
    note_hits: Sequence[tuple[ChatListItem, Note]] = ()
    message_hits: Sequence[ChatHits] = ()
    before: int | None = None
    indexing: IndexProgress | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found, and nothing is left to look through."""
        return not (self.contacts or self.note_hits or self.message_hits or self.before)


def search(session: Session, chat_query: ChatQuery, before: int | None = None) -> SearchPage:
    """Search in names, numbers, notes and texts; people and notes stand on the first page only."""
    chat_query = replace(chat_query, search=to_storable(chat_query.search))
    # Signs that are no words are not looked for in the index.
    indexing = read_progress(session) if parse_terms(chat_query.search) else None
    found, rest = _messages(session, chat_query, before)
    if before:
        return SearchPage(message_hits=found, before=rest, indexing=indexing)
    return SearchPage(_people(session, chat_query), _search_notes(session, chat_query), found, rest, indexing)


def _people(session: Session, chat_query: ChatQuery) -> list[ChatListItem]:
    query = select_chats().order_by(Chat.last_message_at.desc(), Chat.id.desc()).limit(MAX_CONTACTS_AND_NOTES)
    for condition in build_conditions(chat_query):
        query = query.where(condition)
    rows: list[object] = []
    spellings = parse_person_terms(chat_query.search)
    ids = {row for terms in spellings for row in find_rows(session, "contact", terms, SCAN_LIMIT)}
    if ids:
        rows += session.execute(query.where(Chat.contact_id.in_(ids))).all()
    rows += session.execute(query.where(Chat.id.in_(find_groups(session, chat_query.search)))).all()
    return load_list_items(session, rows[:MAX_CONTACTS_AND_NOTES])


def find_rows(session: Session, kind: str, terms: Sequence[Term], limit: int) -> list[int]:
    """Return the ids of the newest rows of a kind with all terms."""
    ids, own = select_ids(session, kind, terms)
    newest = session.scalars(ids.order_by(own.desc()).limit(limit))
    return sorted({*newest, *select_unindexed(session, kind, terms)}, reverse=True)[:limit]


def find_groups(session: Session, search: str) -> list[int]:
    """Return the chats of groups whose title has a text in it; groups are few, and have no contact."""
    wanted = fold(search.strip(), INDEX_OPTIONS)
    titles = session.execute(select(Chat.id, Chat.title).where(Chat.contact_id.is_(None), Chat.title != ""))
    return [row.id for row in titles if wanted in fold(row.title, INDEX_OPTIONS)]


def _search_notes(session: Session, chat_query: ChatQuery) -> list[tuple[ChatListItem, Note]]:
    terms = parse_terms(chat_query.search)
    if not terms:
        return []
    ids = find_rows(session, "note", terms, MAX_CONTACTS_AND_NOTES)
    notes = session.scalars(select(Note).where(Note.id.in_(ids)).order_by(Note.id.desc())).all()
    lines = _load_items(session, chat_query, {note.chat_id for note in notes})
    return [(lines[note.chat_id], note) for note in notes if note.chat_id in lines]


def _messages(
    session: Session, chat_query: ChatQuery, before: int | None
) -> tuple[list[ChatHits], int | None]:
    scan = SCAN_LIMIT if chat_query.is_filtered else PAGE_SIZE
    ids = _hits(session, chat_query.search, before, scan)
    chosen = _filter_ids(session, chat_query, ids)[:PAGE_SIZE] if chat_query.is_filtered else ids
    hits = session.scalars(select(Message).where(Message.id.in_(chosen)).order_by(Message.id.desc())).all()
    rest = hits[-1].id if len(hits) == PAGE_SIZE else ids[-1] if len(ids) == scan else None
    return _by_chat(session, chat_query, hits), rest


def _filter_ids(session: Session, chat_query: ChatQuery, ids: Sequence[int]) -> list[int]:
    """Return which of these messages are in chats the filters leave in, in their order."""
    # In two steps: as one join, the planners go through the messages of all these chats instead.
    rows = session.execute(select(Message.id, Message.chat_id).where(Message.id.in_(ids)))
    chats = {row.id: row.chat_id for row in rows}
    query = select(Chat.id).join(Connection, Connection.id == Chat.connection_id)
    kept = set(session.scalars(query.where(Chat.id.in_(set(chats.values())), *build_conditions(chat_query))))
    return [each for each in ids if chats.get(each) in kept]


def _hits(session: Session, words: str, before: int | None, limit: int) -> list[int]:
    terms = parse_terms(words)
    if not terms:
        return _find_by_substring(session, words, before, limit)
    terms = [term.close_single_letter() for term in terms]
    waiting = [each for each in select_unindexed(session, "message", terms) if not before or each < before]
    found = _find_indexed(session, terms, before, limit)
    return sorted({*waiting, *found}, reverse=True)[:limit]


def _find_indexed(session: Session, terms: Sequence[Term], before: int | None, limit: int) -> list[int]:
    ids, own = select_ids(session, "message", terms)
    if before:
        ids = ids.where(own < before)
    if session.get_bind().dialect.name == "sqlite":
        return list(session.scalars(ids.order_by(own.desc()).limit(limit)))
    # PostgreSQL walks down from the newest where it expects many hits, and of beginnings of words it expects many. So
    # that is done among the newest; what is rare there comes by the index, kept apart from the order by OFFSET 0.
    above = (before or _last_id(session)) - RECENT_WINDOW
    found = list(session.scalars(ids.where(own > above).order_by(own.desc()).limit(limit)))
    if len(found) == limit:
        return found
    apart = ids.offset(0).subquery()
    return list(session.scalars(select(apart.c.id).order_by(apart.c.id.desc()).limit(limit)))


def _last_id(session: Session) -> int:
    return session.scalar(select(func.max(Message.id))) or 0


def _find_by_substring(session: Session, words: str, before: int | None, limit: int) -> list[int]:
    """Find text without words, such as “?!”, by substring."""
    query = select(Message.id).where(
        Message.id > _last_id(session) - RECENT_WINDOW,
        Message.text.contains(words.strip(), autoescape=True),
        Message.kind.not_in(HIDDEN_KINDS),
    )
    if before:
        query = query.where(Message.id < before)
    return list(session.scalars(query.order_by(Message.id.desc()).limit(limit)))


def _by_chat(session: Session, chat_query: ChatQuery, hits: Sequence[Message]) -> list[ChatHits]:
    grouped: dict[int, list[Message]] = {}
    for message in hits:
        grouped.setdefault(message.chat_id, []).append(message)
    lines = _load_items(session, chat_query, grouped)
    return [ChatHits(lines[chat_id], found) for chat_id, found in grouped.items() if chat_id in lines]


def _load_items(session: Session, chat_query: ChatQuery, chat_ids: Iterable[int]) -> dict[int, ChatListItem]:
    query = select_chats().where(Chat.id.in_(list(chat_ids)), *build_conditions(chat_query))
    return {line.chat.id: line for line in load_list_items(session, session.execute(query).all())}
