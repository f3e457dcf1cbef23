"""Tables of brains: draft, versions, trainings and trained models of their intents, rollouts."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, JsonObject, Millis, pk


class Brain(Base):
    """Brain: one draft, many versions, one of them live."""

    __tablename__ = "brain"

    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    title: Mapped[str] = mapped_column(String(100))
    draft: Mapped[JsonObject]
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
    created_at: Mapped[Millis]
    updated_at: Mapped[Millis]
    archived_at: Mapped[Millis | None]


class BrainVersion(Base):
    """Published document; never changed, never deleted."""

    __tablename__ = "brain_version"
    __table_args__ = (UniqueConstraint("brain_id", "number"),)

    id: Mapped[pk]
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    document: Mapped[JsonObject]
    note: Mapped[str] = mapped_column(String(500), default="")
    # Why it was published although tests were not green; null = they were.
    override_reason: Mapped[str | None] = mapped_column(String(500))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Millis]
    # The trained model its intents are read with; null = it has none. No foreign key: SQLite would copy the table.
    intent_model_id: Mapped[int | None]


class IntentModel(Base):
    """Trained model of a brain's intents, shared by the versions whose intents are the same; never changed."""

    __tablename__ = "intent_model"
    __table_args__ = (UniqueConstraint("brain_id", "digest"),)

    id: Mapped[pk]
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    # What it was trained on (app.brains.nlu.training.training_set) and its own bytes, as SHA-256 in hex.
    training_digest: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    # The encoder it was trained with; empty = words alone.
    encoder: Mapped[str] = mapped_column(String(60), default="")
    # Cross-validated scores, confused pairs, weak examples (app.brains.nlu.training.evaluation).
    report: Mapped[JsonObject]
    # As app.brains.nlu.storage writes it.
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[Millis]


class IntentTraining(Base):
    """Training of a draft's intents by a worker; one under way a brain, the last ones are kept."""

    __tablename__ = "intent_training"
    __table_args__ = (
        Index("ix_intent_training_brain", "brain_id", "id"),
        Index(
            "uq_intent_training_active",
            "brain_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[pk]
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    # What it is trained on: the draft's intents when a worker took it up.
    training_digest: Mapped[str] = mapped_column(String(64))
    # waiting | running | done | failed | cancelled | interrupted (app.brains.versions.intent_trainings).
    state: Mapped[str] = mapped_column(String(12))
    progress: Mapped[int] = mapped_column(default=0)  # per cent
    # Why it failed, and what to do.
    error: Mapped[str] = mapped_column(String(500), default="")
    # What it made; no foreign key: models that nothing uses are deleted.
    model_id: Mapped[int | None]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    # How often a worker took it up, and until when (ms) the one that has it may be silent.
    attempts: Mapped[int] = mapped_column(default=0)
    taken_until: Mapped[Millis] = mapped_column(default=0)
    created_at: Mapped[Millis]
    ended_at: Mapped[Millis | None]


class Rollout(Base):
    """Rollout of a version to part of the contacts; one active a brain, never deleted."""

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
    # The guard (app.brains.versions.canary_guard.Guard).
    extra_failures: Mapped[int]
    slower: Mapped[int]
    min_runs: Mapped[int]
    # Runs of either arm and, in the shadow, what differs (app.brains.versions.canary_guard.RolloutStats).
    tally: Mapped[JsonObject]
    # Shadow: the last run that was looked at.
    cursor: Mapped[int] = mapped_column(BigInteger, default=0)
    started_at: Mapped[Millis]
    started_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    ended_at: Mapped[Millis | None]
    ended_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    # promoted | reverted | stopped; empty while it goes on.
    ending: Mapped[str] = mapped_column(String(8), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")
    # Who has still to be told that it was taken back, and through which connection; null = nobody.
    notify_to: Mapped[str | None] = mapped_column("tell_to", String(140))
    notify_connection_id: Mapped[int | None] = mapped_column(
        "tell_connection_id", ForeignKey("connection.id")
    )


class RolloutChat(Base):
    """Chat that was answered by one of the two versions of a rollout (column `arm`)."""

    __tablename__ = "rollout_chat"

    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.id"), primary_key=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"), primary_key=True)
    # base | candidate
    arm: Mapped[str] = mapped_column(String(9), primary_key=True)


class RolloutChange(Base):
    """Message on which the shadow candidate differs from the live version; the newest hundred are kept."""

    __tablename__ = "rollout_change"
    __table_args__ = (Index("ix_rollout_change_rollout", "rollout_id", "id"),)

    id: Mapped[pk]
    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.id"))
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    # One of app.brains.runtime.rehearsal.KINDS.
    kind: Mapped[str] = mapped_column(String(12))
    # What came of it and what would have: status, command, why, effects as data.
    before: Mapped[JsonObject] = mapped_column(JSON)
    after: Mapped[JsonObject] = mapped_column(JSON)
    notes: Mapped[list[Any]] = mapped_column(JSON)
