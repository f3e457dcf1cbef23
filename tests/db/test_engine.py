"""What errors of the database show: never a value of a statement, which may be a message or a secret."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import insert, literal, select, text
from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlalchemy.orm import Session

from app.accounts.users import User
from app.db.statements import Statement
from app.db.writer import Database

SECRET = "sesame-of-a-person"
VALUES = {"email": SECRET, "name": SECRET, "password_hash": SECRET, "role": "owner", "timezone": "UTC"}


def add(session: Session, **changed: Any) -> None:
    session.add(User(**{**VALUES, "created_at": 1, "session_epoch": 0, **changed}))
    session.flush()


def add_twice(session: Session) -> None:
    add(session)
    add(session)


def run_prepared(session: Session) -> None:
    statement = Statement(insert(User), [*VALUES, "created_at", "session_epoch"])
    row = {**VALUES, "created_at": 1, "session_epoch": 0}
    statement.execute_many(session.connection(), [row])
    statement.execute_many(session.connection(), [row])


FAILURES: dict[str, Callable[[Session], Any]] = {
    "a value twice": add_twice,
    "a value that is missing": lambda s: add(s, created_at=None),
    "a number beyond 64 bits": lambda s: add(s, created_at=2**80),
    "a text that is no number": lambda s: s.execute(
        text("SELECT CAST(:v AS INTEGER) + nothing"), {"v": SECRET}
    ),
    "a text with NUL": lambda s: add(s, name=f"{SECRET}\0", created_at=2**80),
    "a lone surrogate": lambda s: add(s, name=f"{SECRET}\ud800"),
    "a prepared statement": run_prepared,
    "a value of no type": lambda s: s.execute(select(literal(SECRET)), cast("Any", [object()])),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_error_shows_no_value_of_its_statement(
    database: Database, failure: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with pytest.raises((SQLAlchemyError, UnicodeError, OverflowError, TypeError)) as caught:
        database.write(FAILURES[failure])
    shown = "".join(traceback.format_exception(caught.value))
    # The lines of the program stand in a traceback: the test names the value only by its constant.
    assert SECRET not in shown
    assert SECRET not in caplog.text


def test_what_postgresql_quotes_of_data_is_left_out(database: Database):
    if database.engine.dialect.name == "sqlite":
        query, words = "SELECT json(:v)", "malformed JSON"
    else:
        query, words = "SELECT CAST(:v AS INTEGER)", "invalid input syntax for type integer"
    with database.read() as session, pytest.raises(StatementError, match=words) as caught:
        session.execute(text(query), {"v": f'{SECRET}"quoted'})
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "hidden" in shown


def test_every_engine_hides_parameters(database: Database):
    assert database.engine.hide_parameters
    made = [
        path
        for path in Path("app").rglob("*.py")
        if "create_engine(" in path.read_text() and path.name != "engine.py"
    ]
    assert not made
