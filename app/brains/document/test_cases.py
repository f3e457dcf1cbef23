"""Schema of tests in a brain document: initial state, steps, expectations, mock responses."""

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
from app.brains.text import count_json_bytes

# Tags of the two ways to write a step; problems leave them out of their paths.
TEXT_TAG: Final = "(words)"
OBJECT_TAG: Final = "(parts)"

# What a problem says of a step, or a part of one, that nobody has filled in yet.
EMPTY_STEPS: Final = {
    "user": "Write what the contact writes.",
    "button": "Write the title of the button.",
    "list": "Write the title of the row.",
    "contact": "Write the name on the card.",
    "quote": "Write what the contact writes.",
    "burst": "Write at least two lines.",
    "bot": "Write what the bot replies.",
    "exact": "Write what the bot replies.",
    "contains": "Write what the reply contains.",
    "regex": "Write a regular expression.",
    "choices": "Write the titles of the buttons.",
    "as": "Write who does it.",
    "name": "Give it a name.",
}

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


def parse_duration(text: str) -> int | None:
    """Parse a duration such as 25h, 1d 2h or 30 min (seconds); None when invalid or longer than a year."""
    if not _DURATION.fullmatch(text):
        return None
    total = sum(int(count) * _SECONDS[unit] for count, unit in _PIECE.findall(text))
    return total if 0 < total <= limits.SCHEDULE_SECONDS else None


def _discriminate_step(value: Any) -> str:
    return TEXT_TAG if isinstance(value, str) else OBJECT_TAG


class _Part(BaseModel):
    """Parent of the parts of a test: frozen, unknown fields are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, serialize_by_alias=True, validate_by_alias=True, validate_by_name=True
    )


class Act(_Part):
    """Action of a contact other than writing one text; exactly one field is set."""

    button: Title | None = None
    list: Title | None = None
    image: Text | None = None  # its caption
    voice: Literal[True] | None = None
    location: Text | None = None  # the name of the place
    document: Text | None = None  # its file name
    contact: Title | None = None  # the name on the card
    order: Text | None = None  # the note beside the cart
    form: dict[Name, Any] | None = None  # the answers, by field
    quote: Words | None = None  # a text that quotes the bot's last answer
    # Texts in quick succession, each before the bot answers the one before.
    burst: Annotated[tuple[Words, ...], Field(min_length=2, max_length=limits.TEST_BURST)] | None = None

    @property
    def kind(self) -> str:
        """The field that is set."""
        return next(iter(self.model_fields_set))

    @field_validator("form")
    @classmethod
    def _check_form(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and count_json_bytes(value) > limits.TEST_ANSWER_BYTES:
            raise ValueError(f"the answers are larger than {limits.TEST_ANSWER_BYTES:,} bytes; shorten them")
        return value

    @model_validator(mode="after")
    def _check_one_kind(self) -> Self:
        if [getattr(self, name) is not None for name in self.model_fields_set] != [True]:
            raise ValueError(f"write one of {', '.join(type(self).model_fields)}")
        return self


class Expectation(_Part):
    """Expected answer: exact, contains, regex, or any; the buttons or rows it must have; and whom it goes `to`."""

    exact: Words | None = None
    contains: Words | None = None
    regex: Annotated[str, StringConstraints(min_length=1, max_length=limits.PATTERN_CHARS)] | None = None
    any: Literal[True] | None = None
    choices: Annotated[tuple[Title, ...], Field(max_length=limits.LIST_ROWS)] | None = None
    to: Title | None = None

    @field_validator("regex")
    @classmethod
    def _check_regex(cls, value: str | None) -> str | None:
        try:
            return value and _compile(value).pattern
        except re2.error as error:
            reason = error.args[0] if error.args else ""
            words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise ValueError(f"the pattern cannot be read: {words}") from error

    @model_validator(mode="after")
    def _check_one_kind(self) -> Self:
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
    """Step of a test: a contact acts, the bot answers or stays silent, or time passes.

    `as` names who does it; `seed` sets the chance of this one turn, as it was when a chat was recorded.
    """

    user: (
        Annotated[
            Annotated[Words, Tag(TEXT_TAG)] | Annotated[Act, Tag(OBJECT_TAG)],
            Discriminator(_discriminate_step),
        ]
        | None
    ) = None
    bot: (
        Annotated[
            Annotated[Words, Tag(TEXT_TAG)] | Annotated[Expectation, Tag(OBJECT_TAG)],
            Discriminator(_discriminate_step),
        ]
        | None
    ) = None
    wait: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] | None = None
    silent: Literal[True] | None = None
    as_: Title | None = Field(None, alias="as")
    seed: Annotated[int, Field(ge=0, le=0xFFFF_FFFF)] | None = None

    @field_validator("wait")
    @classmethod
    def _check_wait(cls, value: str | None) -> str | None:
        if value is not None and parse_duration(value) is None:
            raise ValueError("write how long to wait as in 90s, 30min, 25h or 2d")
        return value

    @model_validator(mode="after")
    def _check_one_kind(self) -> Self:
        if len([name for name in ("user", "bot", "wait", "silent") if getattr(self, name) is not None]) != 1:
            raise ValueError("a step is one of user, bot, wait or silent")
        if self.user is None and (self.as_ is not None or self.seed is not None):
            raise ValueError("only a step in which somebody does something has “as” or “seed”")
        return self


class Start(_Part):
    """Initial state of a test; `time` is in the brain's zone unless it names another."""

    memory: dict[Scope, dict[Annotated[str, StringConstraints(min_length=1, max_length=100)], Any]] = {}
    time: Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)] | None = None
    name: Title = "Ada"
    phone: Annotated[str, StringConstraints(pattern=r"^\d{5,15}$")] | None = None
    group: bool = False
    seed: Annotated[int, Field(ge=0, le=0xFFFF_FFFF)] = 0

    @field_validator("time")
    @classmethod
    def _check_time(cls, value: str | None) -> str | None:
        try:
            _ = value and datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("write the time as in 2026-01-05T09:00") from error
        return value

    @field_validator("memory")
    @classmethod
    def _check_memory(cls, value: dict[str, Any]) -> dict[str, Any]:
        for scope, entries in value.items():
            if count_json_bytes(entries) > limits.MEMORY_SCOPE_BYTES:
                raise ValueError(
                    f"the memory of the {scope} is larger than {limits.MEMORY_SCOPE_BYTES:,} bytes"
                )
        return value


