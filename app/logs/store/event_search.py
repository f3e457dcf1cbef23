"""Search of stored events: filters, pages with the newest first, how many lines one search of a text reads."""

from typing import Any, Final

from sqlalchemy import Connection, Select, func, literal_column, or_, select

from app.immutable import immutable
from app.logs.event import LogEvent, list_stored_ids
from app.logs.severity import ERROR, WARNING
from app.logs.store.event_store import EventStore
from app.logs.store.event_tables import IS_ERROR, IS_WARNING, CountRow, EventRow

PAGE_EVENTS: Final = 100
# So many lines are looked through for a text at a time; encrypted ones cost some 60 us each.
TEXT_WINDOW: Final = 50_000
SEALED_WINDOW: Final = 3_000


@immutable
class EventQuery:
    """What is searched for; moments in ms (when events were received), `before` a place in the store.

    `event_id` is whole or as its sender gave it.
    """

    level: int = 0
    source: str = ""
    text: str = ""
    event_id: str = ""
    request_id: str = ""
    message_id: str = ""
    run_id: str = ""
    chat_id: str = ""
    since: int | None = None
    until: int | None = None
    before: int | None = None


@immutable
class EventPage:
    """Events, newest first; `before` is where the next page begins, None at the end.

    `searched_to`: the moment (ms) back to which a text was looked for, when there are older lines.
    """

    events: list[LogEvent]
    before: int | None = None
    searched_to: int | None = None


def search_events(store: EventStore, query: EventQuery, limit: int = PAGE_EVENTS) -> EventPage:
    """Return a page of what matches."""
    with store.read() as db:
        first, last = find_bounds(db, query)
        if query.text:
            return _search_text(db, store, query, (first, last), limit)
        found = db.execute(_build_select(query, first, last).limit(limit + 1)).mappings().all()
    events = store.open_rows(found[:limit])
    return EventPage(events, events[-1].position if len(found) > limit else None)


def find_bounds(db: Connection, query: EventQuery) -> tuple[int, int]:
    """Return the places (from, up to and without) of what was received within the times of a query."""
    first = 1 if query.since is None else find_place(db, query.since)
    last = (_get_last(db) + 1) if query.until is None else find_place(db, query.until)
    return first, min(last, query.before) if query.before is not None else last


def find_place(db: Connection, moment: int) -> int:
    """Return the first place of what was received at or after a moment (ms).

    Places grow with time, but for what several processes store at the same time; so no index on time is needed.
    """
    low, high = 1, _get_last(db) + 1
    columns = (EventRow.position, EventRow.received_at)
    while low < high:
        middle = (low + high) // 2
        found = db.execute(
            select(*columns).where(EventRow.position >= middle).order_by(EventRow.position).limit(1)
        ).first()
        if found is None or found.received_at >= moment:
            high = middle
        else:
            low = found.position + 1
    return low


def list_sources(store: EventStore) -> list[str]:
    """List the sources there are events of, by name; one look-up for each."""
    found: list[str] = []
    with store.read() as db:
        name = db.scalar(select(func.min(EventRow.source)))
        while name is not None:
            found.append(name)
            name = db.scalar(select(func.min(EventRow.source)).where(EventRow.source > name))
    return found


def sum_counts(store: EventStore) -> dict[str, int]:
    """Return what all processes together were offered, stored and dropped."""
    columns = ("offered", "stored", "dropped")
    with store.read() as db:
        found = db.execute(
            select(*(func.coalesce(func.sum(getattr(CountRow, name)), 0) for name in columns))
        ).one()
    return dict(zip(columns, map(int, found), strict=True))


def _get_last(db: Connection) -> int:
    return db.scalar(select(func.max(EventRow.position))) or 0


def _build_select(query: EventQuery, first: int, last: int) -> Select[Any]:
    position = EventRow.position
    statement = select(EventRow.__table__).where(position >= first, position < last)
    if query.level == ERROR:
        # In the words of the index's condition.
        statement = statement.where(literal_column(IS_ERROR))
    elif query.level == WARNING:
        statement = statement.where(literal_column(IS_WARNING))
    elif query.level:
        statement = statement.where(EventRow.level >= query.level)
    if query.event_id:
        # Apart, so that its few places are put in order and not the whole store is read in its order.
        found = select(position).where(EventRow.event_id.in_(list_stored_ids(query.event_id)))
        statement = statement.where(position.in_(found))
    for name in ("source", "request_id", "message_id", "run_id", "chat_id"):
        if value := getattr(query, name):
            statement = statement.where(getattr(EventRow, name) == value)
    return statement.order_by(position.desc())


def _search_text(
    db: Connection, store: EventStore, query: EventQuery, bounds: tuple[int, int], limit: int
) -> EventPage:
    first, last = bounds
    is_sealed = store.sealer.is_active or _has_sealed(db, last)
    window = SEALED_WINDOW if is_sealed else TEXT_WINDOW
    low = max(first, last - window)
    statement = _build_select(query, low, last)
    if is_sealed:
        opened = store.open_rows(db.execute(statement).mappings().all())
        events = [event for event in opened if _has_text(event, query.text)][: limit + 1]
    else:
        pattern = "%" + query.text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = (EventRow.text, EventRow.data, EventRow.logger)
        matches = or_(*(func.lower(column).like(pattern, escape="\\") for column in columns))
        events = store.open_rows(db.execute(statement.where(matches).limit(limit + 1)).mappings().all())
    if len(events) > limit:
        return EventPage(events[:limit], events[limit - 1].position)
    older = select(EventRow.received_at).where(EventRow.position < low, EventRow.position >= first)
    edge = db.scalar(older.order_by(EventRow.position.desc()).limit(1))
    return EventPage(events, low, edge) if edge is not None else EventPage(events)


def _has_sealed(db: Connection, last: int) -> bool:
    """Tell whether the newest of what is searched is encrypted: the setting may have changed since."""
    newest = select(EventRow.text).where(EventRow.position < last).order_by(EventRow.position.desc()).limit(1)
    found = db.execute(newest).first()
    return found is not None and found.text is None


def _has_text(event: LogEvent, words: str) -> bool:
    wanted = words.lower()
    return any(wanted in part.lower() for part in (event.text, event.logger, str(dict(event.data))))
