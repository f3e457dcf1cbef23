"""A worker: dispatcher and sender under one stable name, with a heartbeat."""

import fcntl
import os
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import structlog
from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.bot import lease
from app.bot.beside import Beside
from app.bot.counters import Counters
from app.bot.dispatch import Dispatcher
from app.bot.models import Worker as WorkerRow
from app.bot.sender import Sender
from app.signals import DomainError, changed
from app.writer import Database

log = structlog.get_logger(__name__)

VERSION = "0.1.0"
BEAT = 5.0
FORGOTTEN = 24 * 3600 * 1000
SLOTS = 64
STOP_SENDS = 10.0


class NameTaken(DomainError):
    """Another process works under this name."""

    code = "worker_name"


class Name:
    """A stable name of one process on this host, held by a lock: a restart gets it back, a second copy does not."""

    def __init__(self, data: Path, wanted: str) -> None:
        host = socket.gethostname()
        names = [wanted] if wanted else [f"{host}/{slot}" for slot in range(SLOTS)]
        for name in names:
            held = _lock(data / f"worker-{name.replace('/', '-')}.lock")
            if held:
                self.text, self._file = name, held
                return
        raise NameTaken(
            f"A worker named “{names[0]}” is running on this data folder. Stop it, or set another WORKER_NAME."
        )

    def free(self) -> None:
        """Let another process have the name."""
        self._file.close()


def _lock(path: Path) -> IO[str] | None:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def only_copy(data: Path) -> IO[str]:
    """Hold the data folder for one embedded process; raises NameTaken when another has it."""
    held = _lock(data / "run.lock")
    if held is None:
        raise NameTaken(
            f"Brainbox is already running on {data}. Stop that one, or set BRAINBOX_DATA to another folder."
        )
    return held


class Worker:
    """Serves chats until it is stopped."""

    def __init__(
        self,
        name: Name,
        database: Database,
        dispatcher: Dispatcher,
        sender: Sender,
        beside: Sequence[Beside] = (),
    ) -> None:
        self._name = name
        self._database = database
        self._dispatcher = dispatcher
        self._sender = sender
        self._beside = beside

    def start(self) -> None:
        """Free what a former process of this name held, then begin."""
        freed = self._database.writer.run(lambda db: lease.release_owner(db, self._name.text))
        self._dispatcher.start()
        self._dispatcher.wake()
        for each in self._beside:
            each.start()
        log.info("worker started", worker=self._name.text, leases_freed=freed)

    def wake(self) -> None:
        """Look for work now."""
        self._dispatcher.wake()

    @property
    def name(self) -> str:
        """The stable name of this worker."""
        return self._name.text

    @property
    def in_flight(self) -> int:
        """Sends and runs under way."""
        return self._dispatcher.in_flight

    def stop(self) -> None:
        """Stop claiming, let sends under way finish, release what is held."""
        for each in self._beside:
            each.stop(STOP_SENDS)
        self._dispatcher.stop(STOP_SENDS)
        self._sender.close(STOP_SENDS)
        self._database.writer.run(lambda db: lease.release_owner(db, self._name.text))
        self._name.free()
        log.info("worker stopped", worker=self._name.text)


class Heart:
    """Writes a process's sign of life every five seconds, with what it counted meanwhile."""

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
        """Beat once before anything is served, then begin: no webhook may come before the row of this start."""
        self._database.write(self._beat)
        self._thread.start()

    def stop(self) -> None:
        """Beat no more and take the row away: a process that was stopped is not one that died."""
        self._stopping.set()
        self._thread.join(BEAT)
        self._database.write(lambda s: s.execute(delete(WorkerRow).where(WorkerRow.name == self._name)))

    def _loop(self) -> None:
        while not self._stopping.wait(BEAT):
            try:
                self._database.write(self._beat)
                self._counters.flush(self._database)
                changed.send(topics={"dashboard"})
            except SQLAlchemyError as error:
                log.warning("no heartbeat", worker=self._name, reason=type(error).__name__)

    def _beat(self, session: Session) -> None:
        now = self._clock()
        row = {
            "name": self._name,
            "pid": os.getpid(),
            "version": VERSION,
            "started_at": self._started,
            "beat_at": now,
            "in_flight": self._in_flight(),
        }
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        query = dialect.insert(WorkerRow).values(row)
        session.execute(query.on_conflict_do_update(index_elements=["name"], set_=row))
        session.execute(delete(WorkerRow).where(WorkerRow.beat_at < now - FORGOTTEN))
