"""Tables the workers keep for themselves: signs of life, counters, and what no other table takes."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, millis, pk


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
