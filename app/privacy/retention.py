"""Data retention: kinds of data with a number of days, largest number, deletion in batches."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.bot.media import downloads
from app.bot.models import Message, Notice, Receipt, Run
from app.bot.states import PENDING_STATES
from app.brains.ai.models import AiCall
from app.clock import DAY_MS
from app.db.actor import build_job_actor
from app.db.change_notes import name_action, skip_rows
from app.db.lookups import find_first_since
from app.db.writer import Database
from app.files import FileStore
from app.logs import audit
from app.privacy import chat_deletion
from app.privacy.models import Retention
from app.signals import DomainError

MAX_DAYS: Final = 3_650
# So few in one transaction that messages hardly wait.
BATCH: Final = 200
# What can be kept for a while, in words, and what goes with it.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "messages": ("Messages", "With their files, traces, and questions to a language model."),
    "runs": ("Traces", "What brains considered and did on each message; the message stays."),
    "ai_calls": (
        "Questions to a language model",
        "What was asked and answered; the tokens of each month stay.",
    ),
    "notices": ("Webhook events", "Events that are neither message nor receipt, such as an account change."),
    "receipts": (
        "Receipts of other messages",
        "Receipts of messages that were not sent from here, such as those of another app on the same number.",
    ),
}


class RetentionDaysError(DomainError):
    """A number of days nothing can be kept for; `kind` names the field."""

    code = "days"

    def __init__(self, kind: str) -> None:
        super().__init__(f"Write a number of days from 1 to {MAX_DAYS:,}, or leave it empty.")
        self.kind = kind


def load_retention_days(session: Session) -> dict[str, int]:
    """Return the days each kind is kept; what is missing is kept for ever."""
    return {row.kind: row.days for row in session.scalars(select(Retention)) if row.kind in KINDS}


def save_retention_days(session: Session, form: Mapping[str, str]) -> None:
    """Store the days each kind is kept, empty = unlimited; raises RetentionDaysError and stores nothing then."""
    days = {kind: _days(kind, form.get(kind, "").strip()) for kind in KINDS}
    known = {row.kind: row for row in session.scalars(select(Retention))}
    for row in known.values():
        if not days.get(row.kind):
            session.delete(row)
    for kind, n in days.items():
        if n and kind in known:
            known[kind].days = n
        elif n:
            session.add(Retention(kind=kind, days=n))
    name_action(session, "data retention changed", subject=("data retention", "", ""))


def _days(kind: str, text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MAX_DAYS):
        raise RetentionDaysError(kind)
    return int(text)


class RetentionRunner:
    """Deletes what is too old; `clock` in ms."""

    def __init__(self, database: Database, files: FileStore, clock: Callable[[], int]) -> None:
        self._database = database
        self._files = files
        self._clock = clock

    def run_batch(self) -> bool:
        """Delete one batch of each kind; true when there may be more."""
        with self._database.read() as session:
            kept_days = load_retention_days(session)
        forgotten = [self._delete_kind(kind, days) for kind, days in kept_days.items()]
        return BATCH in forgotten

    def _delete_kind(self, kind: str, days: int) -> int:
        before = self._clock() - days * DAY_MS

        def run(session: Session) -> int:
            skip_rows(session)
            n = _DELETERS[kind](session, before, self._files)
            if n:
                actor = build_job_actor("data retention")
                gone = ({"rows": n, "older_than": before}, None)
                audit.record(session, "too old: deleted", ("data retention", kind, kind), gone, actor)
            return n

        return self._database.write(run)


def _delete_messages(session: Session, before: int, files: FileStore) -> int:
    upto = find_first_since(session, before, Message)
    old = select(Message.id).where(
        Message.id < upto, Message.created_at < before, Message.state.not_in(PENDING_STATES)
    )
    ids = list(session.scalars(old.order_by(Message.id).limit(BATCH)))
    dropped = (
        chat_deletion.delete_messages(session.connection(), ids) if ids else chat_deletion.DeletionResult()
    )
    # Before the commit: of a message without its file somebody knows, of a file without its message nobody.
    for sha256 in downloads.find_unreferenced(session, sorted(dropped.files)):
        files.delete(sha256)
    return len(ids)


def _delete_runs(session: Session, before: int, _files: FileStore) -> int:
    return _delete_rows(session, Run, Run.id < find_first_since(session, before, Run), before)


def _delete_ai_calls(session: Session, before: int, _files: FileStore) -> int:
    return _delete_rows(session, AiCall, AiCall.id < find_first_since(session, before, AiCall), before)


def _delete_notices(session: Session, before: int, _files: FileStore) -> int:
    return _delete_rows(session, Notice, Notice.id > 0, before)


def _delete_receipts(session: Session, before: int, _files: FileStore) -> int:
    return _delete_rows(session, Receipt, Receipt.id > 0, before)


def _delete_rows(session: Session, model: Any, which: Any, before: int) -> int:
    chat_deletion.enable_secure_delete(session.connection())
    old = select(model.id).where(which, model.created_at < before).order_by(model.id).limit(BATCH)
    ids = list(session.scalars(old))
    session.execute(delete(model).where(model.id.in_(ids)))
    return len(ids)


_DELETERS: Final[Mapping[str, Callable[[Session, int, FileStore], int]]] = {
    "messages": _delete_messages,
    "runs": _delete_runs,
    "ai_calls": _delete_ai_calls,
    "notices": _delete_notices,
    "receipts": _delete_receipts,
}
