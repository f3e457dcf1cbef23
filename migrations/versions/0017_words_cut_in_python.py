"""The index of words: what is said, who is who and what is noted, found by the beginnings of words.

SQLite: a contentless FTS5 table for each kind. PostgreSQL: a table of tsvectors beside the rows, so that a change of a
message's state rewrites nothing here. Triggers keep both right, whoever writes; but for one thing: on SQLite a trigger
would make FTS5 flush for every single message, so new messages are taken in by the batch (`take_in`).
Case and accents do not count.
"""

# ruff: noqa: S608  every word of these statements is our own

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import event

from app.db import Base

# Phone numbers are found by any digits in a row: each of their ends is a word.
_ENDS = " || ' ' || ".join(f"substr(coalesce({{row}}.phone, ''), {n})" for n in range(1, 13))
# Kind -> the words of a row, and which rows have any.
_KINDS = {
    "message": ("{row}.text", "{row}.text <> '' AND {row}.kind NOT IN ('reaction', 'edit', 'revoke')"),
    "contact": (f"{{row}}.name || ' ' || {{row}}.username || ' ' || {_ENDS}", "{row}.id > 0"),
    "note": ("{row}.text", "{row}.deleted_at IS NULL"),
}
# The columns whose change changes the words.
_CHANGES = {"message": "text", "contact": "name, username, phone", "note": "text, deleted_at"}
_MARKS = "./-_@:,;!?()[]{}+*#&=|~^<>'\"\\"
# How far the messages of SQLite are taken in.
MARK = "words.message"
_TAKEN = f"(SELECT n FROM counter WHERE name = '{MARK}')"
_NEWEST = "(SELECT coalesce(max(id), 0) FROM message)"


def take_in(db: Db) -> None:
    """Take in the messages that came since the last time; where triggers do it, nothing is to be done."""
    if db.dialect.name != "sqlite":
        return
    words, has = (part.format(row="message") for part in _KINDS["message"])
    # On the driver: this is on every message's way (app.sql).
    driver = db.connection.dbapi_connection
    driver.execute(  # type: ignore[union-attr]
        f"INSERT INTO words_message(rowid, words) SELECT id, {words} FROM message WHERE id > {_TAKEN} AND {has}"
    )
    driver.execute(f"UPDATE counter SET n = {_NEWEST} WHERE name = '{MARK}'")  # type: ignore[union-attr]


def catch_up(db: Db, asked: Sequence[None]) -> Sequence[None]:
    """Take in what was written outside of transaction A; called by the writer."""
    take_in(db)
    return asked


def create(db: Db) -> None:
    """Make the index and fill it with what is there."""
    for statement in _statements(db):
        db.exec_driver_sql(statement)
    take_in(db)


def drop(db: Db) -> None:
    """Take the index away."""
    for kind in _KINDS:
        for moment in ("insert", "update", "delete"):
            on = "" if db.dialect.name == "sqlite" else f" ON {kind}"
            db.exec_driver_sql(f"DROP TRIGGER IF EXISTS words_{kind}_{moment}{on}")
        db.exec_driver_sql(f"DROP TABLE IF EXISTS words_{kind}")
    if db.dialect.name == "postgresql":
        for function in (*(f"words_{kind}_kept()" for kind in _KINDS), "words_in(text)"):
            db.exec_driver_sql(f"DROP FUNCTION IF EXISTS {function}")
    db.exec_driver_sql(f"DELETE FROM counter WHERE name = '{MARK}'")


def in_models(name: str | None, kind: str, _parents: object) -> bool:
    """Tell whether the models know a thing of the database: those of the index they do not (Alembic)."""
    return kind != "table" or not str(name).startswith("words_")


def compact(db: Db) -> None:
    """Rewrite the index so that nothing is left of words whose rows are gone."""
    if db.dialect.name == "sqlite":
        for kind in _KINDS:
            db.exec_driver_sql(f"INSERT INTO words_{kind}(words_{kind}) VALUES ('optimize')")


@event.listens_for(Base.metadata, "after_create")
def _with_the_tables(_target: object, db: Db, tables: Any = (), **_more: object) -> None:
    if {"message", "contact", "note", "counter"} <= {table.name for table in tables}:
        create(db)


