"""Trigger “Command”: matches a prefix and a keyword, such as !echo."""

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.brains import limits
from app.brains.triggers.contract import (
    FILLER,
    Match,
    MatchInput,
    Sample,
    Traits,
    TriggerConfig,
    build_text_turn,
    quote,
)
from app.unicode import fold

kind = "command"
title = "Command"
traits = Traits(order=10, field="words", takes_arguments=True, uses_prefix=True, is_whole_text=True)
sample_settings = MappingProxyType({"words": ["echo", "Say"]})

Word = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\S+$", max_length=60)]


class Config(TriggerConfig):
    """The message is a command prefix followed by one of the keywords; upper and lower case are the same."""

    kind: Literal["command"]
    words: Annotated[tuple[Word, ...], Field(min_length=1, max_length=limits.TRIGGER_TEXTS, title="Keywords")]

    @cached_property
    def folded_words(self) -> frozenset[str]:
        """The keywords, folded for comparison."""
        return frozenset(filter(None, map(fold, self.words)))


def match(config: Config, match_input: MatchInput) -> Match | None:
    """Match a prefix followed by one of the keywords."""
    return Match(match_input.rest, match_input.text) if match_input.word in config.folded_words else None


def explain(config: Config) -> str:
    """Return which keywords are expected."""
    return f"expects the command {quote(config.words)}"


def sample(config: Config, prefix: str) -> str:
    """Return the command as a person types it."""
    return prefix + config.words[0]


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:
    """Return each keyword after each prefix, alone and with more text."""
    return [
        Sample(word, f"words.{number}", tuple(map(build_text_turn, _list_messages(word, prefixes))))
        for number, word in enumerate(config.words)
    ]


def _list_messages(word: str, prefixes: Sequence[str]) -> list[str]:
    return [text for prefix in prefixes for text in (prefix + word, f"{prefix}{word} {FILLER}")]
