"""Trigger “Default reply”: matches when no other command does."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal

from app.brains.triggers.contract import (
    FILLER,
    Match,
    MatchInput,
    Sample,
    Traits,
    TriggerConfig,
    build_text_turn,
)

kind = "fallback"
title = "Default reply (fallback)"
traits = Traits(order=100, is_last=True)
sample_settings = MappingProxyType({})


class Config(TriggerConfig):
    """Used when no other command matches."""

    kind: Literal["fallback"]


def match(config: Config, match_input: MatchInput) -> Match | None:  # noqa: ARG001  the contract's signature
    """Match always; the runtime checks it last."""
    return Match(match_input.text, match_input.text)


def explain(config: Config) -> str:  # noqa: ARG001  the contract's signature
    """Return that any message matches."""
    return "expects a message that no other command answered"


def sample(config: Config, prefix: str) -> str:  # noqa: ARG001  the contract's signature
    """Return no text: any will do."""
    return ""


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:  # noqa: ARG001  the contract's signature
    """Return one message that no other trigger matches."""
    return [Sample("any other message", "", (build_text_turn(FILLER),))]
