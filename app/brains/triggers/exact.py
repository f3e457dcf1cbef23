"""Trigger “Exact text”: matches when the whole message is one of the texts."""

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from app.brains.triggers.contract import (
    Match,
    MatchInput,
    Sample,
    TextTriggerConfig,
    Traits,
    build_text_turn,
    quote,
)

kind = "exact"
title = "Exact text"
traits = Traits(order=20, field="texts", is_whole_text=True)
sample_settings = MappingProxyType({"texts": ["Hi there"]})


class Config(TextTriggerConfig):
    """The whole message is one of the keywords."""

    kind: Literal["exact"]

    @cached_property
    def compared_texts(self) -> frozenset[str]:
        """The texts, folded for comparison."""
        return frozenset(folded for _, folded in self.folded_texts)


def match(config: Config, match_input: MatchInput) -> Match | None:
    """Match when the message is exactly one of the texts."""
    message_text = match_input.fold(config.fold_options).text.strip()
    return Match("", match_input.text) if message_text in config.compared_texts else None


def explain(config: Config) -> str:
    """Return which texts are expected."""
    return f"expects exactly {quote(config.texts)}"


def sample(config: Config, prefix: str) -> str:  # noqa: ARG001  the contract's signature
    """Return the first text."""
    return config.texts[0]


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:  # noqa: ARG001  the contract's signature
    """Return each text."""
    return [
        Sample(text, f"texts.{number}", (build_text_turn(text),)) for number, text in enumerate(config.texts)
    ]
