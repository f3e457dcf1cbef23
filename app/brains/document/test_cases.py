"""Tests kept in a brain: what is known at the start, what people do, and what the bot is to say."""

import re
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

import re2
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from app.brains import limits
from app.brains.values import value_bytes

# Tags of the two ways to write a step; problems leave them out of their paths.
WORDS: Final = "(words)"
PARTS: Final = "(parts)"

_SECONDS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNITS: Final = "s|min|m|h|d|w"
_PIECE: Final = re.compile(rf"(\d{{1,6}})\s*({_UNITS})")
_DURATION: Final = re.compile(rf"\s*(\d{{1,6}}\s*({_UNITS})\s*)+")
# A pattern is held against one answer: this is plenty.
_PATTERN_BYTES: Final = 1_000_000

Text = Annotated[str, StringConstraints(max_length=limits.REPLY_CHARS)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=limits.REPLY_CHARS)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Scope = Literal["contact", "chat", "brain"]


def seconds_of(text: str) -> int | None:
    """Read a duration such as 25h, 1d 2h or 30 min; None when it is none, or longer than a year."""
    if not _DURATION.fullmatch(text):
        return None
    total = sum(int(count) * _SECONDS[unit] for count, unit in _PIECE.findall(text))
    return total if 0 < total <= limits.SCHEDULE_SECONDS else None


def _way(value: Any) -> str:
    return WORDS if isinstance(value, str) else PARTS


class _Part(BaseModel):
    """Parent of a test's parts: frozen, and unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, serialize_by_alias=True, validate_by_alias=True, validate_by_name=True
    )


class Act(_Part):
    """Something a person does other than writing: exactly one of these."""

    button: Title | None = None
    list: Title | None = None
    image: Text | None = None  # its caption
    voice: Literal[True] | None = None
    location: Text | None = None  # the name of the place

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("write one of button, list, image, voice or location")
        return self


class Expect(_Part):
    """What one answer must be: exact, contains, regex, or any; and which buttons or rows it must offer."""

    exact: Words | None = None
    contains: Words | None = None
    regex: Annotated[str, StringConstraints(min_length=1, max_length=limits.PATTERN_CHARS)] | None = None
    any: Literal[True] | None = None
    choices: Annotated[tuple[Title, ...], Field(max_length=limits.LIST_ROWS)] | None = None

    @field_validator("regex")
    @classmethod
    def _can_be_read(cls, value: str | None) -> str | None:
        try:
            return value and _compile(value).pattern
        except re2.error as error:
            reason = error.args[0] if error.args else ""
            words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise ValueError(f"the pattern cannot be read: {words}") from error

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (
            len([name for name in ("exact", "contains", "regex", "any") if getattr(self, name) is not None])
            != 1
        ):
            raise ValueError("write one of exact, contains, regex or any")
        return self

    @cached_property
    def pattern(self) -> Any:
        """The compiled pattern of `regex`."""
        return _compile(self.regex or "")


class Step(_Part):
    """One line of a test: a person does something, the bot says something or nothing, or time passes.

    `as` names who does it; `seed` sets the chance of this one turn, as it was when a chat was recorded.
    """

    user: Annotated[Annotated[Words, Tag(WORDS)] | Annotated[Act, Tag(PARTS)], Discriminator(_way)] | None = (
        None
    )
    bot: (
        Annotated[Annotated[Words, Tag(WORDS)] | Annotated[Expect, Tag(PARTS)], Discriminator(_way)] | None
    ) = None
    wait: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] | None = None
    silent: Literal[True] | None = None
    as_: Title | None = Field(None, alias="as")
    seed: Annotated[int, Field(ge=0, le=0xFFFF_FFFF)] | None = None

    @field_validator("wait")
    @classmethod
    def _is_duration(cls, value: str | None) -> str | None:
        if value is not None and seconds_of(value) is None:
            raise ValueError("write how long to wait as in 90s, 30min, 25h or 2d")
        return value

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len([name for name in ("user", "bot", "wait", "silent") if getattr(self, name) is not None]) != 1:
            raise ValueError("a step is one of user, bot, wait or silent")
        if self.user is None and (self.as_ is not None or self.seed is not None):
            raise ValueError("only a step in which somebody does something has “as” or “seed”")
        return self


class Start(_Part):
    """What holds when a test begins; `time` is in the brain's zone unless it says another."""

    memory: dict[Scope, dict[Annotated[str, StringConstraints(min_length=1, max_length=100)], Any]] = {}
    time: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] | None = None
    name: Title = "Ada"
    phone: Annotated[str, StringConstraints(pattern=r"^\d{5,15}$")] | None = None
    group: bool = False
    seed: Annotated[int, Field(ge=0, le=0xFFFF_FFFF)] = 0

    @field_validator("time")
    @classmethod
    def _is_moment(cls, value: str | None) -> str | None:
        try:
            _ = value and datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("write the time as in 2026-01-05T09:00") from error
        return value

    @field_validator("memory")
    @classmethod
    def _fits(cls, value: dict[str, Any]) -> dict[str, Any]:
        for scope, entries in value.items():
            if value_bytes(entries) > limits.MEMORY_SCOPE_BYTES:
                raise ValueError(
                    f"the memory of the {scope} is larger than {limits.MEMORY_SCOPE_BYTES:,} bytes"
                )
        return value


class Stub(_Part):
    """The answer a call gets in a test; `match` is a text that what is asked must hold.

    Stubs are used up in their order; when all that fit are used, the last of them answers again.
    """

    call: Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+)*$", max_length=40)]
    match: Annotated[str, StringConstraints(min_length=1, max_length=limits.LINK_CHARS)] | None = None
    answer: Any = None
    error: Annotated[str, StringConstraints(min_length=1, max_length=limits.ERROR_CHARS)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.answer is None) == (self.error is None):
            raise ValueError("a stub has either an answer or an error")
        if self.answer is not None and value_bytes(self.answer) > limits.TEST_ANSWER_BYTES:
            raise ValueError(f"the answer is larger than {limits.TEST_ANSWER_BYTES:,} bytes; shorten it")
        return self


class Case(_Part):
    """One test of a brain."""

    name: Name
    start: Start = Start()
    stubs: Annotated[tuple[Stub, ...], Field(max_length=limits.TEST_STUBS)] = ()
    steps: Annotated[tuple[Step, ...], Field(max_length=limits.TEST_STEPS)]

    @field_validator("steps")
    @classmethod
    def _says_something(cls, value: tuple[Step, ...]) -> tuple[Step, ...]:
        # A validator of its own: with min_length a wrong step would also count as a missing one.
        if not value:
            raise ValueError("a test needs at least one step; add one")
        return value


def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_BYTES
    return re2.compile(pattern, options)