class Stub(_Part):
    """Mock response to a call; `match` is a text the request must contain.

    Stubs are used up in their order; when all that fit are used, the last of them answers again.
    """

    call: Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+)*$", max_length=40)]
    match: Annotated[str, StringConstraints(min_length=1, max_length=limits.LINK_CHARS)] | None = None
    answer: Any = None
    error: Annotated[str, StringConstraints(min_length=1, max_length=limits.ERROR_CHARS)] | None = None

    @model_validator(mode="after")
    def _check_one_result(self) -> Self:
        if (self.answer is None) == (self.error is None):
            raise ValueError("a stub has either an answer or an error")
        if self.answer is not None and count_json_bytes(self.answer) > limits.TEST_ANSWER_BYTES:
            raise ValueError(f"the answer is larger than {limits.TEST_ANSWER_BYTES:,} bytes; shorten it")
        return self


class BrainTest(_Part):
    """One test of a brain."""

    name: Name
    start: Start = Start()
    stubs: Annotated[tuple[Stub, ...], Field(max_length=limits.TEST_STUBS)] = ()
    steps: Annotated[tuple[Step, ...], Field(max_length=limits.TEST_STEPS)]

    @field_validator("steps")
    @classmethod
    def _check_steps(cls, value: tuple[Step, ...]) -> tuple[Step, ...]:
        # A validator of its own: with min_length a wrong step would also count as a missing one.
        if not value:
            raise ValueError("a test needs at least one step; add one")
        return value


def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_BYTES
    return re2.compile(pattern, options)
