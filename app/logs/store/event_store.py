"""Event store: inserts in one transaction with the counts of their process; transactions for everything else."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.dialects import postgresql, sqlite

from app.db.statements import Statement
from app.immutable import immutable
from app.logs.event import LogEvent, dump_data
from app.logs.sealing import Sealer
from app.logs.store.event_tables import CountRow, EventRow, lock_order, make_log_engine, prepare

R = TypeVar("R")

_COLUMNS: Final = (
    "event_id", "at", "received_at", "level", "source", "logger", "text", "data", "request_id", "message_id",
    "run_id", "chat_id",
)  # fmt: skip
# An event that is sent again under its id is stored once.
_INSERT: Final = Statement(
    postgresql.insert(EventRow).on_conflict_do_nothing(index_elements=["event_id"]),
    _COLUMNS,
    sqlite=sqlite.insert(EventRow).on_conflict_do_nothing(index_elements=["event_id"]),
)


@immutable
class ProcessCounts:
    """What a process was offered, stored and dropped since it started (moments in ms)."""

    process: str
    role: str
    started_at: int
    updated_at: int
    offered: int
    stored: int
    dropped: int


class EventStore:
    """Stores events and hands out transactions on their database; the tables are made at the first use."""

    def __init__(self, engine: Engine, sealer: Sealer) -> None:
        self._engine = engine
        self.sealer = sealer
        self._lock = Lock()
        self._is_prepared = False

    @property
    def is_sqlite(self) -> bool:
        """Whether the store is a file of SQLite."""
        return self._engine.dialect.name == "sqlite"

    def insert(self, events: Sequence[LogEvent], counts: ProcessCounts | None = None) -> None:
        """Store events in their order; raises SQLAlchemyError, and nothing is stored then."""
        rows = [self._build_row(event) for event in events]
        with self.write() as db:
            lock_order(db)
            if rows:
                _INSERT.execute_many(db, rows)
            if counts:
                _save_counts(db, counts)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction for writing."""
        self._prepare()
        with self._engine.connect().execution_options(writer=True) as db, db.begin():
            yield db

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction for reading."""
        self._prepare()
        with self._engine.connect() as db, db.begin():
            yield db

    def run(self, job: Callable[[Connection], R]) -> R:
        """Run one job in a transaction for writing."""
        with self.write() as db:
            return job(db)

    def open_rows(self, rows: Sequence[Any]) -> list[LogEvent]:
        """Return stored rows as events, decrypted where they are encrypted."""
        return [self._open_row(row) for row in rows]

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        with self._lock:
            if not self._is_prepared:
                prepare(self._engine)
                self._is_prepared = True

    def _build_row(self, event: LogEvent) -> dict[str, Any]:
        text: str | None = event.text
        data = dump_data(event.data)
        if self.sealer.is_active:
            text, data = None, self.sealer.seal(event.text, data)
        return {
            "event_id": event.event_id,
            "at": event.at,
            "received_at": event.received_at,
            "level": event.level,
            "source": event.source,
            "logger": event.logger,
            "text": text,
            "data": data,
            "request_id": event.request_id,
            "message_id": event.message_id,
            "run_id": event.run_id,
            "chat_id": event.chat_id,
        }

    def _open_row(self, row: Any) -> LogEvent:
        text, data = row["text"], row["data"]
        if text is None:
            text, data = self.sealer.open(data)
        fields = {name: row[name] for name in _COLUMNS if name not in {"text", "data"}}
        return LogEvent(**fields, text=text, data=json.loads(data) if data else {}, position=row["position"])


def _save_counts(db: Connection, counts: ProcessCounts) -> None:
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    values = {name: getattr(counts, name) for name in CountRow.__table__.columns.keys()}  # noqa: SIM118
    changed = {name: values[name] for name in ("updated_at", "offered", "stored", "dropped")}
    db.execute(
        insert(CountRow).values(**values).on_conflict_do_update(index_elements=["process"], set_=changed)
    )


def open_store(database_url: str, data: Path, sealer: Sealer, *, is_durable: bool) -> EventStore:
    """Open the log store of an installation; `is_durable`: a commit outlives a loss of power."""
    return EventStore(make_log_engine(database_url, data, is_durable=is_durable), sealer)
