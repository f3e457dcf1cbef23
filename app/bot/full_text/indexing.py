# ruff: noqa: S608  every word of these statements is our own
"""Creation and filling of the full-text index: new messages by the batch, older rows bit by bit (rows a batch)."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection as Db
from sqlalchemy import event, text

from app import topics
from app.bot.full_text import postgresql, sqlite
from app.bot.full_text.kinds import KINDS, MESSAGE, Kind, index_text
from app.bot.full_text.sqlite import BACKLOG_COUNTER, INDEXED_COUNTER, LAST_INDEXED
from app.bot.states import sql_any
from app.db.after_commit import send_changed
from app.db.schema import Base

_NEWEST_ID: Final = "(SELECT coalesce(max(id), 0) FROM {kind})"
# Rows a step: so that messages that come in wait for a few milliseconds only.
BATCH: Final = 1_000
BACKLOG_COUNTERS: Final = tuple(BACKLOG_COUNTER.format(kind=kind.name) for kind in KINDS)
MESSAGE_BACKLOG_COUNTER: Final = BACKLOG_COUNTER.format(kind=MESSAGE.name)


def index_messages(db: Db) -> None:
    """Index the messages that came since the last time; nothing to do where triggers index them."""
    if db.dialect.name != "sqlite":
        return
    # On the driver: this is on every message's way (app.db.statements).
    driver = db.connection.dbapi_connection
    driver.execute(  # type: ignore[union-attr]
        sqlite.build_insert(MESSAGE, "message", f"id > {LAST_INDEXED}", " FROM message")
    )
    driver.execute(  # type: ignore[union-attr]
        f"UPDATE counter SET n = {_NEWEST_ID.format(kind='message')} WHERE name = '{INDEXED_COUNTER}'"
    )


def index_new_messages(db: Db, requests: Sequence[None]) -> Sequence[None]:
    """Index what was written outside of transaction A, and some of the backlog; called by the writer."""
    index_messages(db)
    if index_backlog(db):
        send_changed(db, topics.search_index())
    return requests


def index_backlog(db: Db) -> bool:
    """Index some of the rows that came before the index, the newest first, and those left to Python.

    True when there were any.
    """
    found = [_index_older_rows(db, kind) for kind in KINDS]
    if db.dialect.name == "postgresql":
        found.append(_index_listed_rows(db))
    return any(found)


def create_index(db: Db) -> None:
    """Create the index; the present rows are its backlog."""
    if db.dialect.name == "sqlite":
        statements = [statement for kind in KINDS for statement in sqlite.list_statements(kind)]
    else:
        statements = postgresql.list_statements()
    for statement in statements:
        db.exec_driver_sql(statement)
    _mark_backlog(db)


def replace_index(db: Db) -> None:
    """Put this index in the place of an older one, whose words PostgreSQL keeps until they are replaced."""
    has_older = db.dialect.has_table(db, f"words_{MESSAGE.name}")
    if db.dialect.name == "sqlite" or not has_older:
        drop_index(db)
        create_index(db)
        return
    for statement in postgresql.list_replacements():
        db.exec_driver_sql(statement)
    _mark_backlog(db)


def _mark_backlog(db: Db) -> None:
    """Write down that the present rows are to be indexed."""
    counters = [(name, kind.name) for name, kind in zip(BACKLOG_COUNTERS, KINDS, strict=True)]
    if db.dialect.name == "sqlite":
        counters.append((INDEXED_COUNTER, MESSAGE.name))
    for counter, kind in counters:
        db.exec_driver_sql(f"DELETE FROM counter WHERE name = '{counter}'")
        db.exec_driver_sql(
            f"INSERT INTO counter (name, n) SELECT '{counter}', {_NEWEST_ID.format(kind=kind)}"
        )


def drop_index(db: Db) -> None:
    """Drop the index."""
    for kind in KINDS:
        name = kind.name
        for moment in ("insert", "update", "delete"):
            on = "" if db.dialect.name == "sqlite" else f" ON {name}"
            db.exec_driver_sql(f"DROP TRIGGER IF EXISTS words_{name}_{moment}{on}")
        db.exec_driver_sql(f"DROP TABLE IF EXISTS words_{name}")
    if db.dialect.name == "postgresql":
        for function in (*(f"words_{kind.name}_kept()" for kind in KINDS), "words_in(text)"):
            db.exec_driver_sql(f"DROP FUNCTION IF EXISTS {function}")
    db.exec_driver_sql(f"DELETE FROM counter WHERE {sql_any('name', (INDEXED_COUNTER, *BACKLOG_COUNTERS))}")


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Tell Alembic whether an object of the database belongs to the models; those of the index do not."""
    return kind != "table" or not str(name).startswith("words_")


