"""Retention: what is older than an owner wants it kept is forgotten, a small batch at a time; numbers stay."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.bot import media_store
from app.bot.figures import first_since
from app.bot.files import FileStore
from app.bot.models import Message, Notice, Retention, Run
from app.bot.privacy import chat_rows
from app.brains.ai.models import AiCall
from app.signals import DomainError
from app.writer import Database

DAY: Final = 86_400_000
MOST_DAYS: Final = 3_650
# So few in one transaction that messages hardly wait.
BATCH: Final = 200
# What waits for somebody is kept, however old.
_OPEN: Final = ("new", "queued", "sending", "retry", "unknown", "held")
# What can be kept for a while, in words, and what goes with it.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "messages": ("Messages", "With their files, traces, and questions to a language model."),
    "runs": ("Traces", "What brains considered and did on each message; the message stays."),
    "ai_calls": (
        "Questions to a language model",
        "What was asked and answered; the tokens of each month stay.",
    ),
    "notices": ("Raw notices of WhatsApp", "What is neither message nor receipt, such as a changed account."),
}


class BadDays(DomainError):
    """A number of days nothing can be kept for; `kind` names the field."""

    code = "days"

    def __init__(self, kind: str) -> None:
        super().__init__(f"Write a number of days from 1 to {MOST_DAYS:,}, or leave it empty.")
        self.kind = kind


def kept_for(session: Session) -> dict[str, int]:
    """Return the days each kind is kept; what is missing is kept for ever."""
    return {row.kind: row.days for row in session.scalars(select(Retention)) if row.kind in KINDS}


def keep_for(session: Session, wish: Mapping[str, str]) -> None:
    """Store for how many days each kind is kept, empty = for ever; raises BadDays and stores nothing then."""
    days = {kind: _days(kind, wish.get(kind, "").strip()) for kind in KINDS}
    session.execute(delete(Retention))
    session.add_all(Retention(kind=kind, days=n) for kind, n in days.items() if n)


def _days(kind: str, text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= MOST_DAYS):
        raise BadDays(kind)
    return int(text)


class Retaining:
    """Forgets what is too old; `clock` in ms."""

    def __init__(self, database: Database, files: FileStore, clock: Callable[[], int]) -> None:
        self._database = database
        self._files = files
        self._clock = clock

    def look(self) -> bool:
        """Forget one batch of each kind; true when there may be more."""
        with self._database.read() as session:
            wish = kept_for(session)
        forgotten = [self._forget(kind, days) for kind, days in wish.items()]
        return BATCH in forgotten

    def _forget(self, kind: str, days: int) -> int:
        before = self._clock() - days * DAY
        return self._database.write(lambda session: _FORGET[kind](session, before, self._files))


def _messages(session: Session, before: int, files: FileStore) -> int:
    upto = first_since(session, before, Message)
    old = select(Message.id).where(
        Message.id < upto, Message.created_at < before, Message.state.not_in(_OPEN)
    )
    ids = list(session.scalars(old.order_by(Message.id).limit(BATCH)))
    dropped = chat_rows.drop_messages(session.connection(), ids) if ids else chat_rows.Dropped()
    # Before the commit: of a message without its file somebody knows, of a file without its message nobody.
    for sha256 in media_store.unneeded(session, sorted(dropped.files)):
        files.forget(sha256)
    return len(ids)


def _runs(session: Session, before: int, _files: FileStore) -> int:
    return _rows(session, Run, Run.id < first_since(session, before, Run), before)


def _ai_calls(session: Session, before: int, _files: FileStore) -> int:
    return _rows(session, AiCall, AiCall.id < first_since(session, before, AiCall), before)


def _notices(session: Session, before: int, _files: FileStore) -> int:
    return _rows(session, Notice, Notice.id > 0, before)


def _rows(session: Session, model: Any, which: Any, before: int) -> int:
    chat_rows.securely(session.connection())
    old = select(model.id).where(which, model.created_at < before).order_by(model.id).limit(BATCH)
    ids = list(session.scalars(old))
    session.execute(delete(model).where(model.id.in_(ids)))
    return len(ids)


_FORGET: Final[Mapping[str, Callable[[Session, int, FileStore], int]]] = {
    "messages": _messages,
    "runs": _runs,
    "ai_calls": _ai_calls,
    "notices": _notices,
}
