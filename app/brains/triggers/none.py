"""Trigger “None”: no message matches; the command runs only by a call or a schedule of another command."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Literal

from app.brains.triggers.contract import Match, MatchInput, Sample, Traits, TriggerConfig

kind = "none"
title = "None (only called or scheduled)"
traits = Traits(order=110, takes_arguments=True, is_internal=True)
sample_settings = MappingProxyType({})


class Config(TriggerConfig):
    """Used for commands that ctx.call or ctx.schedule runs, and nobody writes."""

    kind: Literal["none"]


def match(config: Config, match_input: MatchInput) -> Match | None:  # noqa: ARG001  the contract's signature
    """Match no message."""
    return None


def explain(config: Config) -> str:  # noqa: ARG001  the contract's signature
    """Return that no message matches."""
    return "expects no message: other commands call or schedule it"


def sample(config: Config, prefix: str) -> str:  # noqa: ARG001  the contract's signature
    """Return no text: none will do."""
    return ""


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:  # noqa: ARG001  the contract's signature
    """Return nothing, since no message matches."""
    return []
