"""Tables of the logging service in the main database: sources with their tokens, sinks with their settings."""

from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, JsonObject, Millis, pk


class LogSource(Base):
    """A service that may send log events, with the hash of its token (moments in ms)."""

    __tablename__ = "log_source"

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(40), unique=True)
    key: Mapped[str] = mapped_column(String(16), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64))
    enabled: Mapped[bool] = mapped_column(default=True)
    events_per_second: Mapped[int]
    created_at: Mapped[Millis]
    expires_at: Mapped[Millis | None]
    used_at: Mapped[Millis | None]


class LogSink(Base):
    """A place that events are forwarded to; `secrets` holds the encrypted part of its settings."""

    __tablename__ = "log_sink"

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(60), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    enabled: Mapped[bool] = mapped_column(default=True)
    level: Mapped[int]
    sources: Mapped[list[Any]] = mapped_column(JSON)
    config: Mapped[JsonObject]
    secrets: Mapped[str]
    created_at: Mapped[Millis]
    updated_at: Mapped[Millis]
