"""Follow-ups: each loop hears once a commit of all its writes, and one failure takes nobody else along."""

import threading
from collections.abc import Callable, Sequence

import pytest
import structlog
from sqlalchemy import Connection

from app.db.follow_up import FollowUp
from app.db.writer import Database
from tests.db.test_writer import add, hold_writer, list_rows


class Loop:
    """Calls at once what it is given, and counts how often that was."""

    def __init__(self) -> None:
        self.calls = 0
        self.outcomes: list[tuple[object, str | None]] = []
        self.ended = threading.Event()
        self.expected = 0

    def call_soon(self, call: Callable[[], None]) -> None:
        self.calls += 1
        call()

    def note(self, result: object, error: Exception | None) -> None:
        self.outcomes.append((result, str(error) if error else None))
        if len(self.outcomes) == self.expected:
            self.ended.set()


def post(database: Database, loop: Loop, names: Sequence[str]) -> None:
    gate = hold_writer(database)
    loop.expected += len(names)
    for name in names:
        database.writer.post(add, name, FollowUp(loop.note, loop.call_soon))
    gate.set()
    assert loop.ended.wait(5)


def test_all_follow_ups_of_a_commit_are_one_call_of_their_loop(database: Database):
    loop = Loop()
    post(database, loop, [f"n{n}" for n in range(20)])
    assert loop.calls == 1
    assert loop.outcomes == [(20, None)] * 20


def test_each_loop_hears_only_of_its_own_writes(database: Database):
    mine, other = Loop(), Loop()
    gate = hold_writer(database)
    mine.expected, other.expected = 1, 2
    for name, loop in (("a", mine), ("b", other), ("c", other)):
        database.writer.post(add, name, FollowUp(loop.note, loop.call_soon))
    gate.set()
    assert mine.ended.wait(5)
    assert other.ended.wait(5)
    assert (mine.calls, other.calls) == (1, 1)
    assert (len(mine.outcomes), len(other.outcomes)) == (1, 2)


def test_a_write_that_fails_is_told_with_its_error_and_the_others_with_their_results(database: Database):
    loop = Loop()
    post(database, loop, ["a", "bad one", "b"])
    assert sorted(loop.outcomes, key=str) == [(1, None), (1, None), (None, "bad one")]
    assert list_rows(database) == ["a", "b"]


def test_a_follow_up_comes_only_after_the_commit(database: Database):
    seen: list[list[str]] = []
    ended = threading.Event()

    def look(_result: object, _error: Exception | None) -> None:
        seen.append(list_rows(database))
        ended.set()

    database.writer.post(add, "x", FollowUp(look, lambda call: call()))
    assert ended.wait(5)
    assert seen == [["x"]]


def test_one_follow_up_that_raises_takes_no_other_along_and_is_logged(database: Database):
    loop = Loop()
    loop.expected = 2

    def fail(_result: object, _error: Exception | None) -> None:
        raise LookupError("nobody")

    with structlog.testing.capture_logs() as lines:
        gate = hold_writer(database)
        for name, call in (("a", loop.note), ("b", fail), ("c", loop.note)):
            database.writer.post(add, name, FollowUp(call, loop.call_soon))
        gate.set()
        assert loop.ended.wait(5)
    assert [each["event"] for each in lines] == ["follow-up failed"]


def test_the_follow_ups_of_a_loop_that_has_ended_are_dropped_and_the_writer_goes_on(database: Database):
    def refuse(_call: Callable[[], None]) -> None:
        raise RuntimeError("Event loop is closed")

    def never(_result: object, _error: Exception | None) -> None:
        pytest.fail("called after the end of its loop")

    database.writer.post(add, "x", FollowUp(never, refuse))
    database.writer.run(lambda db: _add(db, "y"))
    assert list_rows(database) == ["x", "y"]


def _add(db: Connection, name: str) -> None:
    add(db, [name])
