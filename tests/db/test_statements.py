"""Prepared statements: many rows in few executions, whole and in their order, on both databases."""

from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from app.bot.models import Counter, Notice
from app.db.schema import get_table
from app.db.statements import MAX_ROWS_PER_INSERT, Statement
from app.db.writer import Database

COUNTS = (1, 2, 3, 7, 63, 64, 65, 130, 200)
_counter = get_table(Counter).c


def build_upsert(dialect: Any) -> Any:
    return dialect.insert(Counter).inline().on_conflict_do_nothing().returning(_counter.name, _counter.n)


INSERT = Statement(insert(Counter).inline(), ("name", "n"))
INSERT_NEW = Statement(build_upsert(postgresql), ("name", "n"), sqlite=build_upsert(sqlite))
INSERT_NOTICE = Statement(
    insert(Notice).inline(), ("connection_id", "field", "payload", "person", "created_at")
)


def build_rows(count: int) -> list[dict[str, Any]]:
    return [{"name": f"n{n:03}", "n": n * n} for n in range(count)]


def read_rows(database: Database) -> list[dict[str, Any]]:
    with database.engine.connect() as db:
        query = select(_counter.name, _counter.n).where(_counter.name.like("n%")).order_by(_counter.name)
        return [dict(row) for row in db.execute(query).mappings()]


@pytest.mark.parametrize("count", COUNTS)
def test_any_number_of_rows_is_stored_whole(database: Database, count: int):
    database.writer.run(lambda db: INSERT.execute_many(db, build_rows(count)))
    assert read_rows(database) == build_rows(count)


@pytest.mark.parametrize("count", COUNTS)
def test_rows_that_were_new_are_returned_and_those_known_are_not(database: Database, count: int):
    rows = build_rows(count)
    database.writer.run(lambda db: INSERT.execute_many(db, rows[::2]))
    # Some come twice in one go: only the first of them is new.
    found = database.writer.run(lambda db: INSERT_NEW.execute_many_returning(db, [*rows, *rows[-3:]]))
    assert sorted(found, key=lambda row: row["name"]) == rows[1::2]
    assert read_rows(database) == rows


def test_what_is_not_given_is_null_and_what_has_a_default_has_it(database: Database):
    rows = [{"field": f"f{n}", "payload": f"ünïcode 🙂 {n}", "created_at": n} for n in range(5)]
    database.writer.run(lambda db: INSERT_NOTICE.execute_many(db, rows))
    with database.read() as session:
        stored = session.scalars(select(Notice).order_by(Notice.created_at)).all()
    assert [{name: getattr(each, name) for name in rows[0]} for each in stored] == rows
    assert {(each.connection_id, each.person, each.level) for each in stored} == {(None, None, "info")}


def test_one_row_that_cannot_be_stored_leaves_nothing_of_its_transaction(database: Database):
    rows = [*build_rows(10), build_rows(1)[0]]

    def store(db: Connection) -> None:
        INSERT.execute_many(db, rows)

    with pytest.raises(DBAPIError):
        database.writer.run(store)
    assert read_rows(database) == []


@pytest.mark.parametrize(
    ("count", "executions"), [(1, 1), (2, 1), (3, 2), (64, 1), (65, 2), (127, 7), (200, 4)]
)
def test_sqlite_inserts_many_rows_in_one_execution(count: int, executions: int):
    with create_engine("sqlite://").connect() as db:
        compiled = INSERT.compile_for(db)
    texts = list(compiled.split_rows(build_rows(count)))
    assert len(texts) == executions
    assert [value for _, values in texts for value in values] == [
        value for row in build_rows(count) for value in (row["name"], row["n"])
    ]
    assert max(text.count("(?, ?)") for text, _ in texts) <= MAX_ROWS_PER_INSERT
