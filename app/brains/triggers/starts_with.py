"""Fires when the message begins with one of some texts."""

from functools import cached_property
from typing import Literal

from app.brains.triggers.contract import Heard, Match, TriggerConfig, TriggerTexts, fold, quoted

kind = "starts_with"
title = "Starts with"


class Config(TriggerConfig):
    """The beginnings; capitals make no difference unless said so."""

    kind: Literal["starts_with"]
    texts: TriggerTexts
    ignore_case: bool = True

    @cached_property
    def compared(self) -> tuple[tuple[int, str], ...]:
        """Each beginning with its length in the message, the longest first so that it wins."""
        texts = sorted(self.texts, key=len, reverse=True)
        return tuple((len(text), fold(text) if self.ignore_case else text) for text in texts)


def match(config: Config, heard: Heard) -> Match | None:
    """Fire on a beginning; the rest is left for arguments."""
    said = heard.folded if config.ignore_case else heard.text
    for length, text in config.compared:
        if said.startswith(text):
            return Match(heard.text[length:].strip(), heard.text[:length])
    return None


def explain(config: Config) -> str:
    """Say which beginnings are waited for."""
    return f"waits for a message that starts with {quoted(config.texts)}"


def opening(config: Config, prefix: str) -> str | None:  # noqa: ARG001  the seam's signature
    """Return the first beginning."""
    return config.texts[0]
