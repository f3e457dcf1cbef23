"""Tables of rollouts: a version tried beside the live one, whom it answered, and what it would have said."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, document, millis, pk


class Rollout(Base):
    """A version tried before it is live for all; one at a time for each brain, kept for ever."""

    __tablename__ = "rollout"
    __table_args__ = (
        Index("ix_rollout_brain", "brain_id", "id"),
        Index(
            "uq_rollout_active",
            "brain_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_rollout_tell",
            "id",
            postgresql_where=text("tell_to IS NOT NULL"),
            sqlite_where=text("tell_to IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("brain_version.id"))
    # What was live when it began: what the candidate is held against, and what answers when it is taken back.
    base_version_id: Mapped[int] = mapped_column(ForeignKey("brain_version.id"))
    # canary: it answers part of the contacts. shadow: it answers nobody.
    mode: Mapped[str] = mapped_column(String(8))
    percent: Mapped[int] = mapped_column(default=0)
    # The guard (app.brains.rollout.Guard).
    extra_failures: Mapped[int]
    slower: Mapped[int]
    min_runs: Mapped[int]
    # Runs of either arm and, in the shadow, what differs (app.brains.rollout.Tally).
    tally: Mapped[document]
    # Shadow: the last run that was looked at.
    cursor: Mapped[int] = mapped_column(BigInteger, default=0)
    started_at: Mapped[millis]
    started_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    ended_at: Mapped[millis | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    # promoted | reverted | stopped; empty while it goes on.
    ending: Mapped[str] = mapped_column(String(8), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")
    # Who has still to be told that it was taken back, and through which connection; null = nobody.
    tell_to: Mapped[str | None] = mapped_column(String(140))
    tell_connection_id: Mapped[int | None] = mapped_column(ForeignKey("connection.id"))


class RolloutChat(Base):
    """A chat that was answered by an arm of a rollout: whom the candidate has met."""

    __tablename__ = "rollout_chat"

    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.id"), primary_key=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"), primary_key=True)
    # base | candidate
    arm: Mapped[str] = mapped_column(String(9), primary_key=True)


class RolloutChange(Base):
    """A message on which the silent candidate differs from what was live; the newest hundred are kept."""

    __tablename__ = "rollout_change"
    __table_args__ = (Index("ix_rollout_change_rollout", "rollout_id", "id"),)

    id: Mapped[pk]
    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.id"))
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    # One of app.brains.rehearsal.KINDS.
    kind: Mapped[str] = mapped_column(String(12))
    # What came of it and what would have: status, command, why, effects as data.
    before: Mapped[document] = mapped_column(JSON)
    after: Mapped[document] = mapped_column(JSON)
    notes: Mapped[list[Any]] = mapped_column(JSON)
