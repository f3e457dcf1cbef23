"""The steps of an erasure, each in small transactions: copies of words, groups, chats, names."""

from collections import Counter as Count
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection as Db
from sqlalchemy import Table, func, or_, select, update
from sqlalchemy.orm import Session

from app.bot.models import Chat, Erasure
from app.bot.privacy import chat_rows, copies, group_rows, saved_tests, subject
from app.bot.privacy.chat_rows import Dropped
from app.bot.privacy.gathering import gather
from app.bot.privacy.subject import Subject
from app.signals import changed
from app.writer import Database

# Messages in one transaction: so few that others hardly wait.
BATCH: Final = 200
# Who is at it says so this often at least; then another worker may (ms).
TAKEN: Final = 15 * 60_000
# A chat a worker is serving is waited for this often, this long (s), before it is taken away from it.
TRIES: Final = 100
PAUSE: Final = 0.3
OWNER: Final = "erasing"


class Steps:
    """Everything about one person but the files; `clock` in ms, `pause` waits some seconds."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], int],
        pause: Callable[[float], object],
        erasure_id: int,
        found: Subject,
    ) -> None:
        self._database = database
        self._clock = clock
        self._pause = pause
        self._id = erasure_id
        self._found = found
        with database.read() as session:
            self._gathered = gather(session, found)
        self._said = self._gathered.said

    def run(self) -> None:
        """Take all steps; may be broken off and begun anew."""
        for chat_id in self._found.chats:
            self._hold(chat_id)
        self._begin("copies")
        self._saved_tests()
        with self._database.read() as session:
            for table, ids in copies.wordy(session, self._gathered, self._found.chats):
                self._clean(table, ids, words=True)
        self._begin("groups")
        for chat_id in self._gathered.groups:
            self._group(chat_id)
        self._begin("chats")
        for chat_id in self._found.chats:
            self._chat(chat_id)
        self._begin("names")
        self._names()

    def _saved_tests(self) -> None:
        with self._database.read() as session:
            steps = list(saved_tests.work(session))
        for step, row_id in steps:
            self._database.write(lambda session, step=step, row_id=row_id: self._test(session, step, row_id))

    def _test(self, session: Session, step: saved_tests.Step, row_id: int) -> None:
        self._note(session.connection(), Dropped(Count({"tests": step(session, row_id, self._said)})))

    def _clean(self, table: Table, ids: Sequence[int], *, words: bool) -> None:
        kind = "notices" if table.name == "notice" else "copies"

        def clean(db: Db) -> None:
            n = copies.clean(db, table, ids, self._said.marks, words=words)
            self._note(db, Dropped(Count({kind: n})))

        self._database.writer.run(clean)

    def _group(self, chat_id: int) -> None:
        """Take the person out of a group, which goes on when it is done."""
        self._hold(chat_id)
        with self._database.read() as session:
            written = subject.written_in(session, self._found, chat_id)
            batches = [[each.id for each in batch] for batch in written]
        for ids in batches:
            self._database.writer.run(lambda db, ids=ids: self._redact(db, chat_id, ids))
        self._database.writer.run(lambda db: _let_go(db, chat_id, self._clock()))
        changed.send(topics={"chats", f"chat:{chat_id}"})

    def _redact(self, db: Db, chat_id: int, ids: Sequence[int]) -> None:
        self._note(db, group_rows.redact(db, chat_id, ids, self._said.marks, self._clock()))

    def _chat(self, chat_id: int) -> None:
        """Delete a chat; its last batch, itself and its contact in one transaction: nothing slips in between."""
        while self._database.writer.run(lambda db: self._part(db, chat_id)):
            pass
        changed.send(topics={"chats", "dashboard", "failures", f"chat:{chat_id}"})

    def _part(self, db: Db, chat_id: int) -> bool:
        row = db.execute(select(Chat.contact_id).where(Chat.id == chat_id).with_for_update()).first()
        if row is None:
            return False
        ids = chat_rows.next_messages(db, chat_id, BATCH)
        dropped = chat_rows.drop_messages(db, ids)
        more = len(ids) == BATCH
        if not more:
            dropped.add(chat_rows.drop_chat(db, chat_id, row.contact_id))
        self._note(db, dropped)
        return more

    def _names(self) -> None:
        """Look for the person's numbers in every table, then forget them."""
        with self._database.read() as session:
            for table, ids in copies.named(session, self._said.marks):
                self._clean(table, ids, words=False)
            remains = copies.remaining(session, self._said.marks)
        self._database.writer.run(lambda db: note(db, self._id, names=[], remains=remains))

    def _hold(self, chat_id: int) -> None:
        """Serve a chat, so that nobody else does; from a worker that does not end in time it is taken away."""
        for n in range(TRIES):
            last = n == TRIES - 1
            if self._database.writer.run(lambda db, last=last: _hold(db, chat_id, self._clock(), force=last)):
                return
            self._pause(PAUSE)

    def _begin(self, step: str) -> None:
        self._database.writer.run(lambda db: note(db, self._id, step=step, taken_until=self._clock() + TAKEN))

    def _note(self, db: Db, dropped: Dropped) -> None:
        """Add to what is counted, in the transaction that deletes it."""
        row = db.execute(select(Erasure.counts, Erasure.files).where(Erasure.id == self._id)).one()
        counts = {kind: row.counts.get(kind, 0) + dropped.counts[kind] for kind in subject.KINDS}
        kept = {kind: n for kind, n in counts.items() if n}
        files = sorted({*row.files, *dropped.files})
        note(db, self._id, counts=kept, files=files, taken_until=self._clock() + TAKEN)


def note(db: Db, erasure_id: int, **values: Any) -> None:
    """Write down how far an erasure is."""
    chat_rows.securely(db)
    db.execute(update(Erasure).where(Erasure.id == erasure_id).values(values))


def _hold(db: Db, chat_id: int, now: int, *, force: bool) -> bool:
    """Claim a chat as workers do (app.bot.lease); true also when it is gone already."""
    query = select(func.count()).select_from(Chat).where(Chat.id == chat_id)
    if not db.scalar(query):
        return True
    free = update(Chat).where(Chat.id == chat_id)
    if not force:
        free = free.where(or_(Chat.lease_until <= now, Chat.owner == OWNER))
    values = {"epoch": Chat.epoch + 1, "owner": OWNER, "lease_until": now + TAKEN}
    return db.execute(free.values(values)).rowcount > 0


def _let_go(db: Db, chat_id: int, now: int) -> None:
    freed = update(Chat).where(Chat.id == chat_id, Chat.owner == OWNER)
    db.execute(freed.values(owner=None, lease_until=0, ready_at=func.coalesce(Chat.ready_at, now)))
