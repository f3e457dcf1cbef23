"""Tables of contacts, chats, messages and early receipts, with their indexes."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.bot.states import (
    ATTACHED_KINDS,
    CHANGE_KINDS,
    FAILURE_PAGE_STATES,
    TROUBLE_STATES,
    UNSETTLED_STATES,
    Author,
    Direction,
    MessageState,
    sql_any,
    sql_is,
)
from app.db.schema import Base, JsonObject, Millis, pk

# Conditions of partial indexes.
_IS_INBOUND = text(sql_is("direction", Direction.IN))
_IS_SENT = text(sql_is("direction", Direction.OUT) + " AND provider_id IS NOT NULL")
_IS_NEW = text(sql_is("state", MessageState.NEW))
_IS_UNSETTLED = text(sql_any("state", UNSETTLED_STATES))
_IS_TROUBLE = text(sql_any("state", TROUBLE_STATES))
_IS_OPEN_FAILURE = text(sql_any("state", FAILURE_PAGE_STATES) + " AND aside_at IS NULL")
_IS_CHANGE = text(sql_any("kind", CHANGE_KINDS))
_IS_ATTACHED = text(sql_any("kind", ATTACHED_KINDS))


class Contact(Base):
    """A person; known by a business-scoped user id, a phone number or both.

    `name` and `username` are those of a message sent at `name_at` (ms), null when it is not known.
    """

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
    created_at: Mapped[Millis]
    name_at: Mapped[Millis | None]


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
    # When the group was given that title, by the provider's time: an older one that comes later changes nothing.
    title_at: Mapped[Millis | None]
    last_message_at: Mapped[Millis]
    # The customer service window: 24 h after the last inbound message.
    window_until: Mapped[Millis] = mapped_column(BigInteger, default=0)
    # Inbound messages not yet handled.
    pending: Mapped[int] = mapped_column(default=0)
    ready_at: Mapped[Millis | None]
    lease_until: Mapped[Millis] = mapped_column(BigInteger, default=0)
    epoch: Mapped[int] = mapped_column(BigInteger, default=0)
    owner: Mapped[str | None] = mapped_column(String(120))
    # Virtual scheduling of the limit between this number and this person (app.bot.delivery.rate_limit).
    pair_slot: Mapped[Millis] = mapped_column(BigInteger, default=0)
    # A person answers here since then: the brain stays silent until somebody lets it go on.
    paused_at: Mapped[Millis | None]
    pause_reason: Mapped[str] = mapped_column(String(200), default="", server_default="")
    # The brain goes on by itself then; null = when somebody says so.
    paused_until: Mapped[Millis | None]
    # The conversation finishes on the version it began with: until when, and of which brain at which rollback count.
    session_version_id: Mapped[int | None]
    session_brain_id: Mapped[int | None]
    session_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    session_until: Mapped[Millis] = mapped_column(BigInteger, default=0, server_default="0")
    # Inbound messages nobody of the team has looked at (app.bot.chats.unread).
    unread_count: Mapped[int] = mapped_column(default=0, server_default="0")
    created_at: Mapped[Millis]


class Message(Base):
    """One inbound or outbound item of a chat.

    Inbound states: new, done, stored (kept, never a trigger), dead. Outbound states: queued, sending, retry, unknown,
    held, sent, failed, delivered, read, played, dead (app.bot.delivery.receipts).
    """

    __tablename__ = "message"
    __table_args__ = (
        Index(
            "uq_message_inbound",
            "connection_id",
            "provider_id",
            unique=True,
            postgresql_where=_IS_INBOUND,
            sqlite_where=_IS_INBOUND,
        ),
        Index(
            "ix_message_sent",
            "provider_id",
            postgresql_where=_IS_SENT,
            sqlite_where=_IS_SENT,
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
            postgresql_where=_IS_NEW,
            sqlite_where=_IS_NEW,
        ),
        Index(
            "ix_message_open",
            "chat_id",
            "id",
            postgresql_where=_IS_UNSETTLED,
            sqlite_where=_IS_UNSETTLED,
        ),
        Index(
            "ix_message_trouble",
            "state",
            "id",
            postgresql_where=_IS_TROUBLE,
            sqlite_where=_IS_TROUBLE,
        ),
        # For the failure pages (app.bot.failures.queries).
        Index(
            "ix_message_desk",
            "error_code",
            "id",
            "direction",
            "state",
            "connection_id",
            "brain_id",
            postgresql_where=_IS_OPEN_FAILURE,
            sqlite_where=_IS_OPEN_FAILURE,
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
            postgresql_where=_IS_TROUBLE,
            sqlite_where=_IS_TROUBLE,
        ),
        # Changes by what they change: a message that comes after its change is found by it (app.bot.ingest.updates).
        Index(
            "ix_message_change",
            "quoted_id",
            postgresql_where=_IS_CHANGE,
            sqlite_where=_IS_CHANGE,
        ),
        Index(
            "ix_message_contact",
            "contact_id",
            postgresql_where=text("contact_id IS NOT NULL"),
            sqlite_where=text("contact_id IS NOT NULL"),
        ),
        Index(
            "ix_message_about",
            "chat_id",
            "quoted_id",
            postgresql_where=_IS_ATTACHED,
            sqlite_where=_IS_ATTACHED,
        ),
    )

    id: Mapped[pk]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"))
    direction: Mapped[str] = mapped_column(String(3))
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(12))
    text: Mapped[str] = mapped_column(Text, default="")
    # Inbound, in a group: who wrote it.
    contact_id: Mapped[int | None]
    # Inbound: the channel's own object. Outbound: the content (app.channels.content).
    payload: Mapped[JsonObject]
    provider_id: Mapped[str | None] = mapped_column(String(255))
    # Outbound: our own name for this send, echoed by status webhooks (biz_opaque_callback_data).
    key: Mapped[str | None] = mapped_column(String(64))
    # The provider's id of the message this one quotes, reacts to, changes or takes back.
    quoted_id: Mapped[str | None] = mapped_column(String(255))
    # Outbound: the inbound message it answers, and its place among the answers.
    parent_id: Mapped[int | None]
    ordinal: Mapped[int] = mapped_column(default=0)
    # Who wrote it: contact | brain (also for a scheduled tick) | operator | phone (typed in the phone app).
    author: Mapped[str] = mapped_column(String(10), default=Author.CONTACT.value)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[Millis | None]
    error_code: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[Millis]
    provider_at: Mapped[Millis | None]
    sent_at: Mapped[Millis | None]
    delivered_at: Mapped[Millis | None]
    read_at: Mapped[Millis | None]
    failed_at: Mapped[Millis | None]
    edited_at: Mapped[Millis | None]
    revoked_at: Mapped[Millis | None]
    # When an operator dismissed the failure: nothing is to be done about it.
    dismissed_at: Mapped[Millis | None] = mapped_column("aside_at")
    # Outbound: brain, version and command that sent it; the analytics count by them.
    brain_id: Mapped[int | None]
    version_id: Mapped[int | None]
    command_id: Mapped[str | None] = mapped_column(String(40))
    # Of the first answer alone: when the answered message came in.
    asked_at: Mapped[Millis | None]
    # When the provider accepted it, by our clock; a receipt's moment is in whole seconds and may lie before it.
    accepted_at: Mapped[Millis | None]
    # Outbound: what receipts tell besides: price, errors, members of a group (app.bot.delivery.receipt_details).
    delivery: Mapped[JsonObject | None]
    # Inbound: how often it was delivered again, and ignored. Without a default here: inserts need not name it.
    repeats: Mapped[int] = mapped_column(server_default="0")


class Receipt(Base):
    """A status that came before its send was known; applied when the send appears."""

    __tablename__ = "receipt"
    __table_args__ = (Index("ix_receipt_provider", "provider_id"), Index("ix_receipt_key", "key"))

    id: Mapped[pk]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    provider_id: Mapped[str] = mapped_column(String(255))
    key: Mapped[str | None] = mapped_column(String(512))
    status: Mapped[str] = mapped_column(String(20))
    at: Mapped[Millis]
    payload: Mapped[JsonObject]
    created_at: Mapped[Millis]
