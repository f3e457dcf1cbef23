"""Prepared statements: many rows in few executions, whole and in their order, on both databases."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    bindparam,
    case,
    create_engine,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from app.bot.models import Counter, Notice
from app.db.many_rows import MAX_ROWS_AT_ONCE
from app.db.schema import get_table
from app.db.statements import InList, Statement
from app.db.writer import Database

COUNTS = (1, 2, 3, 7, 63, 64, 65, 130, 200)
_counter = get_table(Counter).c


def build_upsert(dialect: Any) -> Any:
    return dialect.insert(Counter).inline().on_conflict_do_nothing().returning(_counter.name, _counter.n)


INSERT = Statement(insert(Counter).inline(), ("name", "n"))
INSERT_NEW = Statement(build_upsert(postgresql), ("name", "n"), sqlite=build_upsert(sqlite))
UPDATE = Statement(
    update(get_table(Counter))
    .where(_counter.name == bindparam("of"))
    .values(
        n=case((_counter.n > bindparam("least"), _counter.n + bindparam("more")), else_=bindparam("less"))
    )
)
SELECT = Statement(
    select(_counter.name, _counter.n).where(InList(_counter.name, "names")).order_by(_counter.n.desc())
)
SELECT_ONE = Statement(select(_counter.name, _counter.n).where(_counter.name == bindparam("of")))
SELECT_NOTICES = Statement(select(get_table(Notice).c.payload, get_table(Notice).c.created_at))
UPDATE_LOCKED = Statement(
    update(get_table(Counter))
    .where(_counter.name == bindparam("of"))
    .values(n=_counter.n + bindparam("more")),
    is_locked=True,
)
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
    assert max(text.count("(?, ?)") for text, _ in texts) <= MAX_ROWS_AT_ONCE


@pytest.mark.parametrize("count", COUNTS)
def test_an_update_changes_each_row_by_its_own_values_and_no_other_row(database: Database, count: int):
    rows = build_rows(count + 2)
    database.writer.run(lambda db: INSERT.execute_many(db, rows))
    changes = [{"of": row["name"], "least": 10, "more": n, "less": -n} for n, row in enumerate(rows[:count])]
    database.writer.run(lambda db: UPDATE.execute_many(db, changes))
    expected = [row["n"] + n if row["n"] > 10 else -n for n, row in enumerate(rows[:count])]
    assert [row["n"] for row in read_rows(database)] == [*expected, *(row["n"] for row in rows[count:])]


def test_an_update_that_names_a_row_twice_changes_it_twice(database: Database):
    database.writer.run(
        lambda db: INSERT.execute_many(db, [{"name": "n1", "n": 100}, {"name": "n2", "n": 7}])
    )
    twice = [
        {"of": name, "least": 0, "more": more, "less": 0} for name, more in (("n1", 1), ("n2", 5), ("n1", 2))
    ]
    database.writer.run(lambda db: UPDATE.execute_many(db, twice))
    assert [row["n"] for row in read_rows(database)] == [103, 12]


@pytest.mark.parametrize("count", COUNTS)
def test_rows_that_are_locked_are_changed_each_by_its_own_values(database: Database, count: int):
    rows = build_rows(count + 2)
    database.writer.run(lambda db: INSERT.execute_many(db, rows))
    changes = [{"of": row["name"], "more": n} for n, row in enumerate(rows[:count])]
    database.writer.run(lambda db: UPDATE_LOCKED.execute_many(db, [*reversed(changes)]))
    assert [row["n"] for row in read_rows(database)] == [n * n + n * (n < count) for n in range(count + 2)]
    twice = [{"of": "n000", "more": 1}, {"of": "n001", "more": 5}, {"of": "n000", "more": 2}]
    database.writer.run(lambda db: UPDATE_LOCKED.execute_many(db, twice))
    assert [row["n"] for row in read_rows(database)][:2] == [3, 6 + (count > 1)]


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "executions"), [(INSERT, 1), (INSERT_NEW, 1), (UPDATE_LOCKED, 1), (UPDATE, 200)]
)
def test_postgresql_writes_many_rows_in_one_execution_unless_locks_are_taken_in_their_order(
    database: Database, statement: Statement, executions: int
):
    with database.engine.connect() as db:
        compiled = statement.compile_for(db)
    rows = [{"name": f"n{n}", "of": f"n{n}", "n": n, "more": n, "less": n, "least": n} for n in range(200)]
    assert len(list(compiled.split_rows(rows))) == executions


KEEPSAKE = Table(
    "keepsake",
    MetaData(),
    Column("place", BigInteger, primary_key=True),
    Column("number", BigInteger),
    Column("is_kept", Boolean),
    Column("words", String(20)),
    Column("data", JSON),
)
INSERT_KEEPSAKE = Statement(insert(KEEPSAKE).inline(), KEEPSAKE.c.keys())
_storable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_plain = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | _storable
_json = st.recursive(_plain, lambda inner: st.lists(inner) | st.dictionaries(_storable, inner), max_leaves=8)


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "number": st.none() | st.integers(-(2**63), 2**63 - 1),
                "is_kept": st.none() | st.booleans(),
                "words": st.none() | _storable,
                "data": _json,
            }
        ),
        min_size=2,
        max_size=9,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_rows_hold_what_each_would_alone(database: Database, rows: list[dict[str, Any]]):
    def store(db: Connection) -> list[list[Any]]:
        KEEPSAKE.drop(db, checkfirst=True)
        KEEPSAKE.create(db)
        INSERT_KEEPSAKE.execute_many(db, [{**row, "place": n} for n, row in enumerate(rows)])
        for n, row in enumerate(rows):
            INSERT_KEEPSAKE.execute_many(db, [{**row, "place": 100 + n}])
        found = db.execute(select(KEEPSAKE).order_by(KEEPSAKE.c.place)).mappings().all()
        return [[{**row, "place": None} for row in part] for part in (found[: len(rows)], found[len(rows) :])]

    many, alone = database.writer.run(store)
    assert many == alone


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_text_that_is_too_long_is_refused_among_many_as_it_is_alone(database: Database):
    def store(db: Connection) -> None:
        KEEPSAKE.create(db)
        INSERT_KEEPSAKE.execute_many(db, [{"place": n, "words": "x" * (19 + n)} for n in range(3)])

    with pytest.raises(DBAPIError, match="too long"):
        database.writer.run(store)


@pytest.mark.parametrize("count", [0, *COUNTS])
def test_what_is_read_comes_whole_and_in_the_order_asked_for(database: Database, count: int):
    rows = build_rows(count + 1)
    database.writer.run(lambda db: INSERT.execute_many(db, rows))
    names = [row["name"] for row in rows[1:]]
    found = database.writer.run(lambda db: SELECT.execute(db, names=names))
    assert found == rows[:0:-1]


@pytest.mark.parametrize("count", COUNTS)
def test_a_query_run_for_each_of_many_rows_returns_what_all_of_them_find(database: Database, count: int):
    rows = build_rows(count)
    database.writer.run(lambda db: INSERT.execute_many(db, rows))
    wanted = [{"of": row["name"]} for row in [*rows, {"name": "unknown"}, rows[0]]]
    found = database.writer.run(lambda db: SELECT_ONE.execute_many_returning(db, wanted))
    assert found == [*rows, rows[0]]
    assert database.writer.run(lambda db: SELECT_ONE.execute_many_returning(db, wanted[:1])) == rows[:1]


@pytest.mark.parametrize("text", ["", "ünïcode 🙂", '"\\\n\t\x01\x7f', "\u2028\ufeff\uffff", "x" * 100_000])
def test_any_text_is_read_as_it_was_written(database: Database, text: str):
    row = {"field": "f", "payload": text, "created_at": 2**62}
    database.writer.run(lambda db: INSERT_NOTICE.execute_many(db, [row]))
    assert database.writer.run(SELECT_NOTICES.execute) == [{"payload": text, "created_at": 2**62}]
