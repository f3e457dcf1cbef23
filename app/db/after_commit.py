"""Signals of a transaction, collected while it runs and sent after its commit."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.signals import changed, work_ready

_KEY = "after_commit"


@dataclass(slots=True)
class PendingSignals:
    """Signals of one transaction: changed topics, chats with work for a worker, and what else is called."""

    topics: set[str] = field(default_factory=set)
    chat_ids: set[int] = field(default_factory=set)
    calls: list[Callable[[], object]] = field(default_factory=list)

    def send(self) -> None:
        """Make the calls, then send each signal once, if there is one."""
        for call in self.calls:
            call()
        if self.topics:
            changed.send(topics=self.topics)
        if self.chat_ids:
            work_ready.send(chats=len(self.chat_ids))


def send_changed(db: Connection | Session, *topics: str) -> None:
    """Notify browsers, after the commit, that topics have changed."""
    _get_pending(db).topics.update(topics)


def send_work_ready(db: Connection | Session, *chat_ids: int) -> None:
    """Notify workers, after the commit, that something in these chats is to be sent or handled."""
    _get_pending(db).chat_ids.update(chat_ids)


def call_after_commit(db: Connection | Session, call: Callable[[], object]) -> None:
    """Call something after the commit, in the writer's thread: it must be quick, and raise nothing."""
    _get_pending(db).calls.append(call)


def pop_pending(db: Connection) -> PendingSignals | None:
    """Take what was collected on a connection; also what a transaction that was rolled back has left."""
    return db.info.pop(_KEY, None)


def _get_pending(db: Connection | Session) -> PendingSignals:
    connection = db.connection() if isinstance(db, Session) else db
    return connection.info.setdefault(_KEY, PendingSignals())
