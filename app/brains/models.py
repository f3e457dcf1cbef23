"""Tables of brains: the editable draft, its immutable versions, and what they remember."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, String, UniqueConstraint, text
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
    # The version that answers `candidate_percent` of 100 contacts instead, and the rollout that says so.
    candidate_version_id: Mapped[int | None]
    candidate_percent: Mapped[int] = mapped_column(default=0, server_default="0")
    rollout_id: Mapped[int | None]
    # Counts rollbacks: a conversation that began before one does not finish on its version.
    session_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
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
    # Why it was published although tests were not green; null = they were.
    override_reason: Mapped[str | None] = mapped_column(String(500))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[millis]


class Memory(Base):
    """One value a brain remembers, for a contact, for a chat or for itself."""

    __tablename__ = "memory"
    __table_args__ = (
        UniqueConstraint("brain_id", "scope", "key"),
        Index("ix_memory_number", "brain_id", "key", "number"),
        Index(
            "ix_memory_expires",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL"),
            sqlite_where=text("expires_at IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    # contact:<id>, chat:<id> or brain.
    scope: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(100))
    value: Mapped[Any] = mapped_column(JSON)
    # The value once more when it is a number: what lists of the highest are sorted by.
    number: Mapped[float | None] = mapped_column(Double)
    # Grows with every change; a row that is made anew begins above all it had before.
    rev: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[millis | None]
    updated_at: Mapped[millis]


class Playground(Base):
    """The phones one operator tries a brain with, and all that was said on them."""

    __tablename__ = "playground"
    __table_args__ = (UniqueConstraint("user_id", "brain_id"),)

    id: Mapped[pk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    state: Mapped[document]
    # Counts changes: one that was made from an older state is done again.
    rev: Mapped[int]
    updated_at: Mapped[millis]
