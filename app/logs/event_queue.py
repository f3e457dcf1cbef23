"""Bounded queue of log events: number and bytes it holds, an exact count of what it had no room for."""

import threading
from typing import Any, Final, NamedTuple

MAX_EVENTS: Final = 20_000
MAX_BYTES: Final = 32 * 1024 * 1024
# What a line of our own is counted as: it is not measured before it is rendered.
LINE_BYTES: Final = 500


class QueueCounts(NamedTuple):
    """Events offered since the start, and how many of them were dropped."""

    offered: int
    dropped: int


class EventQueue:
    """Takes items from any thread without waiting, hands them to one thread; `wake` is set at the first and when full.

    An item stands for one event or for the several of one request.
    """

    def __init__(self, batch: int, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._batch = batch
        self._max_events = max_events
        self._max_bytes = max_bytes
        # Held for a few instructions; appends to a list and its exchange for an empty one.
        self._lock = threading.Lock()
        self._items: list[Any] = []
        self._events = self._bytes = 0
        self._offered = self._dropped = 0
        self.wake = threading.Event()
        self.is_full_batch = threading.Event()

    def put(self, item: Any, events: int = 1, size: int = LINE_BYTES) -> bool:
        """Queue an item; False when there was no room, and its events are counted as dropped."""
        with self._lock:
            self._offered += events
            if self._events + events > self._max_events or self._bytes + size > self._max_bytes:
                self._dropped += events
                return False
            was_empty, was_below = not self._items, self._events < self._batch
            self._items.append(item)
            self._events += events
            self._bytes += size
            is_batch = was_below and self._events >= self._batch
        if was_empty:
            self.wake.set()
        if is_batch:
            self.is_full_batch.set()
        return True

    def refuse(self, events: int) -> None:
        """Count events as offered and not taken, whose sender is told so and keeps them."""
        with self._lock:
            self._offered -= events
            self._dropped -= events

    def take(self) -> list[Any]:
        """Return everything that is queued."""
        with self._lock:
            items, self._items = self._items, []
            self._events = self._bytes = 0
            self.wake.clear()
            self.is_full_batch.clear()
        return items

    @property
    def counts(self) -> QueueCounts:
        """What was offered and dropped since the start."""
        with self._lock:
            return QueueCounts(self._offered, self._dropped)

    @property
    def depth(self) -> int:
        """How many events wait."""
        return self._events
