"""Queue of media downloads: enqueue, claim, number of attempts and retry delay, batch size."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert, literal_column, select, update
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import MediaFile, Message
from app.bot.states import FileState, sql_is
from app.db.after_commit import send_changed
from app.db.statements import Rows
from app.files import clean_file_name
from app.immutable import immutable
from app.text import to_storable

MEDIA_KINDS = frozenset({"image", "video", "audio", "document", "sticker"})
# Meta wrote voice notes as a type of their own once.
_MEDIA_FIELDS = (*sorted(MEDIA_KINDS), "voice")


def parse_file(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a message says of its file: `id`, `mime_type`, perhaps `filename`; empty without one."""
    for name in _MEDIA_FIELDS:
        body = payload.get(name)
        if isinstance(body, Mapping) and body.get("id"):
            return body
    return {}


def enqueue(db: Db, stored: Rows, payloads: Mapping[tuple[int, str], Mapping[str, Any]], now: int) -> None:
    """Enqueue the files of new messages; `payloads` by connection and provider id."""
    rows = [
        _build_row(row, file, now)
        for row in stored
        if (file := parse_file(payloads.get((row["connection_id"], row["provider_id"]), {})))
    ]
    if rows:
        db.execute(insert(MediaFile), rows)


def _build_row(row: Mapping[str, Any], file: Mapping[str, Any], now: int) -> dict[str, Any]:
    return {
        "message_id": row["id"],
        "connection_id": row["connection_id"],
        "media_id": _to_text(file.get("id"), 255),
        "mime": _to_text(file.get("mime_type"), 100),
        "filename": clean_file_name(_to_text(file.get("filename"), 4_096)),
        "state": FileState.WANTED,
        "attempts": 0,
        "next_at": now,
        "created_at": now,
    }


def _to_text(value: object, limit: int) -> str:
    return to_storable(str(value or ""))[:limit]


# A fetch that has not come back by then was given up by its worker (ms).
CLAIM_TIMEOUT_MS = 10 * 60_000
BATCH_SIZE = 8
MAX_ATTEMPTS = 8
# Wait before try n + 1: 5 s, doubled each time, at most an hour.
BACKOFF_BASE_MS, BACKOFF_MAX_MS = 5_000, 3_600_000


@immutable
class Download:
    """A file to be fetched now."""

    id: int
    chat_id: int
    connection_id: int
    media_id: str
    attempts: int


@immutable
class DownloadResult:
    """What became of a fetch: a kept file, or an error (`is_final`: trying again will not help)."""

    download: Download
    sha256: str = ""
    mime: str = ""
    size: int = 0
    error: str = ""
    is_final: bool = False


def claim_due(db: Db, moments: Sequence[int]) -> list[list[Download]]:
    """Claim the files that are due at each moment (ms); other workers skip them meanwhile."""
    return [_claim_due(db, now) for now in moments]


def _claim_due(db: Db, now: int) -> list[Download]:
    due = (
        select(MediaFile.id)
        .where(literal_column(sql_is("media_file.state", FileState.WANTED)), MediaFile.next_at <= now)
        .order_by(MediaFile.next_at)
        .limit(BATCH_SIZE)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(MediaFile)
        .where(MediaFile.id.in_(due))
        .values(next_at=now + CLAIM_TIMEOUT_MS, attempts=MediaFile.attempts + 1)
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
        Download(row.id, chats[row.message_id], row.connection_id, row.media_id, row.attempts) for row in rows
    ]


def record_result(session: Session, result: DownloadResult, now: int) -> bool:
    """Store the result of a fetch; false when the message was erased meanwhile. `now` in ms."""
    send_changed(session, topics.chat(result.download.chat_id))
    row = session.get(MediaFile, result.download.id)
    if row is None or row.media_id != result.download.media_id:
        return False
    if result.sha256:
        row.state, row.sha256, row.size, row.error = FileState.KEPT, result.sha256, result.size, None
        row.mime = result.mime[:100] or row.mime
        return True
    row.error = result.error[:300]
    if result.is_final or row.attempts >= MAX_ATTEMPTS:
        row.state = FileState.GONE if result.is_final else FileState.FAILED
    else:
        row.next_at = now + min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (row.attempts - 1))
    return True


def requeue(session: Session, message_id: int, now: int) -> bool:
    """Have a file fetched once more; false when there is nothing to fetch."""
    row = session.scalar(select(MediaFile).where(MediaFile.message_id == message_id))
    if row is None or row.state not in {FileState.FAILED, FileState.GONE} or not row.media_id:
        return False
    row.state, row.attempts, row.next_at, row.error = FileState.WANTED, 0, now, None
    chat_id = session.scalar(select(Message.chat_id).where(Message.id == message_id))
    if chat_id is not None:
        send_changed(session, topics.chat(chat_id))
    return True


def find_unreferenced(session: Session, digests: Sequence[str]) -> list[str]:
    """Return which stored files no message has any more: these may be deleted."""
    kept = set(session.scalars(select(MediaFile.sha256).where(MediaFile.sha256.in_(digests))))
    return [each for each in digests if each not in kept]
