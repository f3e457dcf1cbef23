"""The writer: one thread, grouped commits, and a bad payload that hurts only itself."""

import threading
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection, text

from app.db.writer import Database


def list_rows(database: Database) -> list[str]:
    with database.engine.connect() as db:
        # The index of words keeps its mark there too.
        query = "SELECT name FROM counter WHERE name NOT LIKE 'words.%' ORDER BY name"
        return list(db.execute(text(query)).scalars())


def add(db: Connection, names: Sequence[str]) -> list[int]:
    for name in names:
        if name.startswith("bad"):
            raise ValueError(name)
        db.execute(text("INSERT INTO counter (name, n) VALUES (:name, 1)"), {"name": name})
    return [len(names)] * len(names)


def hold_writer(database: Database) -> threading.Event:
    """Keep the writer busy until the returned event is set, so that what follows waits together."""
    entered, gate = threading.Event(), threading.Event()

    def hold(_db: Connection, payloads: Sequence[None]) -> list[bool]:
        entered.set()
        return [gate.wait(5) for _ in payloads]

    database.writer.submit(hold, None)
    assert entered.wait(5)
    return gate


def test_what_waits_together_is_committed_together(database: Database):
    gate = hold_writer(database)
    futures = [database.writer.submit(add, f"n{n}") for n in range(20)]
    gate.set()
    assert {future.result(5) for future in futures} == {20}
    assert len(list_rows(database)) == 20


def test_a_payload_that_fails_hurts_only_itself(database: Database):
    gate = hold_writer(database)
    futures = {name: database.writer.submit(add, name) for name in ("a", "bad", "b")}
    gate.set()
    assert futures["a"].result(5) == 1
    assert futures["b"].result(5) == 1
    with pytest.raises(ValueError, match="bad"):
        futures["bad"].result(5)
    assert list_rows(database) == ["a", "b"]


def test_a_job_that_raises_leaves_nothing_and_the_writer_goes_on(database: Database):
    def job(db: Connection) -> None:
        add(db, ["kept?"])
        raise LookupError

    with pytest.raises(LookupError):
        database.writer.run(job)
    assert list_rows(database) == []
    database.writer.run(lambda db: add(db, ["next"]))
    assert list_rows(database) == ["next"]


def test_a_future_resolves_only_after_the_commit(database: Database):
    seen: list[list[str]] = []
    future = database.writer.submit(add, "x")
    future.add_done_callback(lambda _done: seen.append(list_rows(database)))
    future.result(5)
    while not seen:
        threading.Event().wait(0.01)
    assert seen == [["x"]]


def test_closing_commits_what_is_queued_and_refuses_the_rest(database: Database):
    futures = [database.writer.submit(add, f"n{n}") for n in range(5)]
    database.writer.close()
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError, match="closed"):
        database.writer.submit(add, "late")
