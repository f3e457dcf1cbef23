"""Tables of runs, cooldowns, schedules and command errors."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, JsonObject, Millis, pk

# Stands before the scope of a cooldown of the version in shadow mode, which rests by its own runs.
SHADOW_SCOPE: Final = "shadow:"


class Run(Base):
    """The stored record of a turn; `journal` is all it depended on, `digest` names what came of it."""

    __tablename__ = "run"
    __table_args__ = (Index("ix_run_message", "message_id"), Index("ix_run_brain", "brain_id", "id"))

    id: Mapped[pk]
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"))
    # Only what the analytics count by.
    connection_id: Mapped[int | None]
    brain_id: Mapped[int | None] = mapped_column(ForeignKey("brain.id"))
    version_id: Mapped[int | None] = mapped_column(ForeignKey("brain_version.id"))
    command_id: Mapped[str | None] = mapped_column(String(40))
    # A RunOutcome.
    outcome: Mapped[str] = mapped_column(String(12))
    # What kind of failure it was (app.brains.sandbox.types.SandboxError.kind); null when it was none.
    fault: Mapped[str | None] = mapped_column(String(12))
    trace: Mapped[JsonObject] = mapped_column(JSON)
    micros: Mapped[int] = mapped_column(default=0)
    journal: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    digest: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[Millis]


class Cooldown(Base):
    """A command that does not run in a scope until a moment."""

    __tablename__ = "cooldown"

    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"), primary_key=True)
    command_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    # contact:<id> | chat:<id> | brain; behind SHADOW_SCOPE for the version in shadow mode
    scope: Mapped[str] = mapped_column(String(40), primary_key=True)
    until: Mapped[Millis]


def list_cooldown_scopes(scopes: Iterable[str]) -> list[str]:
    """Return scopes as the table of cooldowns has them: those of answers, and those of the shadow mode."""
    return [prefix + scope for scope in scopes for prefix in ("", SHADOW_SCOPE)]


class Schedule(Base):
    """A command that will run in a chat at a moment; when that comes the row becomes an inbound message there."""

    __tablename__ = "schedule"
    __table_args__ = (
        Index(
            "uq_schedule_name",
            "chat_id",
            "brain_id",
            "name",
            unique=True,
            postgresql_where=text("name <> ''"),
            sqlite_where=text("name <> ''"),
        ),
        Index("ix_schedule_chat", "chat_id"),
        Index("ix_schedule_due", "due_at"),
        # The id names the message it becomes: SQLite must not give it to another row later.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[pk]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"))
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    command_id: Mapped[str] = mapped_column(String(40))
    # What the command was called when it was scheduled: for the note in the chat.
    command: Mapped[str] = mapped_column(String(100), default="")
    # Empty = it has none and nothing can replace or cancel it.
    name: Mapped[str] = mapped_column(String(100), default="")
    arguments: Mapped[JsonObject]
    due_at: Mapped[Millis]
    by_message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    created_at: Mapped[Millis]


class CommandError(Base):
    """An error of a command, counted over its repetitions (app.bot.command_errors)."""

    __tablename__ = "fault"
    __table_args__ = (
        UniqueConstraint("brain_id", "command_id", "fingerprint"),
        Index("ix_fault_last", "brain_id", "last_at"),
        Index(
            "ix_fault_tell",
            "id",
            postgresql_where=text("tell_to IS NOT NULL"),
            sqlite_where=text("tell_to IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    command_id: Mapped[str] = mapped_column(String(40))
    # sha256 of kind, line and the message without what differs from one time to the next.
    fingerprint: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(12))
    message: Mapped[str] = mapped_column(String(500))
    fix: Mapped[str] = mapped_column(String(500), default="")
    line: Mapped[int | None]
    column: Mapped[int | None]
    excerpt: Mapped[list[str]] = mapped_column(JSON)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("brain_version.id"))
    count: Mapped[int] = mapped_column(BigInteger, default=1)
    first_at: Mapped[Millis]
    last_at: Mapped[Millis]
    last_message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    last_chat_id: Mapped[int | None] = mapped_column(ForeignKey("chat.id"))
    # Who gets the next alert (a phone number or a user id) and through which connection; null = no alert is due.
    notify_to: Mapped[str | None] = mapped_column("tell_to", String(140))
    notify_connection_id: Mapped[int | None] = mapped_column(
        "tell_connection_id", ForeignKey("connection.id")
    )
    notified_at: Mapped[Millis | None] = mapped_column("told_at")
    # When an operator resolved it.
    resolved_at: Mapped[Millis | None] = mapped_column("settled_at")
