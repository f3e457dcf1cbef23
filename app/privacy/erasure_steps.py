"""Steps of an erasure in small transactions: word copies, groups, chats, names; batch size, lease."""

from collections import Counter as Count
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection as Db
from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from app import topics
from app.bot import lease
from app.bot.lease import LeaseRequest
from app.bot.models import Chat
from app.db.after_commit import send_changed
from app.db.change_notes import name_action
from app.db.writer import Database
from app.privacy import chat_deletion, copies, group_messages, recorded_tests, subject
from app.privacy.chat_deletion import DeletionResult
from app.privacy.models import Erasure
from app.privacy.subject import Subject
from app.privacy.subject_text import collect_subject_text

# Messages in one transaction: so few that others hardly wait.
BATCH: Final = 200
# ms for which a worker holds an erasure or a chat; then another may claim it.
LEASE_MS: Final = 15 * 60_000
# A chat that a worker serves is asked for this often, this long (s) apart, before it is claimed by force.
MAX_CLAIM_ATTEMPTS: Final = 100
CLAIM_RETRY_S: Final = 0.3
OWNER: Final = "erasing"


class ErasureSteps:
    """Erases everything about one person but the files; `clock` in ms, `pause` waits some seconds."""

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
        self._subject = found
        with database.read() as session:
            self._subject_text = collect_subject_text(session, found)
        self._utterances = self._subject_text.utterances

    def run(self) -> None:
        """Run all steps; may be interrupted and begun anew."""
        for chat_id in self._subject.chat_ids:
            self._claim_chat(chat_id)
        self._begin_step("copies")
        self._redact_saved_tests()
        with self._database.read() as session:
            for table, ids in copies.find_word_copies(session, self._subject_text, self._subject.chat_ids):
                self._redact_rows(table, ids, words=True)
        self._begin_step("groups")
        for chat_id in self._subject_text.group_chat_ids:
            self._redact_group(chat_id)
        self._begin_step("chats")
        for chat_id in self._subject.chat_ids:
            self._delete_chat(chat_id)
        self._begin_step("names")
        self._redact_names()

    def _redact_saved_tests(self) -> None:
        with self._database.read() as session:
            steps = list(recorded_tests.list_redaction_steps(session))
        for step, row_id in steps:
            self._database.write(
                lambda session, step=step, row_id=row_id: self._redact_saved_test(session, step, row_id)
            )

    def _redact_saved_test(self, session: Session, step: recorded_tests.RedactionStep, row_id: int) -> None:
        name_action(session, "person's tests erased")
        self._add_counts(
            session.connection(), DeletionResult(Count({"tests": step(session, row_id, self._utterances)}))
        )

    def _redact_rows(self, table: Table, ids: Sequence[int], *, words: bool) -> None:
        kind = "notices" if table.name == "notice" else "copies"

        def clean(db: Db) -> None:
            n = copies.redact(db, table, ids, self._utterances.redactor, words=words)
            self._add_counts(db, DeletionResult(Count({kind: n})))

        self._database.writer.run(clean)

    def _redact_group(self, chat_id: int) -> None:
        """Take the person out of a group, which goes on when it is done."""
        self._claim_chat(chat_id)
        with self._database.read() as session:
            written = subject.read_group_messages(session, self._subject, chat_id)
            batches = [[each.id for each in batch] for batch in written]
        for ids in batches:
            self._database.writer.run(lambda db, ids=ids: self._redact_messages(db, chat_id, ids))
        self._database.writer.run(lambda db: _release_chat(db, chat_id, self._clock()))

    def _redact_messages(self, db: Db, chat_id: int, ids: Sequence[int]) -> None:
        self._add_counts(
            db, group_messages.redact(db, chat_id, ids, self._utterances.redactor, self._clock())
        )

    def _delete_chat(self, chat_id: int) -> None:
        """Delete a chat; its last batch, itself and its contact in one transaction: nothing slips in between."""
        while self._database.writer.run(lambda db: self._delete_chat_batch(db, chat_id)):
            pass

    def _delete_chat_batch(self, db: Db, chat_id: int) -> bool:
        row = db.execute(select(Chat.contact_id).where(Chat.id == chat_id).with_for_update()).first()
        if row is None:
            return False
        ids = chat_deletion.list_oldest_message_ids(db, chat_id, BATCH)
        dropped = chat_deletion.delete_messages(db, ids)
        more = len(ids) == BATCH
        if not more:
            dropped.add(chat_deletion.delete_chat(db, chat_id, row.contact_id))
        self._add_counts(db, dropped)
        # With the last batch alone: until then the chat is there as before.
        if not more:
            send_changed(db, topics.chats(), topics.dashboard(), topics.failures(), topics.chat(chat_id))
        return more

    def _redact_names(self) -> None:
        """Redact the person's numbers in every table, then delete them from the erasure."""
        with self._database.read() as session:
            for table, ids in copies.find_name_copies(session, self._utterances.redactor):
                self._redact_rows(table, ids, words=False)
            remains = copies.list_remaining_mentions(session, self._utterances.redactor)
        self._database.writer.run(lambda db: update_erasure(db, self._id, names=[], remains=remains))

    def _claim_chat(self, chat_id: int) -> None:
        """Claim a chat, so that nobody else serves it; a worker that does not end in time loses it."""
        for n in range(MAX_CLAIM_ATTEMPTS):
            last = n == MAX_CLAIM_ATTEMPTS - 1
            request = LeaseRequest(OWNER, 1, self._clock(), LEASE_MS)
            if self._database.writer.run(
                lambda db, last=last, request=request: lease.claim_chat(db, chat_id, request, force=last)
            ):
                return
            self._pause(CLAIM_RETRY_S)

    def _begin_step(self, step: str) -> None:
        self._database.writer.run(
            lambda db: update_erasure(db, self._id, step=step, taken_until=self._clock() + LEASE_MS)
        )

    def _add_counts(self, db: Db, dropped: DeletionResult) -> None:
        """Add to what is counted, in the transaction that deletes it."""
        row = db.execute(select(Erasure.counts, Erasure.files).where(Erasure.id == self._id)).one()
        counts = {kind: row.counts.get(kind, 0) + dropped.counts[kind] for kind in subject.KINDS}
        kept = {kind: n for kind, n in counts.items() if n}
        files = sorted({*row.files, *dropped.files})
        update_erasure(db, self._id, counts=kept, files=files, taken_until=self._clock() + LEASE_MS)


def update_erasure(db: Db, erasure_id: int, **values: Any) -> None:
    """Store the progress of an erasure."""
    chat_deletion.enable_secure_delete(db)
    db.execute(update(Erasure).where(Erasure.id == erasure_id).values(values))


def _release_chat(db: Db, chat_id: int, now: int) -> None:
    lease.release_chat(db, chat_id, OWNER, now)
    send_changed(db, topics.chats(), topics.chat(chat_id))
