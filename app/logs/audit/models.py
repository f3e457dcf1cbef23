"""Tables of the audit: entries in a chain of hashes, its head, and the sealed keys it is computed with."""

from typing import Any

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, BigId, Millis
from app.logs.audit.stored_values import (
    LATEST_MOMENT,
    StoredChanges,
    StoredId,
    StoredNumber,
    StoredText,
)

KEPT_KIND = 40
KEPT_ACTION = 80
KEPT_NAME = 200


class AuditEntry(Base):
    """One change: who did what to what, with what was there before and after; rows are only added.

    A value that somebody has made unreadable is read as app.logs.audit.stored_values.Unreadable.

    `number` counts 1, 2, 3 without gaps. `hash` is an HMAC-SHA-256 over all other columns (app.logs.audit.chain),
    `previous` that of the entry before; both in hex.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_at", "at"),
        Index("ix_audit_entry_actor", "actor_kind", "actor_id", "number"),
        Index("ix_audit_entry_subject", "subject_kind", "subject_id", "number"),
        Index("ix_audit_entry_action", "action", "number"),
    )

    number: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(StoredNumber(LATEST_MOMENT))
    # An ActorKind (app.db.actor), the id of the person or token, and what they were called then.
    actor_kind: Mapped[str] = mapped_column(StoredText(12))
    actor_id: Mapped[int | None] = mapped_column(StoredId)
    actor_name: Mapped[str] = mapped_column(StoredText(KEPT_NAME))
    # Where a request came from: an IP address.
    address: Mapped[str | None] = mapped_column(StoredText(45))
    action: Mapped[str] = mapped_column(StoredText(KEPT_ACTION))
    # A word of app.logs.audit.policies; the primary key as text.
    subject_kind: Mapped[str] = mapped_column(StoredText(KEPT_KIND))
    subject_id: Mapped[str] = mapped_column(StoredText(80))
    subject_name: Mapped[str] = mapped_column(StoredText(KEPT_NAME))
    # Rows that changed: kind, id, name, before, after (changed columns alone; null where there was or is no row).
    changes: Mapped[list[Any]] = mapped_column(StoredChanges)
    request_id: Mapped[str | None] = mapped_column(StoredText(64))
    key_id: Mapped[int] = mapped_column(StoredId)
    previous: Mapped[str] = mapped_column(StoredText(64))
    hash: Mapped[str] = mapped_column(StoredText(64))


class AuditHead(Base):
    """Number and hash of the last entry: one row, locked by whoever adds the next."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(StoredNumber)
    hash: Mapped[str] = mapped_column(StoredText(64))


class AuditKey(Base):
    """A key of the chain, encrypted by the vault; another is made when no vault key opens the last."""

    __tablename__ = "audit_key"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Millis]
