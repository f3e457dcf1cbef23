"""Worker: dispatcher, sender and maintenance under one name; stop time-out."""

import structlog

from app.bot import lease
from app.bot.delivery.sender import Sender
from app.bot.worker.dispatcher import Dispatcher
from app.bot.worker.process_lock import WorkerName
from app.db.writer import Database

log = structlog.get_logger(__name__)
STOP_TIMEOUT_S = 10.0


class Worker:
    """Serves chats until it is stopped."""

    def __init__(self, name: WorkerName, database: Database, dispatcher: Dispatcher, sender: Sender) -> None:
        self._name = name
        self._database = database
        self._dispatcher = dispatcher
        self._sender = sender

    def start(self) -> None:
        """Release the chats a former process of this name held, then start."""
        freed = self._database.writer.run(lambda db: lease.release_owner(db, self._name.value))
        self._dispatcher.start()
        self._dispatcher.wake()
        log.info("worker started", worker=self._name.value, leases_freed=freed)

    def wake(self) -> None:
        """Look for work now."""
        self._dispatcher.wake()

    def wake_after_commit(self) -> None:
        """Look for what a commit of this process made ready."""
        self._dispatcher.wake_after_commit()

    @property
    def name(self) -> str:
        """The stable name of this worker."""
        return self._name.value

    @property
    def in_flight(self) -> int:
        """Sends and runs under way."""
        return self._dispatcher.in_flight

    def stop(self) -> None:
        """Stop claiming, let sends under way finish, release what is held."""
        self._dispatcher.stop(STOP_TIMEOUT_S)
        # What the last turns decided is committed, and with that handed to the sender, before the sender ends.
        self._database.writer.run(lambda _db: None)
        self._sender.close(STOP_TIMEOUT_S)
        self._database.writer.run(lambda db: lease.release_owner(db, self._name.value))
        self._name.release()
        log.info("worker stopped", worker=self._name.value)
