"""Table of variables that brains store."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Double, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, Millis, pk


class Memory(Base):
    """Variable of a brain, for a contact, a chat or the brain itself."""

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
    expires_at: Mapped[Millis | None]
    updated_at: Mapped[Millis]
