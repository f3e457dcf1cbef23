"""Places of the sinks in the store, and the lease of the one process that forwards; lease length, fencing."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.immutable import immutable
from app.logs.event import LogEvent
from app.logs.store.event_store import EventStore
from app.logs.store.event_tables import CursorRow, EventRow, LeaseRow, lock_order

LEASE_MS: Final = 15_000
_NAME: Final = "forward"


@immutable
class SinkCursor:
    """Where a sink is: events up to `position` are sent; counts and moments (ms) of its troubles."""

    position: int
    sent: int = 0
    refused: int = 0
    missed: int = 0
    failures: int = 0
    failing_since: int | None = None
    retry_at: int = 0
    problem: str = ""
    sent_at: int | None = None


@immutable
class Backlog:
    """What a sink has still to send: number of events, and when the oldest was received (ms)."""

    count: int
    oldest_at: int | None


@immutable
class EventFilter:
    """Which events a sink gets: lowest level, and sources (none = all)."""

    level: int = 0
    sources: tuple[str, ...] = ()


def claim_lease(store: EventStore, owner: str, now: int) -> bool:
    """Take or renew the lease of forwarding; False while another process has it."""

    def claim(db: Connection) -> bool:
        insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
        taken = insert(LeaseRow).values(name=_NAME, owner=owner, until=now + LEASE_MS)
        is_free = or_(LeaseRow.owner == owner, LeaseRow.until < now)
        taken = taken.on_conflict_do_update(
            index_elements=["name"], set_={"owner": owner, "until": now + LEASE_MS}, where=is_free
        )
        return db.execute(taken.returning(LeaseRow.owner)).first() is not None

    return store.run(claim)


def release_lease(store: EventStore, owner: str) -> None:
    """Give the lease back, so that another process need not wait for its end."""
    store.run(lambda db: db.execute(delete(LeaseRow).where(LeaseRow.owner == owner)))


def load_cursors(store: EventStore) -> dict[int, SinkCursor]:
    """Return the places of all sinks by their ids."""
    with store.read() as db:
        rows = db.execute(select(CursorRow.__table__)).mappings().all()
    return {row["sink_id"]: SinkCursor(**{k: v for k, v in row.items() if k != "sink_id"}) for row in rows}


def begin_cursor(store: EventStore, sink_id: int) -> None:
    """Let a sink begin with what is stored from now on, unless it has begun."""

    def begin(db: Connection) -> None:
        lock_order(db)
        insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
        last = db.scalar(select(func.max(EventRow.position))) or 0
        values = {"sink_id": sink_id, "position": last, "sent": 0, "refused": 0, "missed": 0, "failures": 0}
        row = insert(CursorRow).values(**values, retry_at=0, problem="")
        db.execute(row.on_conflict_do_nothing(index_elements=["sink_id"]))

    store.run(begin)


def remove_cursor(store: EventStore, sink_id: int) -> None:
    """Forget the place of a sink that is gone."""
    store.run(lambda db: db.execute(delete(CursorRow).where(CursorRow.sink_id == sink_id)))


def save_cursor(store: EventStore, owner: str, sink_id: int, cursor: SinkCursor) -> bool:
    """Store where a sink is; False when the lease went to another process, and nothing is stored then."""
    # What was missed is counted by pruning alone.
    names = ("position", "sent", "refused", "failures", "failing_since", "retry_at", "problem", "sent_at")
    values = {name: getattr(cursor, name) for name in names}
    is_ours = select(LeaseRow.name).where(LeaseRow.owner == owner).exists()
    statement = update(CursorRow).where(CursorRow.sink_id == sink_id, is_ours).values(**values)
    return store.run(lambda db: db.execute(statement).rowcount > 0)


def retry_now(store: EventStore, sink_id: int) -> None:
    """Let a sink that waits after a failure try at once."""
    store.run(lambda db: db.execute(update(CursorRow).where(CursorRow.sink_id == sink_id).values(retry_at=0)))


def read_after(
    store: EventStore, position: int, wanted: EventFilter, limit: int
) -> tuple[list[LogEvent], int]:
    """Return the next events behind a place that a sink gets, and the place up to which all were looked at."""
    with store.read() as db:
        last = db.scalar(select(func.max(EventRow.position))) or 0
        query = _filter(select(EventRow.__table__), wanted).where(
            EventRow.position > position, EventRow.position <= last
        )
        rows = db.execute(query.order_by(EventRow.position).limit(limit)).mappings().all()
    return store.open_rows(rows), rows[-1]["position"] if len(rows) == limit else max(last, position)


def count_backlog(store: EventStore, position: int, wanted: EventFilter) -> Backlog:
    """Count what a sink has still to send."""
    with store.read() as db:
        columns = select(func.count(), func.min(EventRow.received_at)).select_from(EventRow)
        found = db.execute(_filter(columns, wanted).where(EventRow.position > position)).one()
    return Backlog(*found)


def count_missed(db: Connection, positions: Sequence[int]) -> None:
    """Count events that are about to be deleted for each sink that has not sent them."""
    for row in db.execute(select(CursorRow.sink_id, CursorRow.position)).all():
        missed = sum(each > row.position for each in positions)
        if missed:
            change = {"missed": CursorRow.missed + missed}
            db.execute(update(CursorRow).where(CursorRow.sink_id == row.sink_id).values(**change))


def _filter(query: Any, wanted: EventFilter) -> Any:
    if wanted.level > 1:
        query = query.where(EventRow.level >= wanted.level)
    return query.where(EventRow.source.in_(wanted.sources)) if wanted.sources else query
