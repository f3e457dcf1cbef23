"""Tables of the pipeline: connections, contacts, chats, messages, runs and the workers' own."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.bot import counting  # noqa: F401  its triggers come with the tables
from app.bot.connection_models import Connection
from app.bot.desk_models import Attempt, Errand
from app.bot.inbox_models import ChatLabel, Label, MediaFile, Note
from app.bot.privacy.rows import Erasure, Retention
from app.bot.rollup_models import Rollup, RollupDelta
from app.bot.run_models import Cooldown, Fault, Run, Schedule
from app.bot.service_models import Counter, Notice, Worker
from app.db import Base, document, millis, pk

__all__ = [
    "Attempt",
    "Chat",
    "ChatLabel",
    "Connection",
    "Contact",
    "Cooldown",
    "Counter",
    "Erasure",
    "Errand",
    "Fault",
    "Label",
    "MediaFile",
    "Message",
    "Note",
    "Notice",
    "Receipt",
    "Retention",
    "Rollup",
    "RollupDelta",
    "Run",
    "Schedule",
    "Worker",
]


class Contact(Base):
    """A person; known by a business-scoped user id, a phone number or both."""

    __tablename__ = "contact"
    __table_args__ = (
        Index("uq_contact_user", "connection_id", "user_id", unique=True),
        Index("uq_contact_phone", "connection_id", "phone", unique=True),
    )

    id: Mapped[pk]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    user_id: Mapped[str | None] = mapped_column(String(140))
    phone: Mapped[str | None] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200), default="")
    username: Mapped[str] = mapped_column(String(100), default="")
    created_at: Mapped[millis]


class Chat(Base):
    """A conversation, and the lease under which one worker at a time serves it.

    `ready_at` is null when there is nothing to do. A worker claims a chat whose `ready_at` has come and whose lease
    has run out by raising `epoch`; whatever it writes later requires that epoch.
    """

    __tablename__ = "chat"
    __table_args__ = (
        Index("uq_chat_contact", "contact_id", unique=True),
        Index("uq_chat_group", "connection_id", "group_id", unique=True),
        Index(
            "ix_chat_ready",
            "ready_at",
            postgresql_where=text("ready_at IS NOT NULL"),
            sqlite_where=text("ready_at IS NOT NULL"),
        ),
        Index("ix_chat_recent", "last_message_at", "id"),
        Index(
            "ix_chat_unread",
            "last_message_at",
            "id",
            postgresql_where=text("unread_count > 0"),
            sqlite_where=text("unread_count > 0"),
        ),
        Index(
            "ix_chat_paused_until",
            "paused_until",
            postgresql_where=text("paused_until IS NOT NULL"),
            sqlite_where=text("paused_until IS NOT NULL"),
        ),
        Index(
            "ix_chat_paused",
            "last_message_at",
            "id",
            postgresql_where=text("paused_at IS NOT NULL"),
            sqlite_where=text("paused_at IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    group_id: Mapped[str | None] = mapped_column(String(140))
    title: Mapped[str] = mapped_column(String(200), default="")
    last_message_at: Mapped[millis]
    # The customer service window: 24 h after the last inbound message.
    window_until: Mapped[millis] = mapped_column(BigInteger, default=0)
    # Inbound messages not yet handled.
    pending: Mapped[int] = mapped_column(default=0)
    ready_at: Mapped[millis | None]
    lease_until: Mapped[millis] = mapped_column(BigInteger, default=0)
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    owner: Mapped[str | None] = mapped_column(String(120))
    # Virtual scheduling of the limit between this number and this person (app.bot.pacing).
    pair_slot: Mapped[millis] = mapped_column(BigInteger, default=0)
    # A person answers here since then: the brain stays silent until somebody lets it go on.
    paused_at: Mapped[millis | None]
    pause_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")
    # The brain goes on by itself then; null = when somebody says so.
    paused_until: Mapped[millis | None]
    # The conversation finishes on the version it began with: until when, and of which brain at which rollback count.
    session_version_id: Mapped[int | None]
    session_brain_id: Mapped[int | None]
    session_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    session_until: Mapped[millis] = mapped_column(BigInteger, default=0, server_default="0")
    # Inbound messages nobody of the team has looked at (app.bot.unread).
    unread_count: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[millis]


class Message(Base):
    """One inbound or outbound item of a chat.

    Inbound states: new, done, stored (kept, never a trigger), dead. Outbound states: queued, sending, retry, unknown,
    held, sent, failed, delivered, read, played, dead (app.bot.statuses).
    """

    __tablename__ = "message"
    __table_args__ = (
        Index(
            "uq_message_inbound",
            "connection_id",
            "provider_id",
            unique=True,
            postgresql_where=text("direction = 'in'"),
            sqlite_where=text("direction = 'in'"),
        ),
        Index(
            "ix_message_sent",
            "provider_id",
            postgresql_where=text("direction = 'out' AND provider_id IS NOT NULL"),
            sqlite_where=text("direction = 'out' AND provider_id IS NOT NULL"),
        ),
        Index(
            "uq_message_key",
            "key",
            unique=True,
            postgresql_where=text("key IS NOT NULL"),
            sqlite_where=text("key IS NOT NULL"),
        ),
        Index("ix_message_chat", "chat_id", "id"),
        Index(
            "ix_message_new",
            "chat_id",
            "id",
            postgresql_where=text("state = 'new'"),
            sqlite_where=text("state = 'new'"),
        ),
        Index(
            "ix_message_open",
            "chat_id",
            "id",
            postgresql_where=text("state IN ('queued','sending','retry','unknown')"),
            sqlite_where=text("state IN ('queued','sending','retry','unknown')"),
        ),
        Index(
            "ix_message_trouble",
            "state",
            "id",
            postgresql_where=text("state IN ('dead','unknown','held','failed')"),
            sqlite_where=text("state IN ('dead','unknown','held','failed')"),
        ),
        # For the failure desk (app.bot.failures).
        Index(
            "ix_message_desk",
            "error_code",
            "id",
            "direction",
            "state",
            "connection_id",
            "brain_id",
            postgresql_where=text("state IN ('dead','unknown','held','failed','retry') AND aside_at IS NULL"),
            sqlite_where=text("state IN ('dead','unknown','held','failed','retry') AND aside_at IS NULL"),
        ),
        Index(
            "ix_message_aside",
            "aside_at",
            "id",
            postgresql_where=text("aside_at IS NOT NULL"),
            sqlite_where=text("aside_at IS NOT NULL"),
        ),
        Index(
            "ix_message_stuck",
            "chat_id",
            "state",
            postgresql_where=text("state IN ('dead','unknown','held','failed')"),
            sqlite_where=text("state IN ('dead','unknown','held','failed')"),
        ),
        Index(
            "ix_message_about",
            "chat_id",
            "quoted_id",
            postgresql_where=text("kind IN ('reaction','edit')"),
            sqlite_where=text("kind IN ('reaction','edit')"),
        ),
    )

    id: Mapped[pk]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"))
    direction: Mapped[str] = mapped_column(String(3))
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(12))
    text: Mapped[str] = mapped_column(Text, default="")
    # Inbound: the channel's own object. Outbound: the content (app.bot.content).
    payload: Mapped[document]
    provider_id: Mapped[str | None] = mapped_column(String(255))
    # Outbound: our own name for this send, echoed by status webhooks (biz_opaque_callback_data).
    key: Mapped[str | None] = mapped_column(String(64))
    # The provider's id of the message this one quotes, reacts to, changes or takes back.
    quoted_id: Mapped[str | None] = mapped_column(String(255))
    # Outbound: the inbound message it answers, and its place among the answers.
    parent_id: Mapped[int | None]
    ordinal: Mapped[int] = mapped_column(default=0)
    # Who wrote it: contact | brain (also for a scheduled tick) | operator | phone (typed in the phone app).
    author: Mapped[str] = mapped_column(String(10), default="contact")
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[millis | None]
    error_code: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[millis]
    provider_at: Mapped[millis | None]
    sent_at: Mapped[millis | None]
    delivered_at: Mapped[millis | None]
    read_at: Mapped[millis | None]
    failed_at: Mapped[millis | None]
    edited_at: Mapped[millis | None]
    revoked_at: Mapped[millis | None]
    # An operator has put the failure away: nothing is to be done about it.
    aside_at: Mapped[millis | None]
    # Outbound: whose words these are, and in answer to a message of which moment; only what the analytics count by.
    brain_id: Mapped[int | None]
    version_id: Mapped[int | None]
    command_id: Mapped[str | None] = mapped_column(String(40))
    # Of the first answer alone: when the message it answers came in.
    asked_at: Mapped[millis | None]
    # When the provider took it from our own hands; a receipt's moment is in whole seconds and may lie before it.
    accepted_at: Mapped[millis | None]
    # Inbound: how often it was delivered again, and ignored. Without a default here: inserts need not name it.
    repeats: Mapped[int] = mapped_column(server_default="0")


class Receipt(Base):
    """A status that came before the send it speaks of was known; applied when the send appears."""

    __tablename__ = "receipt"
    __table_args__ = (Index("ix_receipt_provider", "provider_id"), Index("ix_receipt_key", "key"))

    id: Mapped[pk]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    provider_id: Mapped[str] = mapped_column(String(255))
    key: Mapped[str | None] = mapped_column(String(512))
    status: Mapped[str] = mapped_column(String(20))
    at: Mapped[millis]
    payload: Mapped[document]
    created_at: Mapped[millis]
