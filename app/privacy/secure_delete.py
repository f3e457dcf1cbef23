"""Overwriting of deleted rows in the database file, and emptying of its log."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from app.bot import full_text
from app.db.writer import Database
from app.privacy.copies import list_scanned_tables

# Readers of an older state hold up the emptying of SQLite's log: they are waited for this often, this long (s).
MAX_CHECKPOINT_ATTEMPTS: Final = 100
CHECKPOINT_RETRY_S: Final = 0.1
BUSY_TIMEOUT_MS: Final = 1_000  # ms


def wipe(database: Database, pause: Callable[[float], object] = time.sleep) -> bool:
    """Rewrite what is stored; false when readers kept SQLite's log from being emptied: try again later.

    SQLite: the file is written anew and its log cut off, so that no byte of a deleted row is left in either; writes
    wait meanwhile. PostgreSQL: the space is freed to be written over; its log keeps older states until it is recycled.
    """
    database.writer.run(full_text.optimize)
    if database.engine.dialect.name == "postgresql":
        _vacuum(database.engine)
        return True
    with database.writer.block_writes():
        _execute_outside_transaction(database.engine, "VACUUM")
    for _ in range(MAX_CHECKPOINT_ATTEMPTS):
        # Let go in between: messages do not wait for a reader that takes its time.
        with database.writer.block_writes():
            if _truncate_log(database.engine):
                return True
        pause(CHECKPOINT_RETRY_S)
    return False


def _vacuum(engine: Engine) -> None:
    tables = [table.name for table in list_scanned_tables()]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in (*tables, "chat", "contact", "erasure", "words_message", "words_contact", "words_note"):
            connection.exec_driver_sql(f"VACUUM {name}")


def _truncate_log(engine: Engine) -> bool:
    """Bring SQLite's log into the file and empty it; false when a reader needs it still."""
    return _execute_outside_transaction(engine, "PRAGMA wal_checkpoint(TRUNCATE)")[0] == 0


def _execute_outside_transaction(engine: Engine, statement: str) -> tuple[int, ...]:
    """Run a statement that must be in no transaction, and wait a second at most for other connections."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        row = cursor.execute(statement).fetchone()
        cursor.execute(f"PRAGMA busy_timeout={before}")
        return row or (0,)
    finally:
        raw.close()
