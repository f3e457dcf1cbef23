"""Coroutines run without tasks: results, errors, several waits, and what never goes on."""

import gc
from typing import Any

import pytest

from app.db.commit_wait import Resume, Wait, run


class Outside:
    """What waits are for: each is ended by hand."""

    def __init__(self) -> None:
        self.waiting: list[Resume] = []

    def wait(self) -> Wait[Any]:
        return Wait(self.waiting.append)


def collect() -> tuple[list[tuple[Any, Exception | None]], Resume]:
    ends: list[tuple[Any, Exception | None]] = []
    return ends, lambda result, error: ends.append((result, error))


def test_a_coroutine_goes_on_with_what_each_wait_ends_with():
    outside, (ends, on_end) = Outside(), collect()

    async def add() -> int:
        return await outside.wait() + await outside.wait()

    run(add(), on_end)
    outside.waiting[0](1, None)
    assert ends == []
    outside.waiting[1](2, None)
    assert ends == [(3, None)]


def test_what_waits_for_nothing_ends_at_once():
    ends, on_end = collect()

    async def answer() -> str:
        return "ok"

    run(answer(), on_end)
    assert ends == [("ok", None)]


def test_the_error_of_a_wait_is_raised_where_it_is_awaited():
    outside, (ends, on_end) = Outside(), collect()

    async def store() -> str:
        try:
            await outside.wait()
        except LookupError as error:
            return f"caught {error}"
        return "stored"

    run(store(), on_end)
    outside.waiting[0](None, LookupError("nothing"))
    assert ends == [("caught nothing", None)]


def test_what_a_coroutine_raises_is_handed_over():
    outside, (ends, on_end) = Outside(), collect()

    async def fail() -> None:
        await outside.wait()
        raise ValueError("broken")

    run(fail(), on_end)
    outside.waiting[0](None, None)
    [(result, error)] = ends
    assert result is None
    assert isinstance(error, ValueError)


@pytest.mark.filterwarnings("error")
def test_a_wait_that_never_ends_leaves_nothing_behind():
    outside, (ends, on_end) = Outside(), collect()
    closed: list[str] = []

    async def hold() -> None:
        try:
            await outside.wait()
        finally:
            closed.append("closed")

    run(hold(), on_end)
    outside.waiting.clear()
    gc.collect()
    assert closed == ["closed"]
    assert ends == []