def optimize(db: Db) -> None:
    """Rewrite the index so that nothing is left of words whose rows are gone."""
    if db.dialect.name == "sqlite":
        for kind in KINDS:
            db.exec_driver_sql(f"INSERT INTO words_{kind.name}(words_{kind.name}) VALUES ('optimize')")


@event.listens_for(Base.metadata, "after_create")
def _create_with_tables(_target: object, db: Db, tables: Any = (), **_more: object) -> None:
    if {"message", "contact", "note", "counter", "unindexed_text"} <= {table.name for table in tables}:
        create_index(db)


def _index_older_rows(db: Db, kind: Kind) -> bool:
    counter = BACKLOG_COUNTER.format(kind=kind.name)
    lock = "" if db.dialect.name == "sqlite" else " FOR UPDATE SKIP LOCKED"
    last = db.exec_driver_sql(f"SELECT n FROM counter WHERE name = '{counter}'{lock}").scalar()
    if not last:
        return False
    first = last - BATCH
    where = f"{kind.name}.id > {first} AND {kind.name}.id <= {last}"
    if db.dialect.name == "sqlite":
        db.exec_driver_sql(sqlite.build_insert(kind, kind.name, where, f" FROM {kind.name}"))
    else:
        for statement in postgresql.list_fillings(kind, where):
            db.exec_driver_sql(statement)
    db.exec_driver_sql(f"UPDATE counter SET n = {max(first, 0)} WHERE name = '{counter}'")
    return True


def _index_listed_rows(db: Db) -> bool:
    """Index rows whose words only Python can cut; a row that changes meanwhile is listed again by its trigger."""
    taken = (
        f"DELETE FROM unindexed_text WHERE (kind, row_id) IN (SELECT kind, row_id FROM unindexed_text"
        f" ORDER BY row_id DESC LIMIT {BATCH} FOR UPDATE SKIP LOCKED) RETURNING kind, row_id"
    )
    listed: dict[str, list[int]] = {}
    for name, row_id in db.exec_driver_sql(taken):
        listed.setdefault(name, []).append(row_id)
    for kind in KINDS:
        if kind.name in listed:
            _store_words(db, kind, listed[kind.name])
    return bool(listed)


def _store_words(db: Db, kind: Kind, ids: Sequence[int]) -> None:
    # Nobody deletes a row between our reading it and our writing its words.
    query = f"{build_source(kind)} WHERE {kind.name}.id = ANY(:ids) AND {kind.has.format(row=kind.name)} FOR KEY SHARE"
    rows = db.execute(text(query), {"ids": list(ids)})
    words = [
        {"id": row.id, "words": postgresql.build_tsvector(cut_row(row.text, row.digits, row.payload).split())}
        for row in rows
    ]
    if words:
        db.execute(
            text(
                f"INSERT INTO words_{kind.name} (id, words) VALUES (:id, CAST(:words AS tsvector))"
                " ON CONFLICT (id) DO UPDATE SET words = excluded.words"
            ),
            words,
        )


def build_source(kind: Kind) -> str:
    """Return the SELECT of what Python cuts the words of rows from: id, text, digits, payload."""
    row = kind.name
    payload = kind.payload.format(row=row)
    if kind.is_structured:
        payload = f"CASE WHEN {kind.is_structured.format(row=row)} THEN CAST({payload} AS TEXT) ELSE '' END"
    return (
        f"SELECT {row}.id, {kind.text.format(row=row)} AS text, {kind.digits.format(row=row)} AS digits,"
        f" {payload} AS payload FROM {row}"
    )


def cut_row(said: str, digits: str, payload: str) -> str:
    """Return the words of a row as they are indexed."""
    return f"{index_text(said, payload)} {digits}"
