"""Tables of the log store: events, places of the sinks, lease of the forwarding process, counts of the processes.

They are no part of the main database's migrations: SQLite keeps them in a file of its own, PostgreSQL in a schema
(docs/decisions/0024). `prepare` makes what is missing.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Index,
    MetaData,
    SmallInteger,
    String,
    Text,
    event,
    literal_column,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry

from app.data_folder import create_private
from app.db.engine import make_engine
from app.db.schema import BigId
from app.logs.event import MAX_ID_CHARS, MAX_LOGGER_CHARS, MAX_SOURCE_CHARS

SCHEMA: Final = "logs"
FILE_NAME: Final = "logs.db"
# Where errors begin: written into the conditions of indexes, so queries say it in the same words.
IS_ERROR: Final = "level >= 17"
IS_WARNING: Final = "level >= 13"
IS_ORDINARY: Final = "level < 17"


class LogBase(DeclarativeBase):
    """Parent of the tables of the log store."""

    registry = registry(metadata=MetaData(), type_annotation_map={int: BigId})


class EventRow(LogBase):
    """A stored event; where it is encrypted, `text` is null and `data` holds the token."""

    __tablename__ = "log_event"

    position: Mapped[int] = mapped_column(BigId, primary_key=True)
    event_id: Mapped[str] = mapped_column(String(MAX_ID_CHARS + 40), unique=True)
    at: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[int] = mapped_column(BigInteger)
    level: Mapped[int] = mapped_column(SmallInteger)
    source: Mapped[str] = mapped_column(String(MAX_SOURCE_CHARS))
    logger: Mapped[str] = mapped_column(String(MAX_LOGGER_CHARS + 40))
    text: Mapped[str | None] = mapped_column(Text)
    data: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(String(MAX_ID_CHARS))
    message_id: Mapped[str | None] = mapped_column(String(MAX_ID_CHARS))
    run_id: Mapped[str | None] = mapped_column(String(MAX_ID_CHARS))
    chat_id: Mapped[str | None] = mapped_column(String(MAX_ID_CHARS))

    __table_args__ = (
        Index("ix_log_event_source", "source", "position"),
        *(
            Index(
                f"ix_log_event_{name}",
                "position",
                sqlite_where=literal_column(condition),
                postgresql_where=literal_column(condition),
            )
            for name, condition in (
                ("errors", IS_ERROR),
                ("warnings", IS_WARNING),
                ("ordinary", IS_ORDINARY),
            )
        ),
        *(
            Index(
                f"ix_log_event_{name}",
                name,
                "position",
                sqlite_where=literal_column(f"{name} IS NOT NULL"),
                postgresql_where=literal_column(f"{name} IS NOT NULL"),
            )
            for name in ("request_id", "message_id", "run_id", "chat_id")
        ),
        # A place in the order is never given twice: sinks go by it.
        {"sqlite_autoincrement": True},
    )


class CursorRow(LogBase):
    """Place of a sink: everything up to `position` is sent; counts, and what is wrong (moments in ms)."""

    __tablename__ = "log_cursor"

    sink_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigInteger)
    sent: Mapped[int] = mapped_column(BigInteger, default=0)
    refused: Mapped[int] = mapped_column(BigInteger, default=0)
    missed: Mapped[int] = mapped_column(BigInteger, default=0)
    failures: Mapped[int] = mapped_column(BigInteger, default=0)
    failing_since: Mapped[int | None] = mapped_column(BigInteger)
    retry_at: Mapped[int] = mapped_column(BigInteger, default=0)
    problem: Mapped[str] = mapped_column(Text, default="")
    sent_at: Mapped[int | None] = mapped_column(BigInteger)


class LeaseRow(LogBase):
    """The process that forwards, until a moment (ms)."""

    __tablename__ = "log_lease"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    owner: Mapped[str] = mapped_column(String(40))
    until: Mapped[int] = mapped_column(BigInteger)


class CountRow(LogBase):
    """What one process was offered, stored and dropped since it started (moments in ms)."""

    __tablename__ = "log_count"

    process: Mapped[str] = mapped_column(String(40), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[int] = mapped_column(BigInteger)
    offered: Mapped[int] = mapped_column(BigInteger)
    stored: Mapped[int] = mapped_column(BigInteger)
    dropped: Mapped[int] = mapped_column(BigInteger)


def make_log_engine(database_url: str, data: Path, *, is_durable: bool) -> Engine:
    """Open an engine on the log store of an installation; `is_durable`: a commit outlives a loss of power."""
    if not database_url.startswith("sqlite"):
        own = {"options": f"-c jit=off -c search_path={SCHEMA}"}
        return make_engine(database_url, connect_args=own, pool_size=3, max_overflow=16)
    engine = make_engine(f"sqlite:///{(data / FILE_NAME).resolve()}", pool_size=4)
    # Before the other pragmas: it works on an empty file only.
    event.listen(engine, "connect", _shrink_when_pruned, insert=True)
    if not is_durable:
        # What was committed outlives the process all the same (SQLite's WAL).
        event.listen(engine, "connect", _sync_less)
    return engine


def prepare(engine: Engine) -> None:
    """Make the schema and the tables that are missing; safe beside another process that does the same."""
    if engine.dialect.name == "sqlite":
        create_private(Path(engine.url.database or ""))
    with engine.connect().execution_options(writer=True) as db, db.begin():
        if engine.dialect.name == "postgresql":
            lock_order(db)
            db.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        LogBase.metadata.create_all(db)


def lock_order(db: Connection) -> None:
    """Let transactions that add events come one after the other, so that places grow in the order of commits.

    SQLite does so by itself. A number taken early and committed late would be passed over by a sink.
    """
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("SELECT pg_advisory_xact_lock(7210548839012)")


def _shrink_when_pruned(connection: object, _record: object) -> None:
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # type: ignore[attr-defined]  the driver's


def _sync_less(connection: object, _record: object) -> None:
    connection.execute("PRAGMA synchronous=NORMAL")  # type: ignore[attr-defined]  the driver's
