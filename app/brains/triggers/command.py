"""Fires on a prefix and a command word, such as !echo."""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.brains import limits
from app.brains.triggers.contract import Heard, Match, TriggerConfig, fold, quoted

kind = "command"
title = "Command word"

Word = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\S+$", max_length=60)]


class Config(TriggerConfig):
    """Words that follow one of the brain's prefixes; capitals make no difference."""

    kind: Literal["command"]
    words: Annotated[tuple[Word, ...], Field(min_length=1, max_length=limits.TRIGGER_TEXTS)]

    @cached_property
    def folded(self) -> frozenset[str]:
        """The words as they are compared."""
        return frozenset(map(fold, self.words))


def match(config: Config, heard: Heard) -> Match | None:
    """Fire when the message is a prefix followed by one of the words."""
    return Match(heard.rest, heard.text) if heard.word in config.folded else None


def explain(config: Config) -> str:
    """Say which words are waited for."""
    return f"waits for the command {quoted(config.words)}"


def opening(config: Config, prefix: str) -> str | None:
    """Return the command as a person types it."""
    return prefix + config.words[0]
