"""Pruning of stored events by age and size: errors are kept longer and go last; batch size; re-encryption."""

from typing import Any, Final

from sqlalchemy import Connection, delete, func, literal_column, select, text, update

from app.clock import DAY_MS
from app.immutable import immutable
from app.logs.store.cursors import count_missed
from app.logs.store.event_store import EventStore
from app.logs.store.event_tables import IS_ERROR, IS_ORDINARY, CountRow, EventRow

# So few in one transaction that what is stored meanwhile hardly waits.
BATCH: Final = 1_000
_ROTATED_AT_ONCE: Final = 200
_FREED_PAGES: Final = 2_000


@immutable
class KeepRules:
    """How long events are kept: days, days of errors, megabytes of all together."""

    days: int
    error_days: int
    megabytes: int


def prune(store: EventStore, rules: KeepRules, now: int) -> bool:
    """Delete one batch of what is too old or too much; True when there may be more to delete."""
    deleted = store.run(lambda db: _delete_oldest(db, IS_ORDINARY, now - rules.days * DAY_MS))
    deleted += store.run(lambda db: _delete_oldest(db, IS_ERROR, now - rules.error_days * DAY_MS))
    if not deleted and measure_bytes(store) > rules.megabytes * 1024 * 1024:
        deleted = store.run(lambda db: _delete_oldest(db, IS_ORDINARY))
        deleted = deleted or store.run(lambda db: _delete_oldest(db, IS_ERROR))
    if not deleted:
        _delete_old_counts(store, now - max(rules.days, rules.error_days) * DAY_MS)
        _free_pages(store)
    return deleted > 0


def measure_bytes(store: EventStore) -> int:
    """Return the bytes that the events take, without room that is free again."""
    with store.read() as db:
        if store.is_sqlite:
            pages, free, size = (
                db.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_count", "freelist_count", "page_size")
            )
            return (pages - free) * size
        # PostgreSQL uses the room of what was deleted again, and says how many rows live in it.
        query = "SELECT pg_total_relation_size('log_event'), n_live_tup, n_dead_tup FROM pg_stat_user_tables"
        size, live, dead = db.execute(text(f"{query} WHERE relid = 'log_event'::regclass")).one()
    return int(size * live / (live + dead)) if live + dead else int(size)


def rotate_keys(store: EventStore, after: int = 0) -> tuple[int, int, int]:
    """Encrypt a batch of stored events with the current key.

    Returns how many were, how many no key opens, and the place to go on from (0 at the end).
    """

    def rotate(db: Connection) -> tuple[int, int, int]:
        query = select(EventRow.position, EventRow.data).where(
            EventRow.text.is_(None), EventRow.position > after
        )
        rows = db.execute(query.order_by(EventRow.position).limit(_ROTATED_AT_ONCE)).all()
        done = 0
        for row in rows:
            if token := store.sealer.rotate(row.data):
                db.execute(update(EventRow).where(EventRow.position == row.position).values(data=token))
                done += 1
        return done, len(rows) - done, rows[-1].position if rows else 0

    return store.run(rotate)


def _delete_oldest(db: Connection, condition: str, until: int | None = None) -> int:
    """Delete the first rows of a kind, received before a moment (ms); counts what sinks have not sent of them."""
    oldest = select(EventRow.position, EventRow.received_at).where(literal_column(condition))
    rows: list[Any] = list(db.execute(oldest.order_by(EventRow.position).limit(BATCH)))
    # They stand in the order they were stored, which is that of time but for what several processes do at once.
    gone = [row.position for row in rows if until is None or row.received_at < until]
    if not gone:
        return 0
    count_missed(db, gone)
    return db.execute(delete(EventRow).where(EventRow.position.in_(gone))).rowcount


def _delete_old_counts(store: EventStore, before: int) -> None:
    with store.read() as db:
        has_old = db.scalar(select(func.count()).select_from(CountRow).where(CountRow.updated_at < before))
    if has_old:
        store.run(lambda db: db.execute(delete(CountRow).where(CountRow.updated_at < before)))


def _free_pages(store: EventStore) -> None:
    if store.is_sqlite:
        with store.read() as db:
            free = db.exec_driver_sql("PRAGMA freelist_count").scalar_one()
        if free > _FREED_PAGES:
            store.run(lambda db: db.exec_driver_sql(f"PRAGMA incremental_vacuum({_FREED_PAGES})"))
