"""Tables of failures: attempts of sends, bulk actions of operators."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, JsonObject, Millis, pk


class Attempt(Base):
    """One try of a message, or one action of an operator on it; rows are only added.

    A send that was accepted at the first try has none. `outcome` is an AttemptOutcome, or the FailureAction of an
    operator.
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
    at: Mapped[Millis]
    # Which try of its present round, from 1; 0 = no try.
    number: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str] = mapped_column(String(12))
    error_code: Mapped[str | None] = mapped_column(String(40))
    error: Mapped[str | None] = mapped_column(String(500))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    bulk_action_id: Mapped[int | None] = mapped_column("errand_id", ForeignKey("errand.id"))


class BulkAction(Base):
    """An action of an operator on many failed messages, and its progress."""

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
    # A FailureAction.
    action: Mapped[str] = mapped_column("act", String(12))
    cause: Mapped[str] = mapped_column(String(20))
    # Which messages: filters, or the ids that were ticked (app.bot.failures.queries.FailureFilter).
    filters: Mapped[JsonObject] = mapped_column("wish")
    ids: Mapped[list[Any] | None] = mapped_column(JSON)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    # Counts of messages: all of them, those looked at so far, those that were changed.
    total: Mapped[int] = mapped_column(BigInteger)
    seen: Mapped[int] = mapped_column(BigInteger, default=0)
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    # The last message id looked at, and the last there is to look at: what fails later is not part of it.
    position: Mapped[int] = mapped_column("place", BigInteger, default=0)
    last_id: Mapped[int] = mapped_column("upto", BigInteger)
    created_at: Mapped[Millis]
    ended_at: Mapped[Millis | None]
    cancelled: Mapped[bool] = mapped_column(default=False)
