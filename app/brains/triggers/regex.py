"""Trigger “Regular expression”: matches an RE2 pattern, in linear time."""

import unicodedata
from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

import re2
from pydantic import Field, StringConstraints, model_validator

from app.brains import limits
from app.brains.pattern_samples import generate_samples
from app.brains.triggers.contract import (
    Match,
    MatchInput,
    Sample,
    Traits,
    TriggerConfig,
    build_text_turn,
    embed_text,
)
from app.unicode import FoldedText, FoldOptions

kind = "regex"
title = "Regular expression"
traits = Traits(order=60, field="pattern")
sample_settings = MappingProxyType({"pattern": r"order (?P<number>\d+)( now)?"})

# A pattern says itself whether capitals count; where they do not, RE2 still tells İ from i.
_CASE_COUNTS: Final = FoldOptions(ignore_case=False)
_CASE_IGNORED: Final = FoldOptions(ignore_case=True)
_MEMORY_BYTES = 1_000_000  # of one compiled pattern


class Config(TriggerConfig):
    """The message matches a regular expression, also in the middle of a text."""

    kind: Literal["regex"]
    pattern: Annotated[str, StringConstraints(min_length=1, max_length=limits.TRIGGER_CHARS)] = Field(
        title="Pattern (regex)"
    )
    ignore_case: bool = Field(default=True, title="Ignore case")

    @model_validator(mode="after")
    def _check_pattern(self) -> Self:
        try:
            _ = self.compiled_pattern
        except re2.error as error:
            raise ValueError(f"the pattern cannot be read: {_describe_error(error)}") from error
        return self

    @cached_property
    def compiled_pattern(self) -> Any:
        """The compiled pattern; raises re2.error."""
        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = not self.ignore_case
        options.max_mem = _MEMORY_BYTES
        return re2.compile(unicodedata.normalize("NFC", self.pattern), options)


def match(config: Config, match_input: MatchInput) -> Match | None:
    """Match when the pattern is found anywhere in the text as written, or else in it without invisible signs."""
    found = config.compiled_pattern.search(match_input.text)
    if found is None:
        return None if match_input.text.isascii() else _match_any_fold(config, match_input)
    named = {name: text or "" for name, text in found.groupdict().items()}
    return Match("", found.group(), tuple(text or "" for text in found.groups()), named)


def _match_any_fold(config: Config, match_input: MatchInput) -> Match | None:
    found = _match_folded(config, match_input.fold(_CASE_COUNTS))
    if found is None and config.ignore_case:
        found = _match_folded(config, match_input.fold(_CASE_IGNORED))
    return found


def _match_folded(config: Config, message_text: FoldedText) -> Match | None:
    """Match a text in its common form; what is found is cut from what the person wrote."""
    found = config.compiled_pattern.search(message_text.text.strip())
    if found is None:
        return None
    skipped = len(message_text.text) - len(message_text.text.lstrip())

    def cut(group: int) -> str:
        start, end = found.span(group)
        if start < 0:
            return ""
        first, last = message_text.find_start(start + skipped), message_text.find_end(end + skipped)
        return message_text.original[first:last]

    groups = tuple(map(cut, range(1, len(found.groups()) + 1)))
    return Match(
        "", cut(0), groups, {name: cut(group) for name, group in config.compiled_pattern.groupindex.items()}
    )


def explain(config: Config) -> str:
    """Return which pattern is expected."""
    return f"expects a message that matches the pattern {config.pattern[:80]}"


def sample(config: Config, prefix: str) -> str:  # noqa: ARG001  the contract's signature
    """Return no text: a pattern is not what a person sends."""
    return ""


def list_samples(config: Config, prefixes: Sequence[str]) -> list[Sample]:  # noqa: ARG001  the contract's signature
    """Return messages made from the pattern, alone and within longer ones."""
    search = config.compiled_pattern.search
    return [
        Sample(
            text, "pattern", tuple(build_text_turn(each) for each in embed_text(text) if search(each.strip()))
        )
        for text in generate_samples(config.pattern, config.compiled_pattern)
    ]


def _describe_error(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
