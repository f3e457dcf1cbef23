"""Runner of one sink: reads its backlog in order, sends batch by batch, waits longer after each failure; wait times."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.immutable import immutable
from app.logs.event import LogEvent
from app.logs.sinks.contract import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    OpenSink,
    RefusedBatchError,
    SinkError,
)
from app.logs.store import EventStore
from app.logs.store.cursors import EventFilter, SinkCursor, load_cursors, read_after, save_cursor

log = structlog.get_logger(__name__)

# Without news the store is looked at this often (s): other processes store in it too.
LOOK_S: Final = 1.0
FIRST_WAIT_MS: Final = 1_000
MAX_WAIT_MS: Final = 5 * 60_000
# A sink that refuses so many events one by one, and has taken none, is set up wrongly.
MAX_REFUSED_AT_ONCE: Final = 20
# A place that only moved past events of no interest is written down this late (ms).
_IDLE_SAVE_MS: Final = 30_000


@immutable
class RunnerTask:
    """What a runner does: the sink's id and name, its open end, and which events it gets."""

    sink_id: int
    name: str
    sink: OpenSink
    wanted: EventFilter


class BatchProgress:
    """What became of a batch so far, in its order."""

    def __init__(self) -> None:
        self.sent = 0
        self.refused = 0
        self.refusal: RefusedBatchError | None = None


class SinkRunner:
    """Sends to one sink in a thread of its own, until stopped or until another process has the lease.

    Sends nothing while a failure is waited out; then one batch says whether it is over.
    """

    def __init__(self, store: EventStore, owner: str, task: RunnerTask, clock: Callable[[], int]) -> None:
        self._store = store
        self._owner = owner
        self._task = task
        self._clock = clock
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._saved_at = 0
        self._is_waiting = False
        self._has_told_refusal = False
        self._thread = threading.Thread(target=self._loop, name=f"sink-{task.sink_id}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Look now: there is something new; not while a failure is waited out."""
        if not self._is_waiting:
            self._wake.set()

    def stop(self, timeout: float) -> None:
        """End the thread after the batch under way, waiting at most `timeout` seconds."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)

    @property
    def is_running(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _loop(self) -> None:
        is_troubled = False
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                wait_s = self._run_once()
                is_troubled = False
            except SQLAlchemyError as error:
                if not is_troubled:
                    log.warning(
                        "log sink not read from the store", sink=self._task.name, reason=type(error).__name__
                    )
                is_troubled, wait_s = True, LOOK_S
            if wait_s:
                self._wake.wait(wait_s)
        self._task.sink.close()

    def _run_once(self) -> float:
        """Send one batch; returns the seconds to wait for the next."""
        cursor = load_cursors(self._store).get(self._task.sink_id)
        if cursor is None:
            return LOOK_S
        left_ms = cursor.retry_at - self._clock()
        self._is_waiting = left_ms > 0
        if self._is_waiting:
            return min(left_ms / 1000, LOOK_S)
        events, position = read_after(self._store, cursor.position, self._task.wanted, MAX_BATCH_EVENTS)
        if not events:
            self._skip(cursor, position)
            return LOOK_S
        batch = _cut_batch(events)
        position = position if len(batch) == len(events) else batch[-1].position
        moved = self._send(cursor, batch, position)
        if not save_cursor(self._store, self._owner, self._task.sink_id, moved):
            self._stopping.set()
        return 0 if not moved.failures and not self._stopping.is_set() else LOOK_S

    def _skip(self, cursor: SinkCursor, position: int) -> None:
        """Move past events that this sink does not get."""
        now = self._clock()
        if position > cursor.position and now - self._saved_at >= _IDLE_SAVE_MS:
            self._saved_at = now
            moved = replace(cursor, position=position)
            if not save_cursor(self._store, self._owner, self._task.sink_id, moved):
                self._stopping.set()

    def _send(self, cursor: SinkCursor, batch: Sequence[LogEvent], position: int) -> SinkCursor:
        """Send a batch; returns where the sink is then."""
        done = BatchProgress()
        try:
            self._send_part(batch, done)
            if done.refusal and not done.sent:
                # It takes nothing at all: that is for its settings, not for the events.
                raise done.refusal
        except SinkError as error:
            if not done.sent:
                return self._note_failure(cursor, error)
            last = batch[done.sent + done.refused - 1].position
            return self._note_failure(self._note_progress(cursor, done, last), error)
        if cursor.failing_since is not None:
            log.info("log sink takes events again", sink=self._task.name)
        moved = self._note_progress(cursor, done, position)
        problem = str(done.refusal) if done.refusal else ""
        return replace(moved, failures=0, failing_since=None, retry_at=0, problem=problem)

    def _send_part(self, part: Sequence[LogEvent], done: BatchProgress) -> None:
        """Send a part of a batch; one that is refused is sent in halves, an event refused alone is left out."""
        try:
            refused = self._task.sink.send(part)
        except RefusedBatchError as error:
            done.refusal = error
            if len(part) == 1:
                done.refused += 1
                if done.refused >= MAX_REFUSED_AT_ONCE and not done.sent:
                    raise SinkError(str(error)) from error
                return
            half = len(part) // 2
            self._send_part(part[:half], done)
            self._send_part(part[half:], done)
        else:
            done.sent += len(part) - refused
            done.refused += refused
            if refused:
                done.refusal = RefusedBatchError(f"{refused} of {len(part)} events were refused.")

    def _note_progress(self, cursor: SinkCursor, done: BatchProgress, position: int) -> SinkCursor:
        if done.refused and not self._has_told_refusal:
            # Once: a line for each would be an event that is refused next.
            self._has_told_refusal = True
            log.warning(
                "log sink refuses events; they are left out", sink=self._task.name, reason=str(done.refusal)
            )
        return replace(
            cursor,
            position=position,
            sent=cursor.sent + done.sent,
            refused=cursor.refused + done.refused,
            sent_at=self._clock() if done.sent else cursor.sent_at,
        )

    def _note_failure(self, cursor: SinkCursor, error: SinkError) -> SinkCursor:
        now, failures = self._clock(), cursor.failures + 1
        if cursor.failing_since is None:
            # Once a trouble: this line waits for the sink as well.
            log.warning("log sink takes no events; they wait", sink=self._task.name, reason=str(error))
        wait_ms = min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** min(failures - 1, 12))
        if error.retry_after_s is not None:
            wait_ms = max(wait_ms, min(MAX_WAIT_MS, error.retry_after_s * 1000))
        return replace(
            cursor,
            failures=failures,
            failing_since=cursor.failing_since or now,
            # Many installations that lost one sink do not come back at the same moment.
            retry_at=now + int(wait_ms * random.uniform(0.75, 1.25)),
            problem=str(error)[:500],
        )


def _cut_batch(events: Sequence[LogEvent]) -> Sequence[LogEvent]:
    """Return the first events that together keep within the bytes of a batch, at least one."""
    total = 0
    for count, event in enumerate(events):
        total += len(event.text) + len(str(event.data)) + 300
        if total > MAX_BATCH_BYTES and count:
            return events[:count]
    return events
