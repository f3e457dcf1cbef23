"""The reserve of children: small while it is quiet, larger once it was used up, and small again."""

from typing import Any

from app.brains import limits
from app.brains.sandbox.process import Reserve


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def fill(reserve: Reserve) -> None:
    """Fork as a pool's thread does, until nothing is wanted."""
    while reserve.wanted:
        children: Any = range(reserve.wanted)
        reserve.add(children)


def test_few_children_wait_where_few_are_needed():
    reserve = Reserve(16, Seconds())
    fill(reserve)
    assert len(reserve) == limits.QUIET_READY_CHILDREN
    assert not reserve.is_low
    reserve.take()
    assert reserve.is_low
    fill(reserve)
    assert len(reserve) == limits.QUIET_READY_CHILDREN


def test_more_wait_once_they_were_used_up_and_the_surplus_goes_when_it_is_quiet():
    clock = Seconds()
    reserve = Reserve(16, clock)
    fill(reserve)
    for _ in range(limits.QUIET_READY_CHILDREN):
        reserve.take()
    fill(reserve)
    assert len(reserve) == limits.READY_CHILDREN
    clock.now += limits.IDLE_SECONDS
    assert reserve.take_surplus() == []
    clock.now += 1
    assert len(reserve.take_surplus()) == limits.READY_CHILDREN - limits.QUIET_READY_CHILDREN
    assert len(reserve) == limits.QUIET_READY_CHILDREN


def test_no_more_wait_than_may_run_at_once():
    reserve = Reserve(1, Seconds())
    fill(reserve)
    reserve.take()
    fill(reserve)
    assert len(reserve.take_all()) == 1
    assert len(reserve) == 0
