"""Heartbeat of a process in the table of workers: interval and expiry."""

import os
import threading
from collections.abc import Callable

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import topics
from app.bot.health.counters import Counters
from app.bot.health.thread_names import show_thread_names
from app.bot.models import WorkerHeartbeat as WorkerRow
from app.db.after_commit import send_changed
from app.db.statements import build_insert
from app.db.writer import Database

log = structlog.get_logger(__name__)

VERSION = "0.1.0"
HEARTBEAT_INTERVAL_S = 5.0
EXPIRE_AFTER_MS = 24 * 3600 * 1000


class Heartbeat:
    """Writes a process's heartbeat every five seconds, with what it counted meanwhile."""

    def __init__(
        self,
        database: Database,
        counters: Counters,
        clock: Callable[[], int],
        name: str,
        in_flight: Callable[[], int] = lambda: 0,
    ) -> None:
        self._database = database
        self._counters = counters
        self._clock = clock
        self._name = name
        self._in_flight = in_flight
        self._started = clock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"heart-{name}", daemon=True)

    def start(self) -> None:
        """Write the row before anything is served, then start: no webhook may come before it."""
        self._database.write(self._write_row)
        self._thread.start()

    def stop(self) -> None:
        """Stop and delete the row: a process that was stopped has not crashed."""
        self._stopping.set()
        self._thread.join(HEARTBEAT_INTERVAL_S)
        self._database.write(lambda s: s.execute(delete(WorkerRow).where(WorkerRow.name == self._name)))

    def _loop(self) -> None:
        while not self._stopping.wait(HEARTBEAT_INTERVAL_S):
            show_thread_names()
            try:
                self._counters.flush(self._database)
                self._database.write(self._write_row)
            except SQLAlchemyError as error:
                log.warning("no heartbeat", worker=self._name, reason=type(error).__name__)

    def _write_row(self, session: Session) -> None:
        now = self._clock()
        row = {
            "name": self._name,
            "pid": os.getpid(),
            "version": VERSION,
            "started_at": self._started,
            "beat_at": now,
            "in_flight": self._in_flight(),
        }
        query = build_insert(session, WorkerRow).values(row)
        session.execute(query.on_conflict_do_update(index_elements=["name"], set_=row))
        session.execute(delete(WorkerRow).where(WorkerRow.beat_at < now - EXPIRE_AFTER_MS))
        send_changed(session, topics.dashboard())
