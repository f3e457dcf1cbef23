"""Files of messages in the database: what is to be fetched, what became of it, and who may still need a stored file."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection as Db
from sqlalchemy import literal_column, select, update
from sqlalchemy.orm import Session

from app.bot.models import MediaFile, Message

# A fetch that has not come back by then was given up by its worker (ms).
PATIENCE = 10 * 60_000
BATCH = 8
MAX_TRIES = 8
# Wait before try n + 1: 5 s, doubled each time, at most an hour.
FIRST_WAIT, LONGEST_WAIT = 5_000, 3_600_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file to be fetched now."""

    id: int
    chat_id: int
    connection_id: int
    media_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of a fetch: a kept file, or a reason (`final`: trying again will not help)."""

    wanted: Wanted
    sha256: str = ""
    mime: str = ""
    size: int = 0
    error: str = ""
    final: bool = False


def take_due(db: Db, moments: Sequence[int]) -> list[list[Wanted]]:
    """Take files whose turn has come, at a moment (ms); other workers leave them alone meanwhile."""
    return [_take_due(db, now) for now in moments]


def _take_due(db: Db, now: int) -> list[Wanted]:
    due = (
        select(MediaFile.id)
        .where(literal_column("media_file.state = 'wanted'"), MediaFile.next_at <= now)
        .order_by(MediaFile.next_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(MediaFile)
        .where(MediaFile.id.in_(due))
        .values(next_at=now + PATIENCE, attempts=MediaFile.attempts + 1)
        .returning(
            MediaFile.id,
            MediaFile.message_id,
            MediaFile.connection_id,
            MediaFile.media_id,
            MediaFile.attempts,
        )
    )
    rows = db.execute(taken).all()
    ids = [row.message_id for row in rows]
    places = select(Message.id, Message.chat_id).where(Message.id.in_(ids))
    chats: dict[int, int] = {row.id: row.chat_id for row in db.execute(places)}
    return [
        Wanted(row.id, chats[row.message_id], row.connection_id, row.media_id, row.attempts) for row in rows
    ]


def store(session: Session, fetched: Fetched, now: int) -> bool:
    """Note what became of a fetch; false when nobody wants the file any more: its message was erased."""
    row = session.get(MediaFile, fetched.wanted.id)
    if row is None or row.media_id != fetched.wanted.media_id:
        return False
    if fetched.sha256:
        row.state, row.sha256, row.size, row.error = "kept", fetched.sha256, fetched.size, None
        row.mime = fetched.mime[:100] or row.mime
        return True
    row.error = fetched.error[:300]
    if fetched.final or row.attempts >= MAX_TRIES:
        row.state = "gone" if fetched.final else "failed"
    else:
        row.next_at = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** (row.attempts - 1))
    return True


def want_again(session: Session, message_id: int, now: int) -> bool:
    """Have a file fetched once more; false when there is nothing to fetch."""
    row = session.scalar(select(MediaFile).where(MediaFile.message_id == message_id))
    if row is None or row.state not in {"failed", "gone"} or not row.media_id:
        return False
    row.state, row.attempts, row.next_at, row.error = "wanted", 0, now, None
    return True


def unneeded(session: Session, digests: Sequence[str]) -> list[str]:
    """Return which stored files no message has any more: these may be deleted."""
    kept = set(session.scalars(select(MediaFile.sha256).where(MediaFile.sha256.in_(digests))))
    return [each for each in digests if each not in kept]
