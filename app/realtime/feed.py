"""Live events to browsers: at most one a window and topic (window length).

An event only says that a topic has changed; the browser then fetches what it shows. So a lost or merged event loses
nothing. Events are sent by a thread of their own: one slow browser never holds up the pipeline.
"""

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from app.clock import get_now_ms

log = structlog.get_logger(__name__)

# Seconds between two events of a topic (DESIGN section 2: <= 4 Hz).
WINDOW_S = 0.25
# Seconds in which changes of a busy time are taken together, whatever their topics.
LOOP_INTERVAL_S = 0.02

Emit = Callable[[str, dict[str, object]], None]


class Feed:
    """Merges changes: a topic that was quiet is sent at once, one just sent again at the end of its window.

    `emit` sends an event of a topic, only if `is_watched` is true of it; `publish_remote` gets the changes of this
    process, for the others. `window` is in seconds.
    """

    def __init__(
        self,
        emit: Emit,
        window: float = WINDOW_S,
        is_watched: Callable[[str], bool] = lambda _topic: True,
        publish_remote: Callable[[list[str]], None] | None = None,
    ) -> None:
        self._emit = emit
        self._window = window
        self._is_watched = is_watched
        self._filled = threading.Condition()
        self._local_topics: set[str] = set()
        self._remote_topics: set[str] = set()
        # When each topic that was just sent may be sent again (monotonic, s).
        self._quiet_until: dict[str, float] = {}
        self._rev = 0
        self._thread: threading.Thread | None = None
        self._publish_remote = publish_remote
        self._closed = False

    def publish(self, *, topics: Iterable[str]) -> None:
        """Take changed topics from any thread; never blocks and never raises."""
        self._add(topics, is_local=True)

    def receive(self, topics: Iterable[str]) -> None:
        """Take topics that changed in another process."""
        self._add(topics, is_local=False)

    def close(self) -> None:
        """End the thread; topics that were not sent yet are dropped."""
        with self._filled:
            self._closed = True
            self._filled.notify()

    def _add(self, topics: Iterable[str], *, is_local: bool) -> None:
        with self._filled:
            was_empty = not (self._local_topics or self._remote_topics)
            (self._local_topics if is_local else self._remote_topics).update(topics)
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="feed", daemon=True)
                self._thread.start()
            if was_empty:
                self._filled.notify()

    def _loop(self) -> None:
        while True:
            with self._filled:
                while not (self._local_topics or self._remote_topics or self._closed):
                    self._filled.wait()
                if self._closed:
                    return
                local, remote = self._pop_due()
            if self._publish_remote and local:
                self._publish_remote(sorted(local))
            for topic in local | remote:
                if self._is_watched(topic):
                    self._emit_change(topic)
            time.sleep(min(LOOP_INTERVAL_S, self._window))

    def _pop_due(self) -> tuple[set[str], set[str]]:
        """Take the local and the remote topics that may be sent now, and begin their windows."""
        now = time.monotonic()
        self._quiet_until = {topic: until for topic, until in self._quiet_until.items() if until > now}
        local = self._local_topics - self._quiet_until.keys()
        remote = self._remote_topics - self._quiet_until.keys()
        self._local_topics -= local
        self._remote_topics -= remote
        self._quiet_until.update(dict.fromkeys(local | remote, now + self._window))
        return local, remote

    def _emit_change(self, topic: str) -> None:
        # Grows over restarts and processes too, so that a browser can tell a new event from an old one.
        self._rev = max(self._rev + 1, get_now_ms())
        try:
            self._emit(topic, {"topic": topic, "rev": self._rev})
        except (OSError, RuntimeError, ValueError) as error:
            log.warning("live event not sent", topic=topic, error=str(error))
