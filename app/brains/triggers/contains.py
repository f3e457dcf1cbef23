"""Trigger “Contains”: matches a text anywhere in the message, optionally as a whole word."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from app.brains.triggers.contract import (
    Match,
    MatchInput,
    Sample,
    TextTriggerConfig,
    Traits,
    build_text_turn,
    embed_text,
    quote,
)
from app.unicode import FoldedText, is_word_edge

kind = "contains"
title = "Contains"
traits = Traits(order=30, field="texts")
sample_settings = MappingProxyType({"texts": ["hi", "straße"], "whole_word": True})


class Config(TextTriggerConfig):
    """The message contains one of the keywords; with whole words, "hi" does not match inside "this"."""

    kind: Literal["contains"]
    whole_word: bool = Field(default=False, title="Whole words only")


def match(config: Config, match_input: MatchInput) -> Match | None:
    """Match the first text that occurs."""
    message_text = match_input.fold(config.fold_options)
    for original, wanted in config.folded_texts:
        if _contains_word(wanted, message_text) if config.whole_word else message_text.find(wanted) >= 0:
            return Match(match_input.text, original)
    return None


def explain(config: Config) -> str:
    """Return which texts are expected."""
    what = "the word" if config.whole_word else "the text"
    return f"expects a message with {what} {quote(config.texts)} in it"


def sample(config: Config, prefix: str) -> str:  # noqa: ARG001  the contract's signature
    """Return the first text."""
    return config.texts[0]


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:  # noqa: ARG001  the contract's signature
    """Return each text alone and within a longer one."""
    return [
        Sample(text, f"texts.{number}", tuple(map(build_text_turn, embed_text(text))))
        for number, text in enumerate(config.texts)
    ]


def _contains_word(wanted: str, message_text: FoldedText) -> bool:
    at = message_text.find(wanted)
    while at >= 0:
        if is_word_edge(message_text.text, at) and is_word_edge(message_text.text, at + len(wanted)):
            return True
        at = message_text.find(wanted, at + 1)
    return False
