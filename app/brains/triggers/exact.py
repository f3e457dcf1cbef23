"""Fires when the whole message is one of some texts."""

from functools import cached_property
from typing import Literal

from app.brains.triggers.contract import Heard, Match, TriggerConfig, TriggerTexts, fold, quoted

kind = "exact"
title = "Exact text"


class Config(TriggerConfig):
    """The texts; capitals make no difference unless said so."""

    kind: Literal["exact"]
    texts: TriggerTexts
    ignore_case: bool = True

    @cached_property
    def compared(self) -> frozenset[str]:
        """The texts as they are compared."""
        return frozenset(map(fold, self.texts) if self.ignore_case else self.texts)


def match(config: Config, heard: Heard) -> Match | None:
    """Fire when nothing but one of the texts was sent."""
    said = heard.folded if config.ignore_case else heard.text
    return Match("", heard.text) if said in config.compared else None


def explain(config: Config) -> str:
    """Say which texts are waited for."""
    return f"waits for exactly {quoted(config.texts)}"


def opening(config: Config, prefix: str) -> str | None:  # noqa: ARG001  the seam's signature
    """Take no arguments: there is no text left."""
    return None
