"""Logging service of a process: one thread that redacts, stores and announces what is queued; batch size, interval."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.logs.capture import CapturedLine, CaptureHandler, LineConverter
from app.logs.event import EventIds, LogEvent
from app.logs.event_queue import EventQueue
from app.logs.event_redaction import Redactor
from app.logs.store.event_store import EventStore, ProcessCounts
from app.signals import changed
from app.topics import logs

log = structlog.get_logger(__name__)

BATCH_EVENTS: Final = 1_000
INTERVAL_S: Final = 0.2
# With so many events in an interval, one more is waited for: a commit writes each page of the indexes that it touches.
_BUSY_EVENTS: Final = 100
# While somebody waits for the commit, others are given this long (s) to join in.
GATHER_S: Final = 0.003
_RETRY_S: Final = 1.0
_CLOSE_S: Final = 5.0
# Lines of these tell of what announcing does: announcing them again would go round in circles.
_QUIET: Final = ("app.realtime", "app.logs")


class StoreBusyError(Exception):
    """No room in the queue, or no database to store in: the sender keeps its events and tries again."""


class Submission(NamedTuple):
    """Events of one request; `waiter`, if any, learns of their commit."""

    events: Sequence[LogEvent]
    waiter: "Future[None] | None" = None


class LogService:
    """Takes events from any thread; they are stored by a thread of its own, which starts with the first.

    Without a commit to wait for, nothing that offers an event waits; what finds no room is counted.
    """

    def __init__(self, store: EventStore, redactor: Redactor, clock: Callable[[], int]) -> None:
        self.store = store
        self.redactor = redactor
        self.ids = EventIds()
        self.clock = clock
        self.queue = EventQueue(BATCH_EVENTS)
        self._converter = LineConverter("web", self.ids, redactor, clock)
        self._role = "web"
        self._handler: CaptureHandler | None = None
        self._thread: threading.Thread | None = None
        self._start_lock = threading.Lock()
        self._closing = False
        self._held: list[LogEvent] = []
        self._stored = 0
        self._is_troubled = False
        self._started_at = clock()
        self._listeners: tuple[Callable[[], None], ...] = ()

    def attach(self, role: str) -> None:
        """Store the log lines of this process from now on; `role`: web, worker, embedded (both) or cli."""
        self._role = role
        self._converter = LineConverter(role, self.ids, self.redactor, self.clock)
        self._handler = CaptureHandler(self.queue, self._start)
        logging.getLogger().addHandler(self._handler)

    def connect(self, listener: Callable[[], None]) -> None:
        """Call a function after each commit of new events, in the service's thread."""
        self._listeners = (*self._listeners, listener)

    def submit(self, events: Sequence[LogEvent], size: int) -> bool:
        """Queue events of `size` bytes without waiting; False when there was no room, and they are counted."""
        self._start()
        return self.queue.put(Submission(events), len(events), size)

    def submit_durable(self, events: Sequence[LogEvent], size: int) -> "Future[None]":
        """Queue events; the future ends after their commit. Raises StoreBusyError, also in the future."""
        self._start()
        waiter: Future[None] = Future()
        if self._is_troubled:
            raise StoreBusyError
        if not self.queue.put(Submission(events, waiter), len(events), size):
            self.queue.refuse(len(events))
            raise StoreBusyError
        # A commit of its own for each would hold the others up: the interval is cut short for all who wait.
        self.queue.is_full_batch.set()
        return waiter

    def close(self) -> None:
        """Store what is queued, then end the thread; what cannot be stored within seconds is given up."""
        if self._handler:
            logging.getLogger().removeHandler(self._handler)
            self._handler = None
        self._closing = True
        self.queue.wake.set()
        self.queue.is_full_batch.set()
        if self._thread:
            self._thread.join(_CLOSE_S + 1)
        self.store.close()

    def _start(self) -> None:
        if self._thread is None:
            with self._start_lock:
                if self._thread is None and not self._closing:
                    self._thread = threading.Thread(target=self._loop, name="logs", daemon=True)
                    self._thread.start()

    def _loop(self) -> None:
        while not self._closing:
            if not self._held:
                self.queue.wake.wait()
            if self._wait_for_batch():
                time.sleep(GATHER_S)
            self._flush()
            if self._is_troubled:
                time.sleep(_RETRY_S)
        end = time.monotonic() + _CLOSE_S
        while (self.queue.depth or self._held) and time.monotonic() < end:
            self._flush()
            if self._is_troubled:
                time.sleep(0.2)
        self._store([])

    def _wait_for_batch(self) -> bool:
        """Wait for a full batch or somebody who waits for a commit; False when neither came in time."""
        is_full_batch = self.queue.is_full_batch
        return is_full_batch.wait(INTERVAL_S) or (
            self.queue.depth > _BUSY_EVENTS and is_full_batch.wait(2 * INTERVAL_S)
        )

    def _flush(self) -> None:
        """Store what is queued, in groups; what the database does not take is tried again."""
        waiters: list[Future[None]] = []
        waited: list[LogEvent] = []
        # While the database takes nothing, our own lines stay in the queue, which is bounded.
        for item in self.queue.take() if not self._held else ():
            if isinstance(item, CapturedLine):
                self._held.append(self._converter.convert(item))
            elif item.waiter is None:
                self._held += item.events
            else:
                waiters.append(item.waiter)
                waited += item.events
        if waiters:
            self._settle(waiters, self._store(waited))
        while self._held:
            group = self._held[:BATCH_EVENTS]
            if not self._store(group):
                return
            del self._held[: len(group)]

    def _store(self, events: Sequence[LogEvent]) -> bool:
        try:
            self.store.insert(events, self._build_counts(len(events)))
        except (SQLAlchemyError, OSError) as error:
            if not self._is_troubled:
                self._is_troubled = True
                log.warning("log events not stored; tried again", reason=type(error).__name__)
            return False
        self._is_troubled = False
        self._stored += len(events)
        self._announce(events)
        return True

    def _build_counts(self, more: int) -> ProcessCounts:
        offered, dropped = self.queue.counts
        name = f"{self.ids.prefix}@{socket.gethostname()}"[:40]
        now = self.clock()
        return ProcessCounts(name, self._role, self._started_at, now, offered, self._stored + more, dropped)

    def _announce(self, events: Iterable[LogEvent]) -> None:
        for listener in self._listeners if events else ():
            listener()
        if not all(event.logger.startswith(_QUIET) for event in events):
            changed.send(topics={logs()})

    @staticmethod
    def _settle(waiters: Sequence["Future[None]"], is_stored: Any) -> None:
        for waiter in waiters:
            if not waiter.set_running_or_notify_cancel():
                continue
            if is_stored:
                waiter.set_result(None)
            else:
                waiter.set_exception(StoreBusyError())
