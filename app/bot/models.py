"""Tables of the pipeline: connections, contacts, chats, messages, runs and the workers' own."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.bot.run_models import Cooldown, Fault, Run, Schedule
from app.db import Base, document, millis, pk

__all__ = [
    "Chat",
    "Connection",
    "Contact",
    "Cooldown",
    "Counter",
    "Fault",
    "Message",
    "Notice",
    "Receipt",
    "Run",
    "Schedule",
    "Worker",
]


class Connection(Base):
    """One WhatsApp number joined to Brainbox through a channel."""

    __tablename__ = "connection"
    __table_args__ = (UniqueConstraint("channel", "account"),)

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(32))
    # What the channel routes by: the Cloud API's phone_number_id.
    account: Mapped[str] = mapped_column(String(64))
    config: Mapped[document]
    # Secrets of the channel's Config, one encrypted JSON object (app.secrets).
    secrets: Mapped[str] = mapped_column(Text, default="")
    brain_id: Mapped[int | None] = mapped_column(ForeignKey("brain.id"))
    enabled: Mapped[bool] = mapped_column(default=True)
    # 0 = no pacing.
    messages_per_second: Mapped[int] = mapped_column(default=80)
    pair_burst: Mapped[int] = mapped_column(default=45)
    # What becomes of a send with unknown outcome after the grace period: resend | hold.
    on_unknown: Mapped[str] = mapped_column(String(8), default="resend")
    # Sending stands still until then, with the reason; 0 = it does not.
    parked_until: Mapped[millis] = mapped_column(BigInteger, default=0)
    parked_reason: Mapped[str] = mapped_column(String(300), default="")
    # Virtual scheduling of the throughput limit (app.bot.pacing), in microseconds.
    next_slot: Mapped[millis] = mapped_column(BigInteger, default=0)
    last_webhook_at: Mapped[millis | None]
    created_at: Mapped[millis]
    archived_at: Mapped[millis | None]


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
    # The provider's id of the message this one quotes or reacts to.
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


class Notice(Base):
    """A webhook item that is neither message nor status: kept raw, shown, never an error."""

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_created", "created_at"),)

    id: Mapped[pk]
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("connection.id"))
    field: Mapped[str] = mapped_column(String(64))
    payload: Mapped[str] = mapped_column(Text)
    created_at: Mapped[millis]


class Worker(Base):
    """A worker's sign of life."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[millis]
    beat_at: Mapped[millis]
    in_flight: Mapped[int] = mapped_column(default=0)


class Counter(Base):
    """A number that has no rows of its own, such as webhooks refused for a bad signature."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, default=0)
