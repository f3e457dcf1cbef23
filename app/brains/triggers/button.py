"""Fires when somebody presses a reply button or picks from a list."""

from functools import cached_property
from typing import Literal

from app.brains.triggers.contract import Heard, Match, TriggerConfig, TriggerTexts, fold, quoted

kind = "button"
title = "Button or list choice"


class Config(TriggerConfig):
    """Ids or titles of buttons and list rows."""

    kind: Literal["button"]
    ids: TriggerTexts

    @cached_property
    def folded(self) -> frozenset[str]:
        """The ids and titles as they are compared."""
        return frozenset(map(fold, self.ids))


def match(config: Config, heard: Heard) -> Match | None:
    """Fire on the id or the title of what was chosen."""
    turn = heard.turn
    for chosen in (turn.choice_id, turn.choice_title):
        if chosen and fold(chosen.strip()) in config.folded:
            return Match("", chosen)
    return None


def explain(config: Config) -> str:
    """Say which choices are waited for."""
    return f"waits for the button {quoted(config.ids)}"


def opening(config: Config, prefix: str) -> str | None:  # noqa: ARG001  the seam's signature
    """Take no arguments: a press has no text."""
    return None
