"""Tables of the failure desk: what became of single tries, and what operators had done to many messages."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, document, millis, pk


class Attempt(Base):
    """What befell a message, where its own row does not keep it; only ever added to.

    A send that was taken at the first try has none. `outcome` is sent, refused, uncertain (its answer was lost),
    lost (its worker died), closed (the 24-hour window), held; or what an operator did: again, aside, back,
    as_sent, as_failed.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        Index("ix_attempt_message", "message_id", "id"),
        Index(
            "ix_attempt_errand",
            "errand_id",
            "message_id",
            postgresql_where=text("errand_id IS NOT NULL"),
            sqlite_where=text("errand_id IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    at: Mapped[millis]
    # Which try of its present round, from 1; 0 = no try.
    number: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str] = mapped_column(String(12))
    error_code: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(500))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    errand_id: Mapped[int | None] = mapped_column(ForeignKey("errand.id"))


class Errand(Base):
    """What an operator asked to be done with many messages of the failure desk, and how far it is."""

    __tablename__ = "errand"
    __table_args__ = (
        Index(
            "ix_errand_open",
            "id",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index("ix_errand_created", "created_at"),
    )

    id: Mapped[pk]
    # again | aside | back | as_sent | as_failed
    act: Mapped[str] = mapped_column(String(12))
    cause: Mapped[str] = mapped_column(String(20))
    # Which messages: filters, or the ids that were ticked (app.bot.failures.Wish).
    wish: Mapped[document]
    ids: Mapped[list[Any] | None] = mapped_column(JSON)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    # Messages it is about, those looked at so far, and those in which something was changed.
    total: Mapped[int] = mapped_column(BigInteger)
    seen: Mapped[int] = mapped_column(BigInteger, default=0)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    # It goes from the lowest id to `upto`: what fails later is none of its business.
    place: Mapped[int] = mapped_column(BigInteger, default=0)
    upto: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[millis]
    ended_at: Mapped[millis | None]
    cancelled: Mapped[bool] = mapped_column(default=False)
