"""Tables of privacy: people who are to be erased, and for how many days things are kept."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, document, millis, pk


class Erasure(Base):
    """A person to be erased, and what has become of it; says nothing of who it was once it has ended."""

    __tablename__ = "erasure"
    __table_args__ = (
        Index(
            "ix_erasure_open",
            "id",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[pk]
    # The same for the same person; nobody reads a number out of it without our secret key (hex).
    digest: Mapped[str] = mapped_column(String(64))
    # The person's numbers and user ids, and files to be deleted (SHA-256): empty when it is done.
    names: Mapped[list[Any]] = mapped_column(JSON)
    files: Mapped[list[Any]] = mapped_column(JSON)
    # How many of each kind are erased (app.bot.privacy.subject.KINDS).
    counts: Mapped[document]
    # Where the person is still named and only an operator can say what to do.
    remains: Mapped[list[Any]] = mapped_column(JSON)
    # waiting | copies | groups | chats | names | files | done
    step: Mapped[str] = mapped_column(String(10))
    # A worker is at it until then, unless it dies.
    taken_until: Mapped[millis] = mapped_column(BigInteger, default=0)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[millis]
    ended_at: Mapped[millis | None]


class Retention(Base):
    """For how many days a kind of thing is kept (app.bot.privacy.retaining.KINDS); without a row, for ever."""

    __tablename__ = "retention"

    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    days: Mapped[int]