def _statements(db: Db) -> list[str]:
    if db.dialect.name == "sqlite":
        marked = f"INSERT INTO counter (name, n) VALUES ('{MARK}', 0)"
        return [marked, *(each for kind in _KINDS for each in _sqlite(kind))]
    return [_WORDS_IN, *(each for kind in _KINDS for each in _postgresql(kind))]


def _sqlite(kind: str) -> list[str]:
    words, has = _KINDS[kind]
    late = kind == "message"
    # A message that was not taken in yet has nothing to be taken out.
    known = f" AND old.id <= {_TAKEN}" if late else ""
    take = (
        f"INSERT INTO words_{kind}(words_{kind}, rowid, words)"
        f" SELECT 'delete', old.id, {words.format(row='old')} WHERE {has.format(row='old')}{known}"
    )
    put = (
        f"INSERT INTO words_{kind}(rowid, words)"
        f" SELECT new.id, {words.format(row='new')} WHERE {has.format(row='new')}"
    )
    # SQLite gives the id of a deleted newest row again.
    back = f"; UPDATE counter SET n = min(n, {_NEWEST}) WHERE name = '{MARK}'" if late else ""
    fill = (
        f"INSERT INTO words_{kind}(rowid, words) SELECT {kind}.id, {words.format(row=kind)} FROM {kind}"
        f" WHERE {has.format(row=kind)}"
    )
    made = [
        (
            f"CREATE VIRTUAL TABLE words_{kind} USING fts5(words, content='', columnsize=0,"
            " tokenize='unicode61 remove_diacritics 2')"
        ),
        # Merging less often halves what a message costs; a search reads a few segments more.
        f"INSERT INTO words_{kind}(words_{kind}, rank) VALUES ('automerge', 8)",
        f"INSERT INTO words_{kind}(words_{kind}, rank) VALUES ('crisismerge', 64)",
        (
            f"CREATE TRIGGER words_{kind}_update AFTER UPDATE OF {_CHANGES[kind]} ON {kind}"
            f" BEGIN {take}; {put}{known}; END"
        ),
        f"CREATE TRIGGER words_{kind}_delete AFTER DELETE ON {kind} BEGIN {take}{back}; END",
    ]
    if not late:
        made += [f"CREATE TRIGGER words_{kind}_insert AFTER INSERT ON {kind} BEGIN {put}; END", fill]
    return made


# Marks between letters part words, as they do on SQLite; letters beyond ASCII lose their accents.
_WORDS_IN = f"""
CREATE OR REPLACE FUNCTION words_in(said text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT to_tsvector('simple', translate(
  CASE WHEN octet_length(said) = length(said) THEN said
  ELSE regexp_replace(normalize(said, NFKD), '[\\u0300-\\u036f\\u0640\\u064b-\\u065f]', '', 'g') END,
  $marks${_MARKS}$marks$, repeat(' ', {len(_MARKS)})))
$$
"""


def _postgresql(kind: str) -> list[str]:
    words, has = _KINDS[kind]
    return [
        f"CREATE TABLE words_{kind} (id bigint PRIMARY KEY, words tsvector NOT NULL)",
        f"CREATE INDEX ix_words_{kind} ON words_{kind} USING gin (words)",
        f"""
CREATE OR REPLACE FUNCTION words_{kind}_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN DELETE FROM words_{kind} WHERE id = OLD.id; END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO words_{kind} SELECT NEW.id, words_in({words.format(row="NEW")}) WHERE {has.format(row="NEW")};
  END IF;
  RETURN NULL;
END $$""",
        *(_postgresql_trigger(kind, moment) for moment in ("insert", "update", "delete")),
        (
            f"INSERT INTO words_{kind} SELECT {kind}.id, words_in({words.format(row=kind)}) FROM {kind}"
            f" WHERE {has.format(row=kind)}"
        ),
    ]


def _postgresql_trigger(kind: str, moment: str) -> str:
    event_of = f"UPDATE OF {_CHANGES[kind]}" if moment == "update" else moment.upper()
    # Not even called for rows without words.
    when = f" WHEN ({_KINDS[kind][1].format(row='NEW')})" if moment == "insert" else ""
    return (
        f"CREATE TRIGGER words_{kind}_{moment} AFTER {event_of} ON {kind} FOR EACH ROW{when}"
        f" EXECUTE FUNCTION words_{kind}_kept()"
    )
