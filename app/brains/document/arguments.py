"""Typed arguments of a command: declaration, parsing of a message's text, usage text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.brains import limits
from app.brains.document.numbers import find_spaced_number, parse_number, parse_whole_number
from app.brains.text import fold
from app.immutable import immutable

Value = str | int | float | bool | None

_CLOSING = {'"': '"', "“": "”", "„": "“", "«": "»"}
_WORD = re.compile(r"\S+")
_SURPLUS_CHARS = 60  # of what is too much, as it is said to the person
_YES = frozenset({"yes", "y", "true", "on", "1"})
_NO = frozenset({"no", "n", "false", "off", "0"})


class BadValueError(ValueError):
    """Text that is no value of its argument; the message shows a valid one."""


class Argument(BaseModel):
    """Argument of a command; bounds apply to the value of a number and to the length of a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    type: Literal["word", "int", "number", "choice", "yes_no", "rest"] = "word"
    required: bool = True
    default: str | int | float | bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: Annotated[
        tuple[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)], ...],
        Field(max_length=limits.CHOICES, validate_default=True),
    ] = ()
    description: Annotated[str, StringConstraints(max_length=200)] = ""
    # What the contact reads, instead of the usage, when the value is missing or cannot be read.
    ask: Annotated[str, StringConstraints(strip_whitespace=True, max_length=limits.ASK_CHARS)] = ""

    @field_validator("choices")
    @classmethod
    def _check_choices(cls, choices: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        kind = info.data.get("type", "choice" if choices else "")
        if kind == "choice" and not choices:
            raise PydanticCustomError("too_short", "at least {min_length} choice", {"min_length": 1})
        if kind != "choice" and choices:
            raise ValueError("only an argument of the type choice has choices")
        return choices

    @model_validator(mode="after")
    def _check_bounds_and_default(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("the minimum is above the maximum")
        if self.default is not None:
            if self.required:
                raise ValueError("an argument with a default cannot be required; switch one of the two off")
            self.read(str(self.default))
        return self

    def read(self, text: str) -> Value:
        """Parse a text as this argument's value; raises BadValueError."""
        if self.type in {"int", "number"}:
            return self._check_bounds(self._parse_number(text))
        if self.type == "choice":
            return self._find_choice(text)
        if self.type == "yes_no":
            return _parse_yes_no(text)
        self._check_bounds(len(text), " characters")
        return text

    def _parse_number(self, text: str) -> int | float:
        try:
            return parse_whole_number(text) if self.type == "int" else parse_number(text)
        except ValueError as error:
            raise BadValueError(str(error)) from error

    def _check_bounds(self, value: float, unit: str = "") -> float:
        verb = "have" if unit else "be"
        if self.minimum is not None and value < self.minimum:
            raise BadValueError(f"must {verb} at least {self.minimum:g}{unit}")
        if self.maximum is not None and value > self.maximum:
            raise BadValueError(f"must {verb} at most {self.maximum:g}{unit}")
        return value

    def _find_choice(self, text: str) -> str:
        for choice in self.choices:
            if fold(" ".join(choice.split())) == fold(text):
                return choice
        raise BadValueError("must be one of " + ", ".join(self.choices))

    def find_choice_end(self, text: str) -> int:
        """Return where a choice of several words ends with which a text begins, the longest first; 0 = none does."""
        words = list(_WORD.finditer(text))
        for count in sorted({len(choice.split()) for choice in self.choices} - {1}, reverse=True):
            said = fold(" ".join(word.group() for word in words[:count]))
            if len(words) >= count and any(fold(" ".join(each.split())) == said for each in self.choices):
                return words[count - 1].end()
        return 0

    @property
    def default_value(self) -> Value:
        """Value used when the message has none."""
        return None if self.default is None else self.read(str(self.default))


@immutable
class BoundArguments:
    """Argument values of a message, or their problem (empty `problem`: a required argument is missing).

    `surplus`: the end of the message, which no argument takes. `ask`: the question of the argument that stopped it.
    """

    values: dict[str, Value] = field(default_factory=dict)
    missing: str = ""
    problem: str = ""
    surplus: str = ""
    ask: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the command can run."""
        return not (self.missing or self.problem)


def check_order(arguments: Sequence[Argument]) -> None:
    """Refuse argument orders no message could satisfy; raises ValueError."""
    names = [argument.name for argument in arguments]
    for index, argument in enumerate(arguments):
        if names.index(argument.name) != index:
            raise ValueError(f"two arguments are called “{argument.name}”")
        if argument.type == "rest" and index < len(arguments) - 1:
            raise ValueError(f"“{argument.name}” takes the rest of the message, so it must come last")
        if argument.required and index and not arguments[index - 1].required:
            raise ValueError(f"“{argument.name}” is required, so it cannot follow an optional argument")


def parse(arguments: Sequence[Argument], rest: str) -> BoundArguments:
    """Parse all arguments from the text after the trigger; `surplus` is what no argument takes."""
    values: dict[str, Value] = {}
    for place, argument in enumerate(arguments, 1):
        token, rest = _take(argument, rest, is_last=place == len(arguments))
        if not token:
            if argument.required:
                return BoundArguments(values, missing=argument.name, ask=argument.ask)
            values[argument.name] = argument.default_value
            continue
        try:
            values[argument.name] = argument.read(token)
        except BadValueError as error:
            return BoundArguments(values, problem=f"{argument.name} {error}.", ask=argument.ask)
    return BoundArguments(values, surplus=rest.strip() if arguments else "")


def refuse_surplus(values: BoundArguments) -> BoundArguments:
    """Return the values with a problem where the message goes on after the last argument."""
    if not values.is_complete or not values.surplus:
        return values
    shown = values.surplus if len(values.surplus) <= _SURPLUS_CHARS else f"{values.surplus[:_SURPLUS_CHARS]}…"
    return replace(values, problem=f"This is too much: “{shown}”.")


def _take(argument: Argument, rest: str, *, is_last: bool) -> tuple[str, str]:
    """Split off the text of an argument.

    A choice may have several words, and the last argument may be a number with spaces between its thousands.
    """
    if argument.type == "rest":
        return rest.strip(), ""
    if argument.type == "choice" and (end := argument.find_choice_end(rest)):
        return " ".join(rest[:end].split()), rest[end:]
    if is_last and argument.type in {"int", "number"} and (end := find_spaced_number(rest)):
        return rest[:end], rest[end:]
    return split_token(rest)


def bind(arguments: Sequence[Argument], given: Mapping[str, Any]) -> BoundArguments:
    """Read all arguments from values by name, as another command or a schedule passes them."""
    values: dict[str, Value] = {}
    names = {argument.name for argument in arguments}
    strange = next((name for name in given if name not in names), None)
    if strange is not None:
        return BoundArguments(values, problem=f"There is no argument “{strange[:40]}”.")
    for argument in arguments:
        value = given.get(argument.name)
        if value is None:
            if argument.required:
                return BoundArguments(values, missing=argument.name)
            values[argument.name] = argument.default_value
            continue
        try:
            values[argument.name] = argument.read(_to_text(value))
        except BadValueError as error:
            return BoundArguments(values, problem=f"{argument.name} {error}.")
    return BoundArguments(values)


def _to_text(value: Any) -> str:
    if type(value) not in {str, int, float, bool}:
        raise BadValueError("must be a text or a number")
    return ("yes" if value else "no") if type(value) is bool else str(value)


def split_token(text: str) -> tuple[str, str]:
    """Split off the first word, or the first quoted text."""
    text = text.lstrip()
    closing = _CLOSING.get(text[:1])
    if closing and (end := text.find(closing, 1)) > 1:
        return text[1:end], text[end + 1 :]
    token, *rest = text.split(None, 1) or ("",)
    return token, rest[0] if rest else ""


def format_usage(opening: str, arguments: Sequence[Argument]) -> str:
    """Format the usage of a command: `Usage: !echo <text> [times]`."""
    shown = [f"<{argument.name}>" if argument.required else f"[{argument.name}]" for argument in arguments]
    return " ".join(["Usage:", opening, *shown])


def _parse_yes_no(text: str) -> Any:
    folded = fold(text)
    if folded in _YES:
        return True
    if folded in _NO:
        return False
    raise BadValueError("must be yes or no")
