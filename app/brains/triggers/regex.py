"""Fires when a regular expression is found in the message; RE2 keeps the time linear."""

from functools import cached_property
from typing import Annotated, Any, Literal, Self

import re2
from pydantic import StringConstraints, model_validator

from app.brains import limits
from app.brains.triggers.contract import Heard, Match, TriggerConfig

kind = "regex"
title = "Regular expression"

_MEMORY_BYTES = 1_000_000  # of one compiled pattern


class Config(TriggerConfig):
    """The pattern (RE2's syntax); its captures reach the template as `match.groups` and `match.named`."""

    kind: Literal["regex"]
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=limits.TRIGGER_CHARS)]
    ignore_case: bool = True

    @model_validator(mode="after")
    def _compile_now(self) -> Self:
        try:
            _ = self.compiled
        except re2.error as error:
            raise ValueError(f"the pattern cannot be read: {_reason(error)}") from error
        return self

    @cached_property
    def compiled(self) -> Any:
        """The compiled pattern; raises re2.error."""
        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = not self.ignore_case
        options.max_mem = _MEMORY_BYTES
        return re2.compile(self.pattern, options)


def match(config: Config, heard: Heard) -> Match | None:
    """Fire when the pattern is found anywhere."""
    found = config.compiled.search(heard.text)
    if found is None:
        return None
    named = {name: text or "" for name, text in found.groupdict().items()}
    return Match("", found.group(), tuple(text or "" for text in found.groups()), named)


def explain(config: Config) -> str:
    """Say which pattern is waited for."""
    return f"waits for a message that fits the pattern {config.pattern[:80]}"


def opening(config: Config, prefix: str) -> str | None:  # noqa: ARG001  the seam's signature
    """Take no arguments: captures do their work."""
    return None


def _reason(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
