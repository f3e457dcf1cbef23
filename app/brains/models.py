"""Tables of brains: the editable draft and its immutable versions."""

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, document, millis, pk


class Brain(Base):
    """A bot's behaviour: one draft, many versions, one of them live."""

    __tablename__ = "brain"

    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    title: Mapped[str] = mapped_column(String(100))
    draft: Mapped[document]
    # Counts saves: a save that was based on an older count is refused, not merged silently.
    draft_rev: Mapped[int] = mapped_column(default=1)
    # No foreign key: the two tables would need each other first, and versions are never deleted.
    live_version_id: Mapped[int | None]
    created_at: Mapped[millis]
    updated_at: Mapped[millis]
    archived_at: Mapped[millis | None]


class BrainVersion(Base):
    """A published document; never changed, never deleted."""

    __tablename__ = "brain_version"
    __table_args__ = (UniqueConstraint("brain_id", "number"),)

    id: Mapped[pk]
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    document: Mapped[document]
    note: Mapped[str] = mapped_column(String(500), default="")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[millis]
