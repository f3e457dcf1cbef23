"""Sources of log events: tokens (shown once, stored as hashes), expiry, last use; the open ones of a process."""

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.clock import DAY_MS, MINUTE_MS
from app.db.change_notes import name_action
from app.db.writer import Database
from app.immutable import immutable
from app.logs.models import LogSource
from app.logs.token_bucket import TokenBucket
from app.signals import DomainError

log = structlog.get_logger(__name__)

# The sources of our own lines; no token may claim one.
OWN_SOURCES: Final = ("web", "worker", "sandbox", "browser", "cli")
MAX_SOURCES: Final = 50
MAX_RATE: Final = 10_000
DEFAULT_RATE: Final = 1_000
MAX_DAYS: Final = 3_650
# What is known is read again after this long (ms), and gone by for at most this long meanwhile.
MAX_AGE_MS: Final = 1_000
MAX_KNOWN_MS: Final = 3_000
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_TOKEN: Final = re.compile(r"bbl_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class InvalidSourceError(DomainError):
    """A source that cannot be made or changed as asked; `fields` says where."""

    code = "log-source"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


class SourceNotFoundError(DomainError):
    """No source has this id."""

    code = "log-source-not-found"


@immutable
class SourceInput:
    """What an operator asks of a source; `days` until its token ends, 0 = never."""

    name: str
    days: int = 0
    events_per_second: int = DEFAULT_RATE


@immutable
class NewToken:
    """A source with its token, which nobody sees again."""

    source: LogSource
    token: str


def list_sources(session: Session) -> list[LogSource]:
    """List the sources by name."""
    return list(session.scalars(select(LogSource).order_by(LogSource.name)))


def get_source(session: Session, source_id: int) -> LogSource:
    """Return a source; raises SourceNotFoundError."""
    source = session.get(LogSource, source_id)
    if source is None:
        raise SourceNotFoundError("This source is not there any more. Look at the list again.")
    return source


def create_source(session: Session, data: SourceInput, now: int) -> NewToken:
    """Make a source and its token; raises InvalidSourceError."""
    problems = _find_problems(session, data)
    if problems:
        raise InvalidSourceError(problems)
    source = LogSource(
        name=data.name.strip(),
        enabled=True,
        events_per_second=data.events_per_second,
        created_at=now,
        expires_at=now + data.days * DAY_MS if data.days else None,
        used_at=None,
    )
    token = _set_token(source)
    session.add(source)
    session.flush()
    return NewToken(source, token)


def replace_token(session: Session, source_id: int, now: int) -> NewToken:
    """Give a source a new token with the old one's span; the old one ends at once. Raises SourceNotFoundError."""
    source = get_source(session, source_id)
    if source.expires_at is not None:
        source.expires_at = now + max(source.expires_at - source.created_at, DAY_MS)
    source.created_at = now
    name_action(session, "log source token replaced")
    return NewToken(source, _set_token(source))


def set_enabled(session: Session, source_id: int, *, enabled: bool) -> LogSource:
    """Let a source send events, or not; raises SourceNotFoundError."""
    source = get_source(session, source_id)
    source.enabled = enabled
    name_action(session, "log source switched")
    return source


def delete_source(session: Session, source_id: int) -> str:
    """Delete a source and its token, its events stay; returns its name. Raises SourceNotFoundError."""
    source = get_source(session, source_id)
    session.delete(source)
    return source.name


def _set_token(source: LogSource) -> str:
    source.key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    source.token_hash = _hash(secret)
    return f"bbl_{source.key}_{secret}"


def _hash(secret: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()


def _find_problems(session: Session, data: SourceInput) -> dict[str, str]:
    found: dict[str, str] = {}
    name = data.name.strip()
    if not _NAME.fullmatch(name):
        found["name"] = "Use 1 to 40 small letters, digits, dots and dashes, such as shop-frontend."
    elif name in OWN_SOURCES:
        found["name"] = f"“{name}” is a part of Brainbox itself: choose another name."
    elif session.scalar(select(LogSource.id).where(LogSource.name == name)):
        found["name"] = f"There is already a source called “{name}”."
    elif len(list_sources(session)) >= MAX_SOURCES:
        found["name"] = f"There are {MAX_SOURCES} sources already. Delete one first."
    if not 0 <= data.days <= MAX_DAYS:
        found["days"] = f"Write a number of days up to {MAX_DAYS:,}, or leave it empty."
    if not 1 <= data.events_per_second <= MAX_RATE:
        found["events_per_second"] = f"Write 1 to {MAX_RATE:,} events a second."
    return found


class OpenSource:
    """A source that may send now, with its limit in this process."""

    def __init__(self, row: LogSource, clock: Callable[[], float]) -> None:
        self.id = row.id
        self.name = row.name
        self.token_hash = row.token_hash
        self.expires_at = row.expires_at
        self.bucket = TokenBucket(row.events_per_second, clock)


class SourceRegistry:
    """The sources of a process by their tokens; at most MAX_KNOWN_MS out of date. `clock` in ms.

    When the database cannot be asked, what is known stays in use.
    """

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._read_at = 0
        self._is_loaded = False
        self._by_key: dict[str, OpenSource] = {}
        self._used: dict[int, int] = {}
        self._saved: dict[int, int] = {}

    @property
    def is_stale(self) -> bool:
        """Whether the next refresh reads the database."""
        return self._clock() - self._read_at >= MAX_AGE_MS

    @property
    def is_outdated(self) -> bool:
        """Whether what is known is too old to go by until it has been read again."""
        return not self._is_loaded or self._clock() - self._read_at >= MAX_KNOWN_MS

    def invalidate(self) -> None:
        """Read the database at the next refresh: a source was changed."""
        self._read_at = 0

    def refresh(self) -> None:
        """Read the sources if it is time; raises SQLAlchemyError only when nothing is known yet."""
        if not self.is_stale:
            return
        with self._lock:
            if not self.is_stale:
                return
            try:
                self._read()
            except SQLAlchemyError as error:
                if not self._is_loaded:
                    raise
                log.warning("log sources not read; the last ones stay in use", reason=type(error).__name__)
            self._read_at = self._clock()

    def find(self, authorization: str | None) -> OpenSource | None:
        """Return the source of an Authorization header; None for one that opens nothing, or no more."""
        scheme, _, token = (authorization or "").partition(" ")
        found = _TOKEN.fullmatch(token.strip()) if scheme.lower() == "bearer" else None
        source = self._by_key.get(found[1]) if found else None
        # Compared also where there is none: the time says nothing about keys.
        is_right = hmac.compare_digest(
            _hash(found[2] if found else ""), source.token_hash if source else "0" * 64
        )
        if source is None or not is_right:
            return None
        now = self._clock()
        if source.expires_at is not None and source.expires_at <= now:
            return None
        self._used[source.id] = now
        return source

    @property
    def has_new_uses(self) -> bool:
        """Whether a last use waits to be written down."""
        return any(at - self._saved.get(id_, 0) >= MINUTE_MS for id_, at in self._used.items())

    def save_uses(self) -> None:
        """Write the last uses down, each at most once a minute; a database that is away does not matter."""
        due = {id_: at for id_, at in self._used.items() if at - self._saved.get(id_, 0) >= MINUTE_MS}
        if not due:
            return

        def save(session: Session) -> None:
            for source in session.scalars(select(LogSource).where(LogSource.id.in_(due))):
                source.used_at = max(source.used_at or 0, due[source.id])

        self._saved.update(due)
        try:
            self._database.write(save)
        except SQLAlchemyError as error:
            log.warning("last uses of log sources not stored", reason=type(error).__name__)

    def _read(self) -> None:
        with self._database.read() as session:
            rows = session.scalars(select(LogSource).where(LogSource.enabled)).all()
        self._by_key = {row.key: self._keep(row) for row in rows}
        self._is_loaded = True

    def _keep(self, row: LogSource) -> OpenSource:
        known = self._by_key.get(row.key)
        if known is None or known.bucket.rate != row.events_per_second:
            return OpenSource(row, time.monotonic)
        known.expires_at = row.expires_at
        return known
