"""Trigger “Button or list reply”: matches a pressed button or a chosen row."""

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from app.brains.triggers.contract import (
    Match,
    MatchInput,
    Sample,
    Traits,
    TriggerConfig,
    TriggerTexts,
    build_button_turn,
    quote,
)
from app.unicode import fold

kind = "button"
title = "Button or list reply"
traits = Traits(order=50, field="ids", is_whole_text=True)
sample_settings = MappingProxyType({"ids": ["menu", "Yes please"]})


class Config(TriggerConfig):
    """The contact presses a button or picks a list row with one of these titles or ids."""

    kind: Literal["button"]
    ids: TriggerTexts = Field(title="Button or list reply")

    @cached_property
    def folded_ids(self) -> frozenset[str]:
        """The ids and titles, folded for comparison."""
        return frozenset(folded for each in self.ids if (folded := fold(each).strip()))


def match(config: Config, match_input: MatchInput) -> Match | None:
    """Match the id or the title of the pressed choice."""
    turn = match_input.turn
    for chosen in (turn.choice_id, turn.choice_title):
        if chosen and fold(chosen).strip() in config.folded_ids:
            return Match("", chosen)
    return None


def explain(config: Config) -> str:
    """Return which choices are expected."""
    return f"expects the button {quote(config.ids)}"


def sample(config: Config, prefix: str) -> str:  # noqa: ARG001  the contract's signature
    """Return the title or id of the first choice."""
    return config.ids[0]


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:  # noqa: ARG001  the contract's signature
    """Return a press of each choice."""
    return [
        Sample(text, f"ids.{number}", (build_button_turn(text),)) for number, text in enumerate(config.ids)
    ]
