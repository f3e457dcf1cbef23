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

# Seconds between two rings of a topic (DESIGN section 2: <= 4 Hz).
WINDOW = 0.25
# Seconds in which changes of a busy time are taken together, whatever their topics.
STEP = 0.02

Emit = Callable[[str, dict[str, object]], None]


class Feed:
    """Merges changes: a topic that was quiet rings at once, one that has just rung again at the end of its window.

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
        # When each topic that has just rung, or was told of, may be again (monotonic, s).
        self._resting: dict[str, float] = {}
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
                own, heard = self._rested()
            if self.tell and own:
                self.tell(sorted(own))
            for topic in own | heard:
                if self._watched(topic):
                    self._ring(topic)
            time.sleep(min(STEP, self._window))

    def _rested(self) -> tuple[set[str], set[str]]:
        """Take the topics that may ring now from both piles, and let them rest."""
        now = time.monotonic()
        self._resting = {topic: until for topic, until in self._resting.items() if until > now}
        own, heard = self._own - self._resting.keys(), self._heard - self._resting.keys()
        self._own -= own
        self._heard -= heard
        self._resting.update(dict.fromkeys(own | heard, now + self._window))
        return own, heard

    def _ring(self, topic: str) -> None:
        # Grows over restarts and processes too, so that a browser can tell a new ring from an old one.
        self._rev = max(self._rev + 1, now_ms())
        try:
            self._emit(topic, {"topic": topic, "rev": self._rev})
        except (OSError, RuntimeError, ValueError) as error:
            log.warning("live event not sent", topic=topic, error=str(error))
