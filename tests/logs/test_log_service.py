"""The service: lines and events arrive in order, drops are counted exactly, a lost database is waited for."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future

import pytest
import structlog

from app.logs.event_queue import EventQueue
from app.logs.log_service import LogService, StoreBusyError
from app.logs.store.event_search import EventQuery, search_events, sum_counts
from app.signals import changed
from tests.logs.conftest import make_event


def wait_until(is_true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.02)


def count_stored(service: LogService) -> int:
    return sum_counts(service.store)["stored"]


def list_texts(service: LogService) -> list[str]:
    return [event.text for event in search_events(service.store, EventQuery(), 10_000).events][::-1]


def test_lines_of_ours_and_events_of_others_stand_in_one_store(service: LogService):
    service.attach("web")
    structlog.get_logger("app.web").info("ours")
    service.submit([make_event(1, text="theirs")], 100)
    wait_until(lambda: len(list_texts(service)) == 2)
    assert set(list_texts(service)) == {"ours", "theirs"}


def test_nothing_of_what_is_offered_waits(service: LogService):
    service.attach("web")
    log = logging.getLogger("app.web")
    with service.store.write():
        began = time.perf_counter()
        for number in range(1_000):
            log.info("line %d", number)
        assert time.perf_counter() - began < 1
    wait_until(lambda: count_stored(service) >= 1_000)
    assert list_texts(service)[:1000] == [f"line {number}" for number in range(1_000)]


def test_what_finds_no_room_is_counted_and_the_count_is_stored(service: LogService):
    service.queue = EventQueue(500, max_events=100)
    with service.store.write():
        service.submit([make_event(0)], 1)
        wait_until(lambda: service.queue.depth == 0)
        taken = sum(service.submit([make_event(n)], 1) for n in range(1, 301))
    assert taken == 100
    wait_until(lambda: count_stored(service) == 101)
    wait_until(lambda: sum_counts(service.store)["stored"] == 101)
    assert sum_counts(service.store) == {"offered": 301, "stored": 101, "dropped": 200}


def test_a_durable_event_is_there_when_its_sender_is_told(service: LogService):
    for number in range(5):
        service.submit_durable([make_event(number)], 10).result(5)
        assert len(list_texts(service)) == number + 1


def test_a_durable_event_that_finds_no_room_is_refused_and_no_drop(service: LogService):
    service.queue = EventQueue(500, max_events=1)
    with pytest.raises(StoreBusyError):
        service.submit_durable([make_event(1), make_event(2)], 10)
    assert service.queue.counts == (0, 0)


def test_a_lost_database_is_told_once_and_waited_for(service: LogService):
    service.attach("web")
    service.submit_durable([make_event(0)], 1).result(5)
    service.store.run(lambda db: db.exec_driver_sql("ALTER TABLE log_event RENAME TO away"))
    refused: Future[None] = service.submit_durable([make_event(1)], 1)
    with pytest.raises(StoreBusyError):
        refused.result(5)
    logging.getLogger("app.web").info("meanwhile")
    time.sleep(1.5)
    with pytest.raises(StoreBusyError):
        service.submit_durable([make_event(2)], 1)
    service.store.run(lambda db: db.exec_driver_sql("ALTER TABLE away RENAME TO log_event"))
    wait_until(lambda: "meanwhile" in list_texts(service))
    assert list_texts(service) == ["line 0", "log events not stored; tried again", "meanwhile"]
    service.submit_durable([make_event(3)], 1).result(5)


def test_pages_are_told_of_new_lines_but_not_of_lines_about_telling(service: LogService):
    told: list[object] = []

    def receiver(*, topics: object) -> None:
        told.append(topics)

    changed.connect(receiver)
    service.attach("web")
    logging.getLogger("app.realtime.feed").warning("live event not sent")
    wait_until(lambda: count_stored(service) == 1)
    assert told == []
    logging.getLogger("app.web").info("x")
    wait_until(lambda: count_stored(service) == 2)
    changed.disconnect(receiver)
    assert told == [{"logs"}]


def test_closing_stores_what_is_queued(service: LogService):
    service.attach("cli")
    logging.getLogger("app.cli").info("last words")
    service.close()
    assert list_texts(service) == ["last words"]
