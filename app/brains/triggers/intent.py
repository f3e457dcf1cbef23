"""Trigger “Intent”: matches a message that means one of the brain's intents, by its trained model."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.brains.triggers.contract import (
    Match,
    MatchInput,
    Sample,
    Traits,
    TriggerConfig,
    build_understood_turn,
)

kind = "intent"
title = "Intent"
traits = Traits(order=70, field="intent", needs="intents")
sample_settings = MappingProxyType({"intent": "order_status", "min_confidence": 80})

IntentName = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class Config(TriggerConfig):
    """The message means an intent of this brain, in whatever words; its entities are in match.entities."""

    kind: Literal["intent"]
    intent: IntentName = Field(title="Intent")
    min_confidence: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        title="Least confidence (%)",
        description="Of 100 such answers so many are right. Empty: as the training found best.",
    )


def match(config: Config, match_input: MatchInput) -> Match | None:
    """Match when the intent is the likeliest one and sure enough."""
    found = match_input.understand()
    if found is None or found.intent != config.intent:
        return None
    least = found.threshold if config.min_confidence is None else config.min_confidence / 100
    if found.confidence < least:
        return None
    return Match(match_input.text, match_input.text)


def explain(config: Config) -> str:
    """Return which intent is expected."""
    least = (
        "" if config.min_confidence is None else f" with a confidence of {config.min_confidence} % or more"
    )
    return f"expects a message that means “{config.intent}”{least}"


def sample(config: Config, prefix: str) -> str:  # noqa: ARG001  the contract's signature
    """Return no text: the examples of an intent stand elsewhere."""
    return ""


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:  # noqa: ARG001  the contract's signature
    """Return a message that is understood as the intent."""
    return [Sample(config.intent, "intent", (build_understood_turn(config.intent),))]
