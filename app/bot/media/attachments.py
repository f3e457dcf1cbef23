"""The files of messages, as a thread shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.media_wanted import KINDS
from app.bot.models import MediaFile

__all__ = ["KINDS", "Attachment", "get", "of"]

# What a browser shows by itself, and how; anything else is offered for download.
SHOWN = {
    "image": ("image/jpeg", "image/png", "image/webp", "image/gif"),
    "video": ("video/mp4", "video/3gpp", "video/webm"),
    "audio": ("audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "audio/webm", "audio/wav"),
}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of ours; `shape`: image | video | audio | file; `size` in bytes."""

    message_id: int
    state: str
    mime: str
    filename: str
    size: int | None
    sha256: str | None
    error: str | None

    @property
    def shape(self) -> str:
        """How it is shown."""
        return next((shape for shape, types in SHOWN.items() if self.mime in types), "file")


def of(session: Session, message_ids: Sequence[int]) -> Mapping[int, Attachment]:
    """Return the files of messages, by their ids."""
    if not message_ids:
        return {}
    rows = session.scalars(select(MediaFile).where(MediaFile.message_id.in_(message_ids)))
    return {row.message_id: _attachment(row) for row in rows}


def get(session: Session, message_id: int) -> Attachment | None:
    """Return the file of a message."""
    return of(session, [message_id]).get(message_id)


def _attachment(row: MediaFile) -> Attachment:
    mime = row.mime.partition(";")[0].strip().lower()
    return Attachment(row.message_id, row.state, mime, row.filename, row.size, row.sha256, row.error)
