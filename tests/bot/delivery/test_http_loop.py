"""Event loop of what goes out: started by the first call, with one session, and ended for good."""

import threading
from concurrent.futures import Future

import pytest

from app.bot.delivery.http_loop import THREAD_NAME, HttpLoop
from app.http_client import HttpSession


def has_thread() -> bool:
    return any(each.name == THREAD_NAME for each in threading.enumerate())


def read_session(loop: HttpLoop) -> HttpSession:
    found: Future[HttpSession] = Future()
    loop.submit(lambda: found.set_result(loop.get_http()))
    return found.result(5)


def test_it_starts_with_the_first_call_and_ends_with_its_session():
    loop = HttpLoop()
    assert not has_thread()
    first = read_session(loop)
    assert has_thread()
    assert read_session(loop) is first
    loop.close()
    assert not has_thread()
    assert first.files.closed
    with pytest.raises(RuntimeError, match="ended"):
        loop.submit(lambda: None)
    assert not has_thread()


def test_what_the_loop_itself_submits_is_called_at_once():
    loop, seen, done = HttpLoop(), [], threading.Event()

    def act() -> None:
        loop.submit(seen.append, "inner")
        seen.append("outer")
        done.set()

    loop.submit(act)
    assert done.wait(5)
    assert seen == ["inner", "outer"]
    loop.close()


def test_waiting_for_work_starts_no_thread():
    loop, done = HttpLoop(), threading.Event()

    async def work() -> None:
        done.set()

    loop.wait_for(work, 5)
    assert not done.is_set()
    assert not has_thread()
    read_session(loop)
    loop.wait_for(work, 5)
    assert done.is_set()
    loop.close()
