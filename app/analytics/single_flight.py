"""Sharing: whoever asks the same while an answer is being worked out gets the next one, all of them together.

A change rings in every open tab at once. Each tab must get numbers read after its ring, so an answer that is already
being worked out will not do; but the one after it serves all that wait. Nothing is kept, so nothing can be out of date.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Sharing(Generic[T]):
    """Works one thing out at a time; `work` begins after every question it answers was asked."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._turn = Lock()
        self._waiting: dict[Hashable, Future[T]] = {}

    def ask(self, what: Hashable, work: Callable[[], T]) -> T:
        """Return what `work` returns; raises what it raises, and CancelledError for those who only waited for it."""
        with self._lock:
            answer = self._waiting.get(what)
            first = answer is None
            if answer is None:
                answer = self._waiting[what] = Future()
        if first:
            self._answer(what, work, answer)
        return answer.result()

    def _answer(self, what: Hashable, work: Callable[[], T], answer: "Future[T]") -> None:
        with self._turn:
            with self._lock:
                # Who comes from now on asks after the work has begun, and waits for the next.
                del self._waiting[what]
            try:
                answer.set_result(work())
            finally:
                answer.cancel()
