"""Writer: one thread a process for all writes, grouped into transactions; batch size, retries.

On SQLite this replaces lock fights by waiting in line and shares one fsync among all that wait; on PostgreSQL it
turns many round trips into a few statements over many rows (specs: durability 2.3, performance 5.2).
"""

import fcntl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.data_folder import create_private
from app.db.actor import Actor, get_actor
from app.db.after_commit import PendingSignals, pop_pending
from app.db.follow_up import FollowUp, FollowUpBatch
from app.db.write_rate import WriteRate

log = structlog.get_logger(__name__)

R = TypeVar("R")
P = TypeVar("P")
Handler = Callable[[Connection, Sequence[P]], Sequence[R]]
Waiter = Future[Any] | FollowUp[Any]
# Writes down what the session of a job changes in its transaction, and who does it (app.logs.audit).
ChangeWatch = Callable[[Session, Actor], AbstractContextManager[None]]

MAX_BATCH = 256
# Above this many writes a second, waiting a little for company saves more than it costs: longer the busier it is.
BUSY_WRITES_PER_S = 600
MAX_GATHER_S = 0.002  # s, at most
GATHER_DIVISOR = 400_000  # writes a second divided by this are seconds to wait
# A deadlock or a lost connection is worth another try; the third says that it is none of these.
MAX_ATTEMPTS = 3


class WriterClosedError(RuntimeError):
    """The process is ending: nothing more is written."""


class QueuedWrite(NamedTuple):
    """A write that waits: handler, payload, and who is told of its outcome."""

    handler: Handler[Any, Any]
    payload: Any
    waiter: Waiter


# Returns a write that goes along with the group about to be written, as its last; None for none.
Companion = Callable[[], QueuedWrite | None]


def _open_gate(path: Path) -> TextIO:
    create_private(path)
    return path.open("w")


