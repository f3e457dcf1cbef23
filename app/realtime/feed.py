"""The feed: a doorbell for browsers, at most four rings a second for each topic.

An event only says that a topic has changed; the browser then fetches what it shows. So a lost or merged event loses
nothing, and one slow browser never holds up the pipeline: rings are sent by a thread of their own.
"""

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from app.web import now_ms, socketio

log = structlog.get_logger(__name__)

# Seconds between two rings of one topic (DESIGN section 2: <= 4 Hz).
WINDOW = 0.25

Emit = Callable[[str, dict[str, object]], None]


class Feed:
    """Merges changes: the first of a quiet time goes out at once, later ones at the end of the window."""

    def __init__(self, emit: Emit, window: float = WINDOW) -> None:
        self._emit = emit
        self._window = window
        self._wake = threading.Condition()
        self._waiting: set[str] = set()
        self._rung: dict[str, float] = {}
        self._rev = 0
        self._thread: threading.Thread | None = None

    def publish(self, _sender: object = None, *, topics: Iterable[str]) -> None:
        """Take changed topics from any thread; never blocks and never raises."""
        with self._wake:
            self._waiting.update(topics)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="feed", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _loop(self) -> None:
        while True:
            with self._wake:
                due, delay = self._due(time.monotonic())
                if not due:
                    self._wake.wait(delay)
                    continue
            for topic in due:
                self._ring(topic)

    def _due(self, now: float) -> tuple[list[str], float | None]:
        """Take the topics whose window is over; else tell how long to wait for the next."""
        self._rung = {topic: at for topic, at in self._rung.items() if now - at < self._window}
        due = [topic for topic in self._waiting if topic not in self._rung]
        self._waiting.difference_update(due)
        self._rung.update(dict.fromkeys(due, now))
        ends = [self._rung[topic] + self._window - now for topic in self._waiting]
        return due, min(ends, default=None)

    def _ring(self, topic: str) -> None:
        # Grows over restarts and processes too, so that a browser can tell a new ring from an old one.
        self._rev = max(self._rev + 1, now_ms())
        try:
            self._emit(topic, {"topic": topic, "rev": self._rev})
        except (OSError, RuntimeError, ValueError) as error:
            log.warning("live event not sent", topic=topic, error=str(error))


def _to_browsers(topic: str, event: dict[str, object]) -> None:
    socketio.emit("changed", event, to=topic)


feed = Feed(_to_browsers)
