"""Table of connections: account, secrets, rate limits, pause after an operator writes, with column defaults."""

from sqlalchemy import BigInteger, ForeignKey, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, JsonObject, Millis, pk


class Connection(Base):
    """One WhatsApp number joined to Brainbox through a channel."""

    __tablename__ = "connection"
    __table_args__ = (UniqueConstraint("channel", "account"),)

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(32))
    # What the channel routes by, such as the id of a phone number.
    account: Mapped[str] = mapped_column(String(64))
    config: Mapped[JsonObject]
    # Secrets of the channel's Config, one encrypted JSON object (app.vault).
    secrets: Mapped[str] = mapped_column(Text, default="")
    brain_id: Mapped[int | None] = mapped_column(ForeignKey("brain.id"))
    enabled: Mapped[bool] = mapped_column(default=True)
    # 0 = no pacing.
    messages_per_second: Mapped[int] = mapped_column(default=80)
    pair_burst: Mapped[int] = mapped_column(default=45)
    # Answers to one chat in a minute, those beyond wait; 0 = only WhatsApp's own limit holds.
    replies_per_minute: Mapped[int] = mapped_column(default=0, server_default="0")
    # How long the brain is silent in a chat after a person of the team wrote there; 0 = it is not.
    takeover_minutes: Mapped[int] = mapped_column(default=60, server_default="60")
    # A chat in which two bots seem to talk to each other is left to a person.
    loop_guard: Mapped[bool] = mapped_column(default=True, server_default=text("TRUE"))
    # When people see that their message was read: off | answer | at_once (app.bot.delivery.read_marks).
    mark_read: Mapped[str] = mapped_column(String(8), default="off", server_default="off")
    # Whether people see that the bot is working on an answer.
    show_typing: Mapped[bool] = mapped_column(default=False, server_default=text("FALSE"))
    # What becomes of a send with unknown outcome after the grace period: resend | hold.
    on_unknown: Mapped[str] = mapped_column(String(8), default="resend")
    # Sending stands still until then, with the reason; 0 = it does not.
    parked_until: Mapped[Millis] = mapped_column(BigInteger, default=0)
    parked_reason: Mapped[str] = mapped_column(String(300), default="")
    # Virtual scheduling of the throughput limit (app.bot.delivery.rate_limit), in microseconds.
    next_slot: Mapped[Millis] = mapped_column(BigInteger, default=0)
    last_webhook_at: Mapped[Millis | None]
    created_at: Mapped[Millis]
    archived_at: Mapped[Millis | None]
