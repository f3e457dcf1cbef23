"""Files of messages as a thread shows them: which types open inline."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.models import MediaFile
from app.immutable import immutable
from app.unicode import strip_direction_marks

# What a browser shows by itself, and how; anything else is offered for download.
INLINE_TYPES = {
    "image": ("image/jpeg", "image/png", "image/webp", "image/gif"),
    "video": ("video/mp4", "video/3gpp", "video/webm"),
    "audio": ("audio/ogg", "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "audio/webm", "audio/wav"),
}


@immutable
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
        return next((shape for shape, types in INLINE_TYPES.items() if self.mime in types), "file")


def load(session: Session, message_ids: Sequence[int]) -> Mapping[int, Attachment]:
    """Return the files of messages, by their ids."""
    if not message_ids:
        return {}
    rows = session.scalars(select(MediaFile).where(MediaFile.message_id.in_(message_ids)))
    return {row.message_id: _build_attachment(row) for row in rows}


def find(session: Session, message_id: int) -> Attachment | None:
    """Return the file of a message."""
    return load(session, [message_id]).get(message_id)


def _build_attachment(row: MediaFile) -> Attachment:
    mime = row.mime.partition(";")[0].strip().lower()
    return Attachment(
        row.message_id, row.state, mime, strip_direction_marks(row.filename), row.size, row.sha256, row.error
    )
