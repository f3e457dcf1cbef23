"""A person erased everywhere: asked for once, done step by step, taken up again where a process died.

The order makes it safe to begin anew at any moment: first what can only be found with the help of the chats (copies of
words, groups), then the chats, then whatever else names the person, then the files and the database's own remains.
Nobody serves the chats meanwhile; what comes until they are gone goes with them, and what comes later begins anew.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import ColumnElement, select
from sqlalchemy import Connection as Db
from sqlalchemy.orm import Session

from app.bot import media_store
from app.bot.files import FileStore
from app.bot.models import Erasure
from app.bot.privacy import subject
from app.bot.privacy.steps import TAKEN, Steps, note
from app.bot.privacy.wiping import wipe
from app.writer import Database

log = structlog.get_logger(__name__)

SHOWN: Final = 50


def begin(session: Session, handle: str, digest: str, user_id: int | None, now: int) -> Erasure:
    """Store that a person is to be erased; raises NobodyFound. Asked for twice, it is one erasure."""
    found = subject.find(session, handle)
    query = select(Erasure).where(Erasure.digest == digest, Erasure.ended_at.is_(None))
    known = session.scalars(query).first()
    if known:
        return known
    erasure = Erasure(
        digest=digest,
        names=sorted(found.names),
        files=[],
        counts={},
        remains=[],
        step="waiting",
        taken_until=0,
        user_id=user_id,
        created_at=now,
        ended_at=None,
    )
    session.add(erasure)
    session.flush()
    return erasure


def recent(session: Session) -> list[Erasure]:
    """Return the last erasures, the latest first."""
    return list(session.scalars(select(Erasure).order_by(Erasure.id.desc()).limit(SHOWN)))


class Erasing:
    """Erases people; `clock` in ms, `pause` waits some seconds."""

    def __init__(
        self,
        database: Database,
        files: FileStore,
        clock: Callable[[], int],
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._database = database
        self._files = files
        self._clock = clock
        self._pause = pause

    def take(self) -> int | None:
        """Take the oldest erasure nobody is at; others leave it alone meanwhile."""
        return self._take(Erasure.id > 0)

    def take_this(self, erasure_id: int) -> bool:
        """Take one erasure; false when somebody is at it, or when it has ended."""
        return self._take(Erasure.id == erasure_id) is not None

    def _take(self, which: ColumnElement[bool]) -> int | None:
        now = self._clock()

        def take(db: Db) -> int | None:
            free = select(Erasure.id).where(which, Erasure.ended_at.is_(None), Erasure.taken_until <= now)
            oldest = db.scalar(free.order_by(Erasure.id).limit(1).with_for_update(skip_locked=True))
            if oldest is not None:
                note(db, oldest, taken_until=now + TAKEN)
            return oldest

        return self._database.writer.run(take)

    def work(self, erasure_id: int) -> bool:
        """Erase the person of an erasure; false when its last step has to be tried again later."""
        with self._database.read() as session:
            names = session.get_one(Erasure, erasure_id).names
        if names:
            with self._database.read() as session:
                found = subject.known_by(session, names)
            Steps(self._database, self._clock, self._pause, erasure_id, found).run()
        self._forget_files(erasure_id)
        if not wipe(self._database, self._pause):
            log.warning("erasure not ended", erasure=erasure_id, reason="the database is being read")
            self._database.writer.run(lambda db: note(db, erasure_id, taken_until=0))
            return False
        now = self._clock()
        self._database.writer.run(lambda db: note(db, erasure_id, step="done", ended_at=now))
        log.info("audit", what="person erased", erasure=erasure_id)
        return True

    def _forget_files(self, erasure_id: int) -> None:
        """Delete the files nobody else has."""
        with self._database.read() as session:
            gone = media_store.unneeded(session, session.get_one(Erasure, erasure_id).files)
        for sha256 in gone:
            self._files.forget(sha256)
        self._database.writer.run(lambda db: note(db, erasure_id, step="files", files=[]))
