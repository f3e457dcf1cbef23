"""An installation of the version before, put into an empty database: its file on SQLite, its rows on PostgreSQL."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean, Engine, MetaData, Table, func, inspect, select, text

FOLDER = Path(__file__).parent
# The head of the migrations of that version.
BEFORE = "0015"
# What a database has for itself: indexes of words are built anew, counters say how far they are.
_OWN = frozenset({"alembic_version", "counter", "sqlite_sequence", "unindexed_text"})


def read_expected() -> dict[str, Any]:
    """Return what the version before showed of this installation."""
    return json.loads(gzip.decompress((FOLDER / "expected.json.gz").read_bytes()))


def write_sqlite(path: Path) -> None:
    """Write the database file of the installation."""
    path.write_bytes(gzip.decompress((FOLDER / "installation.db.gz").read_bytes()))


def copy_rows(source: Path, engine: Engine) -> None:
    """Copy all rows of a SQLite file into a PostgreSQL database with the same tables, which are empty."""
    found = MetaData()
    with engine.begin() as db:
        # Triggers have counted and indexed these rows already.
        db.execute(text("SET session_replication_role = replica"))
        found.reflect(db)
        with sqlite3.connect(source) as old:
            old.row_factory = sqlite3.Row
            for table in found.sorted_tables:
                if table.name not in _OWN and not table.name.startswith("words_"):
                    _copy_table(old, db, table)
        db.execute(text("SET session_replication_role = origin"))


def _copy_table(old: sqlite3.Connection, db: Any, table: Table) -> None:
    rows = [dict(row) for row in old.execute(f'SELECT * FROM "{table.name}"')]  # noqa: S608  our own name
    for row in rows:
        for column in table.columns:
            row[column.name] = _convert(column.type, row[column.name])
    if not rows:
        return
    db.execute(table.insert(), rows)
    if "id" in table.columns and table.columns["id"].type.python_type is int:
        sequence = func.pg_get_serial_sequence(f'"{table.name}"', "id")
        db.execute(select(func.setval(sequence, max(row["id"] for row in rows))))


def _convert(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(kind, JSON):
        # SQLite keeps a number of JSON as a number.
        return json.loads(value) if isinstance(value, str) else value
    return bool(value) if isinstance(kind, Boolean) else value


def list_rows(engine: Engine, columns: dict[str, list[str]] | None = None) -> dict[str, list[str]]:
    """Return all rows as texts by table; with `columns`, these tables and columns alone."""
    return {
        table: sorted(_read_rows(engine, table, names))
        for table, names in (columns or list_columns(engine)).items()
    }


def list_columns(engine: Engine) -> dict[str, list[str]]:
    """Return the columns of every table of the installation."""
    found = inspect(engine)
    return {
        table: sorted(column["name"] for column in found.get_columns(table))
        for table in found.get_table_names()
        if table not in _OWN and not table.startswith("words_")
    }


def _read_rows(engine: Engine, table: str, names: list[str]) -> Iterator[str]:
    listed = ", ".join(f'"{name}"' for name in names)
    with engine.connect() as db:
        for row in db.execute(text(f'SELECT {listed} FROM "{table}"')).mappings():  # noqa: S608  our own names
            yield json.dumps(dict(row), default=str, sort_keys=True)
