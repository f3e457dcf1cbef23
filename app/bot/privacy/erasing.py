"""A person erased everywhere: asked for once, done step by step, taken up again where a process died.

The order makes it safe to begin anew at any moment: first what can only be found with the help of the chats (copies of
words, groups), then the chats, then whatever else names the person, then the files and the database's own remains.
Nobody serves the chats meanwhile; what comes until they are gone goes with them, and what comes later begins anew.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import Connection as Db
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.bot import media_store
from app.bot.files import FileStore
from app.bot.models import Chat, Erasure
from app.bot.privacy import chat_rows, copies, group_rows, saved_tests, subject
from app.bot.privacy.chat_rows import Dropped
from app.bot.privacy.gathering import gather
from app.bot.privacy.marks import Marks
from app.bot.privacy.saved_tests import Said
from app.bot.privacy.subject import NobodyFound, Subject
from app.bot.privacy.wiping import wipe
from app.signals import changed
from app.writer import Database

log = structlog.get_logger(__name__)

# Messages in one transaction: so few that others hardly wait.
BATCH: Final = 200
# Who is at it says so this often at least; then another worker may (ms).
TAKEN: Final = 15 * 60_000
# A chat a worker is serving is waited for this often, this long (s), before it is taken away from it.
TRIES: Final = 100
PAUSE: Final = 0.3
OWNER: Final = "erasing"
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


@dataclass(slots=True)
class _Task:
    """An erasure under way: who it is, what they said, and what was deleted so far."""

    id: int
    names: frozenset[str]
    said: Said | None = None
    found: Subject = field(default_factory=lambda: Subject(frozenset(), (), ()))
    groups: Sequence[int] = ()


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
        now = self._clock()

        def take(db: Db) -> int | None:
            free = select(Erasure.id).where(Erasure.ended_at.is_(None), Erasure.taken_until <= now)
            oldest = db.scalar(free.order_by(Erasure.id).limit(1).with_for_update(skip_locked=True))
            if oldest is not None:
                db.execute(update(Erasure).where(Erasure.id == oldest).values(taken_until=now + TAKEN))
            return oldest

        return self._database.writer.run(take)

    def work(self, erasure_id: int) -> bool:
        """Erase a person who was asked for; false when the last step has to be tried again later."""
        with self._database.read() as session:
            erasure = session.get_one(Erasure, erasure_id)
            task = _Task(erasure_id, frozenset(erasure.names))
        if task.names:
            self._erase(task)
        return self._finish(task)

    def _erase(self, task: _Task) -> None:
        with self._database.read() as session:
            try:
                task.found = subject.find(session, min(task.names))
            except NobodyFound:
                task.found = Subject(task.names, (), ())
            gathered = gather(session, task.found)
        task.said, task.groups = gathered.said, gathered.groups
        for chat_id in task.found.chats:
            self._hold(chat_id)
        self._step(task, "copies")
        self._tests(task)
        with self._database.read() as session:
            for table, ids in copies.wordy(session, gathered.said.marks, task.groups):
                self._clean(task, table, ids, words=True)
        self._step(task, "groups")
        for chat_id in task.groups:
            self._group(task, chat_id)
        self._step(task, "chats")
        for chat_id in task.found.chats:
            self._chat(task, chat_id)
        self._step(task, "names")
        self._names(task)

    def _tests(self, task: _Task) -> None:
        said = task.said
        assert said
        with self._database.read() as session:
            steps = list(saved_tests.work(session))
        for step, row_id in steps:
            gone = self._database.write(lambda session, step=step, row=row_id: step(session, row, said))
            self._count(task, Dropped(_counted("tests", gone)))

    def _clean(self, task: _Task, table: Any, ids: Sequence[int], *, words: bool) -> None:
        assert task.said
        marks = task.said.marks
        gone = self._database.writer.run(lambda db: copies.clean(db, table, ids, marks, words=words))
        kind = "notices" if table.name == "notice" else "copies"
        self._count(task, Dropped(_counted(kind, gone)))

    def _group(self, task: _Task, chat_id: int) -> None:
        """Take the person out of a group, which goes on when it is done."""
        assert task.said
        marks = task.said.marks
        self._hold(chat_id)
        with self._database.read() as session:
            batches = [[m.id for m in each] for each in subject.written_in(session, task.found, chat_id)]
        for ids in batches:
            now = self._clock()
            self._count(
                task,
                self._database.writer.run(
                    lambda db, ids=ids, now=now: group_rows.redact(db, chat_id, ids, marks, now)
                ),
            )
        self._database.writer.run(lambda db: _let_go(db, chat_id, self._clock()))
        changed.send(topics={"chats", f"chat:{chat_id}"})

    def _chat(self, task: _Task, chat_id: int) -> None:
        """Delete a chat; the last batch, the chat and its contact in one transaction, so that nothing slips between."""
        more = True
        while more:
            more = self._database.writer.run(lambda db: self._part(db, task, chat_id))
        changed.send(topics={"chats", "dashboard", "failures", f"chat:{chat_id}"})

    def _part(self, db: Db, task: _Task, chat_id: int) -> bool:
        row = db.execute(select(Chat.contact_id).where(Chat.id == chat_id).with_for_update()).first()
        if row is None:
            return False
        ids = chat_rows.next_messages(db, chat_id, BATCH)
        dropped = chat_rows.drop_messages(db, ids) if ids else Dropped()
        last = len(ids) < BATCH
        if last:
            dropped.add(chat_rows.drop_chat(db, chat_id, row.contact_id))
        self._note(db, task, dropped)
        return not last

    def _names(self, task: _Task) -> None:
        """Look for the person's numbers in every table, then forget them."""
        assert task.said
        marks = task.said.marks
        with self._database.read() as session:
            for table, ids in copies.named(session, marks):
                self._clean(task, table, ids, words=False)
            remains = copies.remaining(session, marks)
        self._database.writer.run(lambda db: _forget(db, task.id, remains))

    def _finish(self, task: _Task) -> bool:
        """Delete the files nobody else has, and what the database itself still keeps."""
        with self._database.read() as session:
            files = list(session.get_one(Erasure, task.id).files)
            gone = media_store.unneeded(session, files)
        for sha256 in gone:
            self._files.forget(sha256)
        self._database.writer.run(lambda db: _set(db, task.id, files=[], step="files"))
        if not wipe(self._database, self._pause):
            log.warning(
                "erasure not ended", erasure=task.id, reason="the database is being read; tried again"
            )
            self._database.writer.run(lambda db: _set(db, task.id, taken_until=0))
            return False
        now = self._clock()
        self._database.writer.run(lambda db: _set(db, task.id, step="done", ended_at=now))
        log.info("audit", what="person erased", erasure=task.id)
        return True

    def _hold(self, chat_id: int) -> None:
        """Serve a chat, so that nobody else does; from a worker that does not end in time it is taken away."""
        for n in range(TRIES):
            now, force = self._clock(), n == TRIES - 1
            if self._database.writer.run(
                lambda db, now=now, force=force: _hold(db, chat_id, now, force=force)
            ):
                return
            self._pause(PAUSE)

    def _step(self, task: _Task, step: str) -> None:
        until = self._clock() + TAKEN
        self._database.writer.run(lambda db: _set(db, task.id, step=step, taken_until=until))

    def _count(self, task: _Task, dropped: Dropped) -> None:
        if any(dropped.counts.values()) or dropped.files:
            self._database.writer.run(lambda db: self._note(db, task, dropped))

    def _note(self, db: Db, task: _Task, dropped: Dropped) -> None:
        """Add to what is counted, in the transaction that deletes it."""
        row = db.execute(select(Erasure.counts, Erasure.files).where(Erasure.id == task.id)).one()
        counts = {kind: row.counts.get(kind, 0) + dropped.counts[kind] for kind in subject.KINDS}
        files = sorted({*row.files, *dropped.files})
        kept = {kind: n for kind, n in counts.items() if n}
        _set(db, task.id, counts=kept, files=files, taken_until=self._clock() + TAKEN)


def _counted(kind: str, n: int) -> Any:
    return Dropped().counts + type(Dropped().counts)({kind: n})


def _set(db: Db, erasure_id: int, **values: Any) -> None:
    db.execute(update(Erasure).where(Erasure.id == erasure_id).values(values))


def _forget(db: Db, erasure_id: int, remains: list[str]) -> None:
    chat_rows.securely(db)
    _set(db, erasure_id, names=[], remains=remains)


def _hold(db: Db, chat_id: int, now: int, *, force: bool) -> bool:
    mine = update(Chat).where(Chat.id == chat_id)
    free = mine if force else mine.where((Chat.lease_until <= now) | (Chat.owner == OWNER))
    values = {"epoch": Chat.epoch + 1, "owner": OWNER, "lease_until": now + TAKEN}
    there = db.scalar(select(func.count()).select_from(Chat).where(Chat.id == chat_id))
    return db.execute(free.values(values)).rowcount > 0 or not there


def _let_go(db: Db, chat_id: int, now: int) -> None:
    freed = update(Chat).where(Chat.id == chat_id, Chat.owner == OWNER)
    db.execute(freed.values(owner=None, lease_until=0, ready_at=func.coalesce(Chat.ready_at, now)))
