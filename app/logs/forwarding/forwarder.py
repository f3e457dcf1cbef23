"""Forwarder: the one elected process runs the sinks that are switched on, and follows changes of their settings."""

import threading
from collections.abc import Callable
from typing import Any, Final

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app.db.writer import Database
from app.logs.forwarding.sink_runner import RunnerTask, SinkRunner
from app.logs.forwarding.sink_store import SinkStore
from app.logs.log_service import LogService
from app.logs.models import LogSink
from app.logs.sinks.contract import SinkContext
from app.logs.sinks.registry import load_kinds
from app.logs.store.cursors import (
    EventFilter,
    begin_cursor,
    claim_lease,
    load_cursors,
    release_lease,
    remove_cursor,
)
from app.vault import VaultError

log = structlog.get_logger(__name__)

# Well within the lease (store.cursors.LEASE_MS): a look that comes late still renews it.
LOOK_S: Final = 4.0
_STOP_S: Final = 3.0


class Forwarder:
    """Competes for the lease and, while it has it, keeps a runner for each sink that is switched on."""

    def __init__(
        self, database: Database, service: LogService, sinks: SinkStore, context: SinkContext
    ) -> None:
        self._database = database
        self._service = service
        self._sinks = sinks
        self._context = context
        self._owner = service.ids.prefix
        self._clock: Callable[[], int] = service.clock
        self._runners: dict[int, tuple[Any, SinkRunner]] = {}
        self._unreadable: set[int] = set()
        self._stopping = threading.Event()
        self._look = threading.Event()
        self._is_leader = False
        self._thread = threading.Thread(target=self._loop, name="forwarder", daemon=True)

    def start(self) -> None:
        """Start to compete."""
        self._service.connect(self._wake_runners)
        self._thread.start()

    def refresh(self) -> None:
        """Look at the sinks now: one was changed in this process."""
        self._look.set()

    def stop(self) -> None:
        """Stop the runners after their batches, and give the lease back."""
        self._stopping.set()
        self._look.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S * 2)

    def _loop(self) -> None:
        is_troubled = False
        while not self._stopping.is_set():
            self._look.clear()
            try:
                self._run_once()
                is_troubled = False
            except SQLAlchemyError as error:
                if not is_troubled:
                    log.warning("log sinks not read", reason=type(error).__name__)
                is_troubled = True
            self._look.wait(LOOK_S)
        self._stop_runners(list(self._runners))
        if self._is_leader:
            try:
                release_lease(self._service.store, self._owner)
            except SQLAlchemyError:
                log.info("lease of forwarding not given back; it ends by itself")

    def _run_once(self) -> None:
        with self._database.read() as session:
            rows = list(session.scalars(select(LogSink)))
        store = self._service.store
        if not rows and not self._is_leader:
            return
        self._is_leader = claim_lease(store, self._owner, self._clock())
        if not self._is_leader:
            self._stop_runners(list(self._runners))
            return
        wanted = {row.id: row for row in rows if row.enabled}
        self._stop_runners([
            sink_id
            for sink_id, (mark, runner) in self._runners.items()
            if sink_id not in wanted or mark != _mark(wanted[sink_id]) or not runner.is_running
        ])  # fmt: skip
        for sink_id in load_cursors(store).keys() - {row.id for row in rows}:
            remove_cursor(store, sink_id)
        for sink_id in wanted.keys() - self._runners.keys():
            self._start_runner(wanted[sink_id])

    def _start_runner(self, row: LogSink) -> None:
        try:
            sink = load_kinds()[row.kind].open(self._sinks.load_config(row), self._context)
        except (VaultError, ValidationError, KeyError):
            if row.id not in self._unreadable:
                self._unreadable.add(row.id)
                log.error("log sink cannot be opened: enter its settings again", sink=row.name)  # noqa: TRY400
            return
        self._unreadable.discard(row.id)
        begin_cursor(self._service.store, row.id)
        task = RunnerTask(row.id, row.name, sink, EventFilter(row.level, tuple(row.sources)))
        runner = SinkRunner(self._service.store, self._owner, task, self._clock)
        self._runners[row.id] = (_mark(row), runner)
        runner.start()

    def _stop_runners(self, sink_ids: list[int]) -> None:
        runners = [self._runners.pop(sink_id)[1] for sink_id in sink_ids]
        for runner in runners:
            runner.stop(0)
        for runner in runners:
            runner.stop(_STOP_S)

    def _wake_runners(self) -> None:
        for _, runner in list(self._runners.values()):
            runner.wake()


def _mark(row: LogSink) -> tuple[Any, ...]:
    return (row.kind, row.name, row.level, tuple(row.sources), str(row.config), row.secrets)
