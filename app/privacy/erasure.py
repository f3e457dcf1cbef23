"""Erasure of a person: request, steps, resumption by another worker.

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

from app.bot.media import downloads
from app.db.actor import build_job_actor
from app.db.change_notes import name_action
from app.db.writer import Database
from app.files import FileStore
from app.logs import audit
from app.privacy import subject
from app.privacy.erasure_steps import LEASE_MS, ErasureSteps, update_erasure
from app.privacy.models import Erasure
from app.privacy.secure_delete import wipe

log = structlog.get_logger(__name__)

RECENT_LIMIT: Final = 50


def begin(session: Session, handle: str, digest: str, user_id: int | None, now: int) -> Erasure:
    """Store that a person is to be erased; raises SubjectNotFound. Asked for twice, it is one erasure."""
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
    name_action(session, "erase a person")
    return erasure


def list_recent(session: Session) -> list[Erasure]:
    """Return the last erasures, the latest first."""
    return list(session.scalars(select(Erasure).order_by(Erasure.id.desc()).limit(RECENT_LIMIT)))


class ErasureRunner:
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

    def claim_next(self) -> int | None:
        """Claim the oldest erasure that no worker runs; others skip it meanwhile."""
        return self._claim(Erasure.id > 0)

    def claim(self, erasure_id: int) -> bool:
        """Claim one erasure; false when a worker runs it, or when it has ended."""
        return self._claim(Erasure.id == erasure_id) is not None

    def _claim(self, which: ColumnElement[bool]) -> int | None:
        now = self._clock()

        def take(db: Db) -> int | None:
            free = select(Erasure.id).where(which, Erasure.ended_at.is_(None), Erasure.taken_until <= now)
            oldest = db.scalar(free.order_by(Erasure.id).limit(1).with_for_update(skip_locked=True))
            if oldest is not None:
                update_erasure(db, oldest, taken_until=now + LEASE_MS)
            return oldest

        return self._database.writer.run(take)

    def run(self, erasure_id: int) -> bool:
        """Erase the person of an erasure; false when its last step has to be tried again later."""
        with self._database.read() as session:
            names = session.get_one(Erasure, erasure_id).names
        if names:
            with self._database.read() as session:
                found = subject.find_by_names(session, names)
            ErasureSteps(self._database, self._clock, self._pause, erasure_id, found).run()
        self._delete_files(erasure_id)
        if not wipe(self._database, self._pause):
            log.warning("erasure not ended", erasure=erasure_id, reason="the database is being read")
            self._database.writer.run(lambda db: update_erasure(db, erasure_id, taken_until=0))
            return False
        now = self._clock()
        self._database.writer.run(lambda db: self._end(db, erasure_id, now))
        return True

    def _end(self, db: Db, erasure_id: int, now: int) -> None:
        update_erasure(db, erasure_id, step="done", ended_at=now)
        change = ({"ended_at": None}, {"ended_at": now})
        subject_ = ("erasure", str(erasure_id), "")
        audit.record(db, "person erased", subject_, change, build_job_actor("erasure"))

    def _delete_files(self, erasure_id: int) -> None:
        """Delete the files nobody else has."""
        with self._database.read() as session:
            gone = downloads.find_unreferenced(session, session.get_one(Erasure, erasure_id).files)
        for sha256 in gone:
            self._files.delete(sha256)
        self._database.writer.run(lambda db: update_erasure(db, erasure_id, step="files", files=[]))
