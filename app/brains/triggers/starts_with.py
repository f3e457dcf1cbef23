"""Trigger “Starts with”: matches the beginning of the message."""

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from app.brains.triggers.contract import (
    FILLER,
    Match,
    MatchInput,
    Sample,
    TextTriggerConfig,
    Traits,
    build_text_turn,
    quote,
)

kind = "starts_with"
title = "Starts with"
traits = Traits(order=40, field="texts", takes_arguments=True)
sample_settings = MappingProxyType({"texts": ["hey", "hey you"]})


class Config(TextTriggerConfig):
    """The message starts with one of the keywords."""

    kind: Literal["starts_with"]

    @cached_property
    def compared_texts(self) -> tuple[str, ...]:
        """The beginnings, folded for comparison, the longest first so that it wins."""
        return tuple(sorted((folded for _, folded in self.folded_texts), key=len, reverse=True))


def match(config: Config, match_input: MatchInput) -> Match | None:
    """Match a beginning; the rest of the message, as it was written, is left for arguments."""
    message_text = match_input.fold(config.fold_options)
    start = len(message_text.text) - len(message_text.text.lstrip())
    for wanted in config.compared_texts:
        if message_text.text.startswith(wanted, start):
            end = message_text.get_boundary(start + len(wanted))
            if end is not None:
                return Match(match_input.text[end:].strip(), match_input.text[:end])
    return None


def explain(config: Config) -> str:
    """Return which beginnings are expected."""
    return f"expects a message that starts with {quote(config.texts)}"


def sample(config: Config, prefix: str) -> str:  # noqa: ARG001  the contract's signature
    """Return the first beginning."""
    return config.texts[0]


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:  # noqa: ARG001  the contract's signature
    """Return each beginning alone and with more text."""
    return [
        Sample(text, f"texts.{number}", (build_text_turn(text), build_text_turn(f"{text} {FILLER}")))
        for number, text in enumerate(config.texts)
    ]