class Writer:
    """Runs handlers in grouped transactions, in one thread of its own.

    A handler gets a connection and the payloads that wait for it, and returns one result for each. When a group
    fails, its payloads are tried again one by one, so that one bad payload hurts only itself.
    """

    def __init__(self, engine: Engine, gate: Path | None) -> None:
        self._engine = engine
        self._gate_path = gate
        self._gate = _open_gate(gate) if gate else None
        self._queue: deque[QueuedWrite] = deque()
        self._companions: tuple[Companion, ...] = ()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._rate = WriteRate()
        self._connection: Connection | None = None
        self._prepared: object = None
        self.options: dict[str, Any] = {"writer": True}  # execution options of the handlers' connection
        self.commit_count = 0  # groups written since the start
        # SQLite has one writer anyway: whatever waits shares a commit. PostgreSQL locks rows, so each handler
        # keeps a transaction of its own, in which it takes its locks in one order.
        self.shares_transactions = engine.dialect.name == "sqlite"

    def submit(self, handler: Handler[P, R], payload: P) -> "Future[R]":
        """Queue a write; the future resolves after its commit, in the writer's thread."""
        future: Future[R] = Future()
        self._enqueue(handler, payload, future)
        return future

    def post(self, handler: Handler[P, R], payload: P, follow_up: FollowUp[R]) -> None:
        """Queue a write; `follow_up` is called after its commit, together with the others of the same commit."""
        self._enqueue(handler, payload, follow_up)

    def attach(self, companion: Companion) -> None:
        """Ask `companion`, in the writer's thread, for a last write of every group whose writes share a transaction."""
        self._companions = (*self._companions, companion)

    def detach(self, companion: Companion) -> None:
        """Ask it no more."""
        self._companions = tuple(each for each in self._companions if each != companion)

    def run(self, job: Callable[[Connection], R]) -> R:
        """Run one write and wait for its commit."""
        return self.submit(_run_jobs, job).result()

    @contextmanager
    def block_writes(self) -> Iterator[None]:
        """Block all writes of SQLite, in every process; on PostgreSQL there is no need."""
        if self._gate_path is None:
            yield
            return
        # Opened once more: the lock belongs to what was opened, and our thread has the other one.
        with _open_gate(self._gate_path) as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield

    def close(self) -> None:
        """Commit what is queued, then end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread:
            self._thread.join()
        if self._gate:
            self._gate.close()

    def _enqueue(self, handler: Handler[P, R], payload: P, waiter: Waiter) -> None:
        with self._wake:
            if self._closing:
                raise WriterClosedError("the writer is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="writer", daemon=True)
                self._thread.start()
            self._queue.append(QueuedWrite(handler, payload, waiter))
            self._wake.notify()

    def _loop(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closing:
                    self._wake.wait()
                if not self._queue:
                    break
            if self._rate.value > BUSY_WRITES_PER_S and len(self._queue) < MAX_BATCH and not self._closing:
                time.sleep(min(MAX_GATHER_S, self._rate.value / GATHER_DIVISOR))
            with self._wake:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
            self._rate.add(len(batch), time.monotonic())
            if self.shares_transactions:
                batch += filter(None, (companion() for companion in self._companions))
            for group in self._groups(batch):
                self._commit(group)
        if self._connection:
            self._connection.close()

    def _groups(self, batch: list[QueuedWrite]) -> list[list[QueuedWrite]]:
        if self.shares_transactions:
            return [batch]
        groups: dict[Any, list[QueuedWrite]] = {}
        for item in batch:
            # Single jobs take their locks in an order of their own: no two of them in one transaction.
            key = id(item) if item.handler is _run_jobs else item.handler
            groups.setdefault(key, []).append(item)
        return list(groups.values())

    def _commit(self, batch: list[QueuedWrite], tries: int = 1) -> None:
        try:
            results, signals = self._transaction(batch)
        except Exception as error:  # noqa: BLE001  whatever a handler raises belongs to those who wait for it
            if len(batch) > 1:
                for item in batch:
                    self._commit([item])
            elif isinstance(error, DBAPIError) and _is_transient(error) and tries < MAX_ATTEMPTS:
                self._commit(batch, tries + 1)
            else:
                _report_failure(batch[0].waiter, error)
            return
        self.commit_count += 1
        if signals:
            _send_signals(signals)
        _report_results(results)

    def _transaction(
        self, batch: list[QueuedWrite]
    ) -> tuple[list[tuple[Waiter, Any]], PendingSignals | None]:
        groups: dict[Handler[Any, Any], list[QueuedWrite]] = {}
        for item in batch:
            groups.setdefault(item.handler, []).append(item)
        results: list[tuple[Waiter, Any]] = []
        with self._hold_gate():
            connection = self._connect()
            pop_pending(connection)
            with connection.begin():
                for handler, items in groups.items():
                    answers = handler(connection, [item.payload for item in items])
                    results += zip((item.waiter for item in items), answers, strict=True)
        return results, pop_pending(connection)

    def _connect(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._engine.connect().execution_options(**self.options)
        if (
            not self.shares_transactions
            and self._prepared is not self._connection.connection.dbapi_connection
        ):
            # A plan made while a table was small would read it whole for as long as the plan is kept; all that runs
            # here has an index to go by (tests/bot/test_statement_plans.py).
            self._connection.exec_driver_sql("SET enable_seqscan = off")
            self._connection.commit()
            self._prepared = self._connection.connection.dbapi_connection
        return self._connection

    @contextmanager
    def _hold_gate(self) -> Iterator[None]:
        # Between processes too, waiting in line beats SQLite's busy handler (specs: durability 2.3).
        if self._gate is None:
            yield
            return
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._gate, fcntl.LOCK_UN)


def _run_jobs(connection: Connection, jobs: Sequence[Callable[[Connection], Any]]) -> list[Any]:
    return [job(connection) for job in jobs]


def _report_results(results: Sequence[tuple[Waiter, Any]]) -> None:
    batch = FollowUpBatch()
    for waiter, result in results:
        if isinstance(waiter, FollowUp):
            batch.add(waiter, result, None)
        else:
            waiter.set_result(result)
    batch.deliver()


def _report_failure(waiter: Waiter, error: Exception) -> None:
    if isinstance(waiter, FollowUp):
        batch = FollowUpBatch()
        batch.add(waiter, None, error)
        batch.deliver()
    else:
        waiter.set_exception(error)


def _send_signals(signals: PendingSignals) -> None:
    try:
        signals.send()
    except Exception:  # the writer must outlive whoever listens; the rows are committed
        log.exception("signals not sent")


def _is_transient(error: DBAPIError) -> bool:
    """Tell whether trying again may help: a deadlock, a serialisation failure or a lost connection."""
    return error.connection_invalidated or getattr(error.orig, "sqlstate", "") in {"40P01", "40001"}


def _watch_nothing(_session: Session, _actor: Actor) -> AbstractContextManager[None]:
    return nullcontext()


class Database:
    """Engine and writer of one database: reads from any thread, writes through one."""

    def __init__(self, engine: Engine, data: Path) -> None:
        self.engine = engine
        on_disk = engine.dialect.name == "sqlite" and engine.url.database not in {None, "", ":memory:"}
        self.writer = Writer(engine, data / "write.lock" if on_disk else None)
        self.watch: ChangeWatch = _watch_nothing

    def write(self, job: Callable[[Session], R]) -> R:
        """Run `job` in a transaction of the writer; what it returns is detached but loaded."""
        actor = get_actor()

        def with_session(connection: Connection) -> R:
            with Session(bind=connection, expire_on_commit=False) as session:
                with self.watch(session, actor):
                    result = job(session)
                    session.flush()
                session.expunge_all()
                return result

        return self.writer.run(with_session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading."""
        with Session(self.engine) as session:
            yield session
