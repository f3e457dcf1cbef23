"""Fires when one of some texts occurs anywhere in the message."""

from functools import cached_property
from typing import Literal

from app.brains.triggers.contract import Heard, Match, TriggerConfig, TriggerTexts, fold, quoted

kind = "contains"
title = "Contains"


class Config(TriggerConfig):
    """The texts; `whole_word` leaves out "hi" in "this"."""

    kind: Literal["contains"]
    texts: TriggerTexts
    ignore_case: bool = True
    whole_word: bool = False

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """The texts as they are compared."""
        return tuple(map(fold, self.texts)) if self.ignore_case else self.texts


def match(config: Config, heard: Heard) -> Match | None:
    """Fire on the first text that occurs."""
    said = heard.folded if config.ignore_case else heard.text
    for original, text in zip(config.texts, config.compared, strict=True):
        if _word_in(text, said) if config.whole_word else text in said:
            return Match(heard.text, original)
    return None


def explain(config: Config) -> str:
    """Say which texts are waited for."""
    what = "the word" if config.whole_word else "the text"
    return f"waits for a message with {what} {quoted(config.texts)} in it"


def opening(config: Config, prefix: str) -> str | None:  # noqa: ARG001  the seam's signature
    """Take no arguments: the text may stand anywhere."""
    return None


def _word_in(text: str, said: str) -> bool:
    at = said.find(text)
    while at >= 0:
        before, after = said[at - 1 : at] if at else "", said[at + len(text) : at + len(text) + 1]
        if not (_is_word(before) and _is_word(text[0])) and not (_is_word(after) and _is_word(text[-1])):
            return True
        at = said.find(text, at + 1)
    return False


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"
