"""The thread of slow work: it looks again whatever goes wrong, at once while there is more, and ends when told to."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.bot.polling import Poller

LONG = 60.0


@contextmanager
def run_poller(
    look: Callable[[], bool | None], failed: Callable[[Exception], None] = lambda _error: None, **pace: float
) -> Iterator[Poller]:
    beside = Poller("a-look", look, failed, **pace)
    beside.start()
    try:
        yield beside
    finally:
        beside.stop(10)


def list_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "a-look"]


def test_a_job_that_fails_is_reported_and_the_same_thread_runs_it_again():
    looks: queue.Queue[threading.Thread] = queue.Queue()
    told: list[Exception] = []

    def look() -> None:
        looks.put(threading.current_thread())
        if looks.qsize() <= 2:
            raise ZeroDivisionError("somebody's words")

    with run_poller(look, told.append, interval_s=0.01):
        deadline = time.monotonic() + 10
        while looks.qsize() < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(list_threads()) == 1
    assert len({looks.get_nowait().ident for _ in range(4)}) == 1
    assert [str(each) for each in told] == ["somebody's words"] * 2


def test_it_waits_shortly_while_there_is_more_and_longer_when_there_is_not():
    looks: queue.Queue[float] = queue.Queue()
    left = [True, True, False, False]

    def look() -> bool:
        looks.put(time.monotonic())
        return left.pop(0) if left else False

    with run_poller(look, interval_s=2.0):
        at = [looks.get(timeout=10) for _ in range(4)]
    assert at[2] - at[0] < 1.9 < at[3] - at[2]


def test_after_a_failure_it_pauses_even_when_there_may_be_more():
    told: queue.Queue[Exception] = queue.Queue()

    def look() -> bool:
        raise OSError

    with run_poller(look, told.put, interval_s=0.3):
        told.get(timeout=10)
        began = time.monotonic()
        told.get(timeout=10)
        assert time.monotonic() - began > 0.2


def test_a_stop_ends_a_pause_and_waits_for_the_job_under_way():
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def look() -> None:
        began.set()
        may_end.wait(10)
        ended.set()

    with run_poller(look, interval_s=0.01) as beside:
        assert began.wait(10)
        beside.stop(0.05)
        assert list_threads()
        assert not ended.is_set()
        may_end.set()
        beside.stop(10)
        assert ended.is_set()
        assert not list_threads()
    with run_poller(look, interval_s=LONG):
        pass
    assert not list_threads()


def test_more_work_does_not_put_off_a_stop():
    began = threading.Event()

    def look() -> bool:
        began.set()
        return True

    with run_poller(look, interval_s=0.01):
        assert began.wait(10)
    assert not list_threads()


def test_what_was_never_started_can_be_stopped():
    Poller("a-look", lambda: None, lambda _error: None).stop(LONG)
    assert not list_threads()
