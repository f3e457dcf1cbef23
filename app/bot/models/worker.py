"""Tables of processes: heartbeats, counters, webhook events, texts to be indexed."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.bot.states import NoticeLevel, sql_any
from app.db.schema import Base, Millis, pk

# What needs somebody, and nobody has seen.
_IS_UNSEEN = text(sql_any("level", (NoticeLevel.WARN, NoticeLevel.BAD)) + " AND seen_at IS NULL")


class Notice(Base):
    """A webhook item that is neither message nor status: kept raw, shown, never an error.

    `person` is the number or user id it is about, `seen_at` (ms) when somebody of the team had seen it.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_created", "created_at"),
        Index(
            "ix_notice_unseen",
            "id",
            postgresql_where=_IS_UNSEEN,
            sqlite_where=_IS_UNSEEN,
        ),
        Index(
            "ix_notice_person",
            "connection_id",
            "person",
            "id",
            postgresql_where=text("person IS NOT NULL"),
            sqlite_where=text("person IS NOT NULL"),
        ),
    )

    id: Mapped[pk]
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("connection.id"))
    field: Mapped[str] = mapped_column(String(64))
    payload: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(
        String(4), default=NoticeLevel.INFO.value, server_default=NoticeLevel.INFO.value
    )
    person: Mapped[str | None] = mapped_column(String(140))
    seen_at: Mapped[Millis | None]
    created_at: Mapped[Millis]


class WorkerHeartbeat(Base):
    """The heartbeat of a worker or web process."""

    __tablename__ = "worker"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[Millis]
    beat_at: Mapped[Millis]
    in_flight: Mapped[int] = mapped_column(default=0)


class Counter(Base):
    """A number that has no rows of its own, such as webhooks refused for a bad signature."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger, default=0)


class UnindexedText(Base):
    """A row whose words wait to be cut; listed by PostgreSQL's triggers (app.bot.full_text)."""

    __tablename__ = "unindexed_text"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    row_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
