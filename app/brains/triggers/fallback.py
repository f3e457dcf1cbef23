"""Fires on every message that nothing else answered."""

from typing import Literal

from app.brains.triggers.contract import Heard, Match, TriggerConfig

kind = "fallback"
title = "Anything else"


class Config(TriggerConfig):
    """Nothing to set."""

    kind: Literal["fallback"]


def match(config: Config, heard: Heard) -> Match | None:  # noqa: ARG001  the seam's signature
    """Fire always; the runtime asks last."""
    return Match(heard.text, heard.text)


def explain(config: Config) -> str:  # noqa: ARG001  the seam's signature
    """Say that anything will do."""
    return "waits for a message that nothing else answered"


def opening(config: Config, prefix: str) -> str | None:  # noqa: ARG001  the seam's signature
    """Take no arguments: nothing comes before them."""
    return None
