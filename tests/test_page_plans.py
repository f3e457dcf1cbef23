"""Pages stay off full scans: every query that bench/queries.py times is explained on SQLite, without statistics."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from app.db.schema import Base
from bench.history_rows import History
from bench.queries import NOW, of_analytics, of_chats, of_messages, of_search
from tests.tables import create_tables

# The tables that grow with every message or person. Of those waiting to be added up there are a second's.
LARGE = {"message", "run", "chat", "contact", "rollup", "attempt", "receipt", "ai_call", "note"}
# Indexes of the few rows that wait for something, and the one whose newest end is read.
SHORT = {"ix_chat_recent"} | {
    index.name
    for table in Base.metadata.sorted_tables
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}


@pytest.fixture(scope="module")
def engine() -> Engine:
    made = create_engine("sqlite://")
    create_tables(made)
    with made.begin() as db:
        History(4_000, NOW).fill(db)
    return made


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Collect what is executed."""
    seen: list[tuple[str, Any]] = []

    def note(_db: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def find_scans(engine: Engine, statement: str, parameters: Any) -> list[str]:
    """Return the steps of a plan that go through a large table row by row."""
    if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
        return []
    with engine.connect() as db:
        plan = [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    if "LIMIT" in statement and not any("TEMP B-TREE" in step for step in plan):
        return []  # the first few, in the order of their keys
    whole = [step.split() for step in plan if step.startswith("SCAN")]
    return [" ".join(step) for step in whole if step[1] in LARGE and step[-1] not in SHORT]


def test_no_query_of_a_page_goes_through_all_rows(engine: Engine, statements: list[tuple[str, Any]]):
    with engine.connect() as db:
        named = [*of_chats(100), *of_search(100), *of_messages(db), *of_analytics()]
    found: dict[str, list[str]] = {}
    for name, variants in named:
        statements.clear()
        for query in variants:
            with Session(engine) as session:
                query(session)
        wrong = [find_scans(engine, *each) for each in list(statements)]
        if any(wrong):
            found[name] = list(chain.from_iterable(wrong))
    assert found == {}
