"""Runner: every event once and in order over failures; refused ones are left out; one warning a trouble."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from app.logs.event import LogEvent
from app.logs.forwarding import sink_runner
from app.logs.forwarding.sink_runner import RunnerTask, SinkRunner
from app.logs.sinks.contract import RefusedBatchError, SinkError
from app.logs.store import EventStore
from app.logs.store.cursors import EventFilter, SinkCursor, begin_cursor, claim_lease, load_cursors, retry_now
from tests.conftest import Clock
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import wait_until


class ListSink:
    """A sink that keeps what it takes; `check` may refuse a batch."""

    def __init__(self, check: Callable[[Sequence[LogEvent]], int] = lambda _events: 0) -> None:
        self.taken: list[str] = []
        self.batches: list[int] = []
        self.check = check
        self.is_closed = False

    def send(self, events: Sequence[LogEvent]) -> int:
        self.batches.append(len(events))
        refused = self.check(events)
        self.taken += [event.event_id for event in events]
        return refused

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def run(
    file_store: EventStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., SinkRunner]]:
    monkeypatch.setattr(sink_runner, "LOOK_S", 0.02)
    begin_cursor(file_store, 1)
    claim_lease(file_store, "me", 0)
    started: list[SinkRunner] = []

    def start(sink: ListSink, wanted: EventFilter | None = None) -> SinkRunner:
        made = SinkRunner(file_store, "me", RunnerTask(1, "a sink", sink, wanted or EventFilter()), clock)
        started.append(made)
        made.start()
        return made

    yield start
    for each in started:
        each.stop(5)


@pytest.fixture
def list_lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[Any]]:
    """Return what lists the events that were logged."""
    caplog.set_level(logging.INFO)
    return lambda: [record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)]


def get_cursor(store: EventStore) -> SinkCursor:
    return load_cursors(store)[1]


def insert(store: EventStore, first: int, last: int, **fields: object) -> None:
    store.insert([make_event(n, **fields) for n in range(first, last + 1)])


def list_ids(first: int, last: int) -> list[str]:
    return [f"e{n}" for n in range(first, last + 1)]


def test_everything_is_sent_in_order_and_the_place_is_kept(run, file_store: EventStore):
    sink = ListSink()
    insert(file_store, 1, 450)
    runner = run(sink)
    wait_until(lambda: get_cursor(file_store).sent == 450)
    assert sink.taken == list_ids(1, 450)
    assert sink.batches == [200, 200, 50]
    runner.stop(5)
    assert sink.is_closed
    insert(file_store, 451, 460)
    again = ListSink()
    run(again)
    wait_until(lambda: get_cursor(file_store).sent == 460)
    assert again.taken == list_ids(451, 460)


def test_a_failure_is_waited_out_and_told_once(run, file_store: EventStore, clock: Clock, list_lines):
    is_down = threading.Event()
    is_down.set()

    def check(_events: Sequence[LogEvent]) -> int:
        if is_down.is_set():
            raise SinkError("Nobody listens.")
        return 0

    sink = ListSink(check)
    insert(file_store, 1, 3)
    run(sink)
    wait_until(lambda: get_cursor(file_store).failures == 1)
    time.sleep(0.2)
    assert len(sink.batches) == 1
    first = get_cursor(file_store)
    assert (first.problem, first.failing_since, first.position) == ("Nobody listens.", clock(), 0)
    assert 750 <= first.retry_at - clock() <= 1250
    for failures in (2, 3, 4):
        clock.now = get_cursor(file_store).retry_at
        wait_until(lambda failures=failures: get_cursor(file_store).failures == failures)
    assert get_cursor(file_store).retry_at - clock() >= 6000
    is_down.clear()
    retry_now(file_store, 1)
    wait_until(lambda: get_cursor(file_store).sent == 3)
    after = get_cursor(file_store)
    assert (after.failures, after.failing_since, after.problem) == (0, None, "")
    assert list_lines() == [
        "log sink takes no events; they wait",
        "log sink takes events again",
    ]


def test_a_sink_that_asks_for_time_gets_it(run, file_store: EventStore, clock: Clock):
    def check(_events: Sequence[LogEvent]) -> int:
        raise SinkError("Too many.", 60)

    insert(file_store, 1, 1)
    run(ListSink(check))
    wait_until(lambda: get_cursor(file_store).failures == 1)
    assert get_cursor(file_store).retry_at - clock() >= 45_000


def refuse_tens(events: Sequence[LogEvent]) -> int:
    if any(event.event_id.endswith("0") for event in events):
        raise RefusedBatchError("One of them is wrong.")
    return 0


def test_an_event_that_is_refused_alone_is_left_out_and_counted(run, file_store: EventStore, list_lines):
    sink = ListSink(refuse_tens)
    insert(file_store, 1, 100)
    run(sink)
    wait_until(lambda: get_cursor(file_store).position == 100)
    cursor = get_cursor(file_store)
    assert (cursor.sent, cursor.refused, cursor.problem) == (90, 10, "One of them is wrong.")
    assert sink.taken == [each for each in list_ids(1, 100) if not each.endswith("0")]
    assert list_lines() == ["log sink refuses events; they are left out"]


def test_a_sink_that_refuses_everything_loses_nothing(run, file_store: EventStore):
    def check(_events: Sequence[LogEvent]) -> int:
        raise RefusedBatchError("Wrong address.")

    sink = ListSink(check)
    insert(file_store, 1, 300)
    run(sink)
    wait_until(lambda: get_cursor(file_store).failures == 1)
    cursor = get_cursor(file_store)
    assert (cursor.position, cursor.sent, cursor.refused, cursor.problem) == (0, 0, 0, "Wrong address.")
    assert len(sink.batches) < 100


def test_what_was_taken_before_a_failure_is_not_sent_again(run, file_store: EventStore, clock: Clock):
    state = {"is_down": True}

    def check(events: Sequence[LogEvent]) -> int:
        if len(events) > 50:
            raise RefusedBatchError("Too large.")
        if state["is_down"] and events[0].event_id == "e51":
            raise SinkError("Gone.")
        return 0

    sink = ListSink(check)
    insert(file_store, 1, 200)
    run(sink)
    wait_until(lambda: get_cursor(file_store).failures == 1)
    assert (get_cursor(file_store).position, get_cursor(file_store).sent) == (50, 50)
    state["is_down"] = False
    clock.now = get_cursor(file_store).retry_at
    wait_until(lambda: get_cursor(file_store).sent == 200)
    assert sink.taken == list_ids(1, 200)


def test_large_events_go_in_smaller_batches(run, file_store: EventStore):
    sink = ListSink()
    insert(file_store, 1, 100, text="x" * 16_000, data={"a": "y" * 14_000})
    run(sink)
    wait_until(lambda: get_cursor(file_store).sent == 100)
    assert max(sink.batches) < 40


def test_a_filter_leaves_events_out(run, file_store: EventStore):
    sink = ListSink()
    file_store.insert([make_event(n, level=17 if n % 2 else 9) for n in range(1, 11)])
    run(sink, EventFilter(13))
    wait_until(lambda: get_cursor(file_store).sent == 5)
    assert sink.taken == ["e1", "e3", "e5", "e7", "e9"]


def test_who_has_lost_the_lease_stops(run, file_store: EventStore):
    runner = run(ListSink())
    claim_lease(file_store, "another", 10**15)
    insert(file_store, 1, 3)
    wait_until(lambda: not runner.is_running)
    assert get_cursor(file_store).sent == 0
