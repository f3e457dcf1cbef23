# ruff: noqa: S608  every word of these statements is our own
"""SQLite's part of the full-text index: a contentless FTS5 table a kind, triggers, functions that cut words.

A trigger would make FTS5 flush for every single message, so new messages are indexed by the batch.
"""

import sqlite3
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.pool import Pool

from app.bot.full_text.kinds import MESSAGE, Kind, index_text

# How far the messages are indexed, and up to where the rows of a kind are not indexed yet.
INDEXED_COUNTER: Final = "words.message"
BACKLOG_COUNTER: Final = "words.{kind}.todo"
LAST_INDEXED: Final = f"(SELECT n FROM counter WHERE name = '{INDEXED_COUNTER}')"


@event.listens_for(Pool, "connect")
def _add_functions(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("index_text", 1, index_text, deterministic=True)
        connection.create_function("index_structured", 2, index_text, deterministic=True)


def build_insert(kind: Kind, row: str, where: str, source: str = "") -> str:
    """Return the statement that indexes a row, or the rows of a source."""
    return (
        f"INSERT INTO words_{kind.name}(rowid, words)"
        f" SELECT {row}.id, {_build_words(kind, row)}{source} WHERE {where} AND {kind.has.format(row=row)}"
    )


def list_statements(kind: Kind) -> list[str]:
    """Return the statements that create the index of a kind and its triggers."""
    late = kind is MESSAGE
    # A row that was not indexed yet has nothing to be taken out.
    known = f"old.id > {_build_backlog(kind)}" + (f" AND old.id <= {LAST_INDEXED}" if late else "")
    take = (
        f"INSERT INTO words_{kind.name}(words_{kind.name}, rowid, words)"
        f" SELECT 'delete', old.id, {_build_words(kind, 'old')} WHERE {known} AND {kind.has.format(row='old')}"
    )
    name = kind.name
    # SQLite gives the id of a deleted newest row again.
    newest = f"(SELECT coalesce(max(id), 0) FROM {name})"
    counters = [BACKLOG_COUNTER.format(kind=name), *([INDEXED_COUNTER] if late else [])]
    listed = ",".join(f"'{counter}'" for counter in counters)
    back = f"UPDATE counter SET n = {newest} WHERE name IN ({listed}) AND n > {newest}"
    made = [
        # What is not ASCII was cut before; all of it belongs to words.
        (f"CREATE VIRTUAL TABLE words_{name} USING fts5(words, content='', columnsize=0, tokenize='ascii')"),
        # Merging less often halves what a message costs; a search reads a few segments more.
        f"INSERT INTO words_{name}(words_{name}, rank) VALUES ('automerge', 8)",
        f"INSERT INTO words_{name}(words_{name}, rank) VALUES ('crisismerge', 64)",
        (
            f"CREATE TRIGGER words_{name}_update AFTER UPDATE OF {kind.columns} ON {name}"
            f" BEGIN {take}; {build_insert(kind, 'new', known)}; END"
        ),
        f"CREATE TRIGGER words_{name}_delete AFTER DELETE ON {name} BEGIN {take}; {back}; END",
    ]
    if not late:
        new = f"new.id > {_build_backlog(kind)}"
        made.append(
            f"CREATE TRIGGER words_{name}_insert AFTER INSERT ON {name} BEGIN {build_insert(kind, 'new', new)}; END"
        )
    return made


def _build_backlog(kind: Kind) -> str:
    counter = BACKLOG_COUNTER.format(kind=kind.name)
    return f"coalesce((SELECT n FROM counter WHERE name = '{counter}'), 0)"


def _build_words(kind: Kind, row: str) -> str:
    text, digits = kind.text.format(row=row), kind.digits.format(row=row)
    structured = (
        f"WHEN {kind.is_structured.format(row=row)} THEN index_structured({text}, {kind.payload.format(row=row)}) "
        if kind.is_structured
        else ""
    )
    # ASCII needs no cut: FTS5 does it, and without a call of Python.
    is_ascii = f"length(CAST({text} AS BLOB)) = length({text})"
    words = f"CASE {structured}WHEN {is_ascii} THEN {text} ELSE index_text({text}) END"
    return words if digits == "''" else f"{words} || ' ' || {digits}"
