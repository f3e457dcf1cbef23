"""Follow-ups of writes: what an event loop does after a commit, all of one commit in one call.

A thread that waits for each write costs more than the write, and so does a call into a loop for each; the writer's own
thread is what everybody waits for, so nothing but SQL runs there (specs: performance-2 section 2, lever a).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

log = structlog.get_logger(__name__)

R = TypeVar("R")
# Calls something later in a thread of its own, such as an event loop's `call_soon_threadsafe`.
CallSoon = Callable[[Callable[[], None]], object]

_Call = tuple[Callable[[Any, Exception | None], None], Any, Exception | None]


class FollowUp(NamedTuple, Generic[R]):
    """What follows a write: `call(result, None)` after its commit, or `call(None, error)`, through `call_soon`."""

    call: Callable[[R | None, Exception | None], None]
    call_soon: CallSoon


class FollowUpBatch:
    """Follow-ups of one commit, delivered by one call into each loop that waits for some."""

    def __init__(self) -> None:
        self._calls: dict[CallSoon, list[_Call]] = {}

    def add(self, follow_up: FollowUp[Any], result: Any, error: Exception | None) -> None:
        """Take in the outcome of a write."""
        self._calls.setdefault(follow_up.call_soon, []).append((follow_up.call, result, error))

    def deliver(self) -> None:
        """Hand everything to the loops; one that has ended is left out, as after a crash."""
        for call_soon, calls in self._calls.items():
            try:
                call_soon(partial(_call_all, calls))
            except RuntimeError as error:
                log.warning("follow-ups dropped", count=len(calls), reason=str(error))


def _call_all(calls: Sequence[_Call]) -> None:
    for call, result, error in calls:
        try:
            call(result, error)
        except Exception:  # the border of a loop: one failure must not take the others' follow-ups along
            log.exception("follow-up failed")
