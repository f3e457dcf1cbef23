"""Tables of privacy: erasures, and data retention in days."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, JsonObject, Millis, pk


class Erasure(Base):
    """The erasure of a person and its progress; it does not name the person once it has ended."""

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
    # How many of each kind are erased (app.privacy.subject.KINDS).
    counts: Mapped[JsonObject]
    # Where the person is still named and only an operator can say what to do.
    remains: Mapped[list[Any]] = mapped_column(JSON)
    # waiting | copies | groups | chats | names | files | done
    step: Mapped[str] = mapped_column(String(10))
    # A worker is at it until then, unless it dies.
    taken_until: Mapped[Millis] = mapped_column(BigInteger, default=0)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[Millis]
    ended_at: Mapped[Millis | None]


class Retention(Base):
    """For how many days a kind of thing is kept (app.privacy.retention.KINDS); without a row, for ever."""

    __tablename__ = "retention"

    kind: Mapped[str] = mapped_column(String(12), primary_key=True)
    days: Mapped[int]
