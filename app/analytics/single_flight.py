"""Single flight: equal concurrent requests share one computation that began after all of them.

A change rings in every open tab at once. Each tab must get numbers read after its ring, so an answer that is already
being worked out will not do; but the one after it serves all that wait. Nothing is kept, so nothing can be out of date.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Single flight: one computation at a time; `work` begins after every request it answers."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running = Lock()
        self._waiting: dict[Hashable, Future[T]] = {}

    def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return the result of `work`; raises what it raises, and CancelledError for those who only waited for it."""
        with self._lock:
            answer = self._waiting.get(key)
            first = answer is None
            if answer is None:
                answer = self._waiting[key] = Future()
        if first:
            self._run(key, work, answer)
        return answer.result()

    def _run(self, key: Hashable, work: Callable[[], T], answer: "Future[T]") -> None:
        with self._running:
            with self._lock:
                # Who comes from now on asks after the work has begun, and waits for the next.
                del self._waiting[key]
            try:
                answer.set_result(work())
            finally:
                answer.cancel()
