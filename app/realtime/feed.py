"""The feed: a doorbell for browsers, at most four rings a second for each topic.

An event only says that a topic has changed; the browser then fetches what it shows. So a lost or merged event loses
nothing, and one slow browser never holds up the pipeline: rings are sent by a thread of their own.
"""

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from app.web import now_ms

log = structlog.get_logger(__name__)

# Seconds between two rings (DESIGN section 2: <= 4 Hz).
WINDOW = 0.25

Emit = Callable[[str, dict[str, object]], None]


class Feed:
    """Merges changes: the first of a quiet time goes out at once, later ones together at the end of the window.

    Only topics that `watched` names are rung; `tell` carries the changes of this process to the others.
    """

    def __init__(
        self, emit: Emit, window: float = WINDOW, watched: Callable[[str], bool] = lambda _topic: True
    ) -> None:
        self._emit = emit
        self._window = window
        self._watched = watched
        self._filled = threading.Condition()
        self._own: set[str] = set()
        self._heard: set[str] = set()
        self._rev = 0
        self._thread: threading.Thread | None = None
        self.tell: Callable[[list[str]], None] | None = None

    def publish(self, _sender: object = None, *, topics: Iterable[str]) -> None:
        """Take changed topics from any thread; never blocks and never raises."""
        self._take(topics, own=True)

    def hear(self, topics: Iterable[str]) -> None:
        """Take topics that changed in another process."""
        self._take(topics, own=False)

    def _take(self, topics: Iterable[str], *, own: bool) -> None:
        with self._filled:
            quiet = not (self._own or self._heard)
            # Chosen under the lock: the loop swaps both piles, and a topic added to the old one would be lost.
            (self._own if own else self._heard).update(topics)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="feed", daemon=True)
                self._thread.start()
            if quiet:
                self._filled.notify()

    def _loop(self) -> None:
        while True:
            with self._filled:
                while not (self._own or self._heard):
                    self._filled.wait()
                own, heard = self._own, self._heard
                self._own, self._heard = set(), set()
            if self.tell and own:
                self.tell(sorted(own))
            for topic in own | heard:
                if self._watched(topic):
                    self._ring(topic)
            time.sleep(self._window)

    def _ring(self, topic: str) -> None:
        # Grows over restarts and processes too, so that a browser can tell a new ring from an old one.
        self._rev = max(self._rev + 1, now_ms())
        try:
            self._emit(topic, {"topic": topic, "rev": self._rev})
        except (OSError, RuntimeError, ValueError) as error:
            log.warning("live event not sent", topic=topic, error=str(error))
