"""Tables of AI providers, AI calls and monthly token counts."""

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.brains.ai.contract import DEFAULT_KIND
from app.db.schema import Base, Millis, pk


class AiProvider(Base):
    """Configured AI provider; brains refer to it by its name."""

    __tablename__ = "ai_provider"

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(60), unique=True)
    # Of app.brains.ai.providers, and the settings that only this kind has.
    kind: Mapped[str] = mapped_column(String(40), default=DEFAULT_KIND, server_default=DEFAULT_KIND)
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    base_url: Mapped[str] = mapped_column(String(300))
    # What is asked where a prompt names no model of its own.
    model: Mapped[str] = mapped_column(String(100))
    # The key, encrypted (app.vault).
    secrets: Mapped[str] = mapped_column(Text, default="")
    # ISO 4217, and what each model costs in it (app.brains.ai.prices); a model without a price has none known.
    currency: Mapped[str] = mapped_column(String(3), default="USD", server_default="USD")
    prices: Mapped[dict[str, list[int]]] = mapped_column(JSON, default=dict, server_default="{}")
    created_at: Mapped[Millis]
    updated_at: Mapped[Millis]


class AiCall(Base):
    """Request to an AI model: messages, answer, tokens and cost."""

    __tablename__ = "ai_call"
    __table_args__ = (Index("ix_ai_call_brain", "brain_id", "id"), Index("ix_ai_call_message", "message_id"))

    id: Mapped[pk]
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    # The message whose run asked; null when an operator tried a draft.
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    # Kept as a word: the provider may be gone.
    provider: Mapped[str] = mapped_column(String(60))
    model: Mapped[str] = mapped_column(String(100))
    # Empty when a script asked in its own words.
    prompt: Mapped[str] = mapped_column(String(60), default="")
    messages: Mapped[list[Any]] = mapped_column(JSON)
    answer: Mapped[str] = mapped_column(Text, default="")
    # ok | limit | timeout | upstream (app.brains.ai.contract.ProviderError).
    status: Mapped[str] = mapped_column(String(12))
    error: Mapped[str] = mapped_column(String(500), default="")
    tokens_in: Mapped[int] = mapped_column(default=0)
    tokens_out: Mapped[int] = mapped_column(default=0)
    latency_ms: Mapped[int] = mapped_column(default=0)
    # Millionths of the currency, by the prices of that moment; null where the price was not known.
    cost: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3), default="", server_default="")
    created_at: Mapped[Millis]


class AiMonth(Base):
    """Usage of a brain in one month (UTC, as 2026-01)."""

    __tablename__ = "ai_month"

    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger, default=0)
    tokens_in: Mapped[int] = mapped_column(BigInteger, default=0)
    tokens_out: Mapped[int] = mapped_column(BigInteger, default=0)
