"""What the database keeps of rows that are deleted: written over, and its log emptied."""

import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Engine

from app.bot import word_index
from app.bot.privacy.copies import swept
from app.writer import Database

# Readers of an older state hold up the emptying of SQLite's log: they are waited for this often, this long (s).
TRIES: Final = 100
PAUSE: Final = 0.1
BUSY: Final = 1_000  # ms


def wipe(database: Database, pause: Callable[[float], object] = time.sleep) -> bool:
    """Rewrite what is stored; false when readers kept SQLite's log from being emptied: try again later.

    SQLite: the file is written anew and its log cut off, so that no byte of a deleted row is left in either; writes
    wait meanwhile. PostgreSQL: the space is freed to be written over; its log keeps older states until it is recycled.
    """
    database.writer.run(word_index.compact)
    if database.engine.dialect.name == "postgresql":
        _vacuum(database.engine)
        return True
    with database.writer.waiting():
        _on_driver(database.engine, "VACUUM")
    for _ in range(TRIES):
        # Let go in between: messages do not wait for a reader that takes its time.
        with database.writer.waiting():
            if _cut_off(database.engine):
                return True
        pause(PAUSE)
    return False


def _vacuum(engine: Engine) -> None:
    tables = [table.name for table in swept()]
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in (*tables, "chat", "contact", "erasure", "words_message", "words_contact", "words_note"):
            connection.exec_driver_sql(f"VACUUM {name}")


def _cut_off(engine: Engine) -> bool:
    """Bring SQLite's log into the file and empty it; false when a reader needs it still."""
    return _on_driver(engine, "PRAGMA wal_checkpoint(TRUNCATE)")[0] == 0


def _on_driver(engine: Engine, statement: str) -> tuple[int, ...]:
    """Run a statement that must be in no transaction, and wait a second at most for other connections."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        before = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout={BUSY}")
        row = cursor.execute(statement).fetchone()
        cursor.execute(f"PRAGMA busy_timeout={before}")
        return row or (0,)
    finally:
        raw.close()
