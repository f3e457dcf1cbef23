"""Typed arguments of a command: what an operator declares, and how a message's text becomes values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.brains import limits
from app.brains.triggers.contract import fold

Value = str | int | float | bool | None

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:[.,][0-9]{1,9})?")
_CLOSING = {'"': '"', "“": "”", "„": "“", "«": "»"}
_YES = frozenset({"yes", "y", "true", "on", "1"})
_NO = frozenset({"no", "n", "false", "off", "0"})


class BadValueError(ValueError):
    """A text that is no value of its argument; says what one looks like."""


class Argument(BaseModel):
    """One argument; bounds are on the value of a number and on the length of a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    type: Literal["word", "int", "number", "choice", "yes_no", "rest"] = "word"
    required: bool = True
    default: str | int | float | bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: Annotated[
        tuple[Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)], ...],
        Field(max_length=limits.CHOICES),
    ] = ()
    description: Annotated[str, StringConstraints(max_length=200)] = ""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("a choice needs its list of choices, and only a choice has one")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError("the minimum is above the maximum")
        if self.default is not None:
            if self.required:
                raise ValueError("an argument with a default cannot be required; switch one of the two off")
            self.read(str(self.default))
        return self

    def read(self, text: str) -> Value:
        """Turn a text into this argument's value; raises BadValueError."""
        if self.type in {"int", "number"}:
            return self._bounded(self._number(text))
        if self.type == "choice":
            return self._chosen(text)
        if self.type == "yes_no":
            return _yes_or_no(text)
        self._bounded(len(text), " characters")
        return text

    def _number(self, text: str) -> int | float:
        if self.type == "int":
            if not _WHOLE.fullmatch(text):
                raise BadValueError("must be a whole number")
            return int(text)
        if not _NUMBER.fullmatch(text):
            raise BadValueError("must be a number")
        return float(text.replace(",", "."))

    def _bounded(self, value: float, unit: str = "") -> float:
        verb = "have" if unit else "be"
        if self.minimum is not None and value < self.minimum:
            raise BadValueError(f"must {verb} at least {self.minimum:g}{unit}")
        if self.maximum is not None and value > self.maximum:
            raise BadValueError(f"must {verb} at most {self.maximum:g}{unit}")
        return value

    def _chosen(self, text: str) -> str:
        for choice in self.choices:
            if fold(choice) == fold(text):
                return choice
        raise BadValueError("must be one of " + ", ".join(self.choices))

    @property
    def preset(self) -> Value:
        """The value when the message has none."""
        return None if self.default is None else self.read(str(self.default))


@dataclass(frozen=True, slots=True)
class Arguments:
    """The values of a message, or what is wrong with it (empty `problem`: a required argument is missing)."""

    values: dict[str, Value] = field(default_factory=dict)
    missing: str = ""
    problem: str = ""

    @property
    def complete(self) -> bool:
        """Whether the command can run."""
        return not (self.missing or self.problem)


def check_order(arguments: Sequence[Argument]) -> None:
    """Refuse declarations no message could satisfy; raises ValueError."""
    names = [argument.name for argument in arguments]
    for index, argument in enumerate(arguments):
        if names.index(argument.name) != index:
            raise ValueError(f"two arguments are called “{argument.name}”")
        if argument.type == "rest" and index < len(arguments) - 1:
            raise ValueError(f"“{argument.name}” takes the rest of the message, so it must come last")
        if argument.required and index and not arguments[index - 1].required:
            raise ValueError(f"“{argument.name}” is required, so it cannot follow an optional argument")


def parse(arguments: Sequence[Argument], rest: str) -> Arguments:
    """Read the values of all arguments from the text after the trigger; what is left over is ignored."""
    values: dict[str, Value] = {}
    for argument in arguments:
        token, rest = (rest.strip(), "") if argument.type == "rest" else next_token(rest)
        if not token:
            if argument.required:
                return Arguments(values, missing=argument.name)
            values[argument.name] = argument.preset
            continue
        try:
            values[argument.name] = argument.read(token)
        except BadValueError as error:
            return Arguments(values, problem=f"{argument.name} {error}.")
    return Arguments(values)


def bind(arguments: Sequence[Argument], given: Mapping[str, Any]) -> Arguments:
    """Read the values of all arguments from values by name, as another command or a schedule gives them."""
    values: dict[str, Value] = {}
    names = {argument.name for argument in arguments}
    strange = next((name for name in given if name not in names), None)
    if strange is not None:
        return Arguments(values, problem=f"There is no argument “{strange[:40]}”.")
    for argument in arguments:
        value = given.get(argument.name)
        if value is None:
            if argument.required:
                return Arguments(values, missing=argument.name)
            values[argument.name] = argument.preset
            continue
        try:
            values[argument.name] = argument.read(_as_text(value))
        except BadValueError as error:
            return Arguments(values, problem=f"{argument.name} {error}.")
    return Arguments(values)


def _as_text(value: Any) -> str:
    if type(value) not in {str, int, float, bool}:
        raise BadValueError("must be a text or a number")
    return ("yes" if value else "no") if type(value) is bool else str(value)


def next_token(text: str) -> tuple[str, str]:
    """Split off the first word, or the first text in quotation marks."""
    text = text.lstrip()
    closing = _CLOSING.get(text[:1])
    if closing and (end := text.find(closing, 1)) > 1:
        return text[1:end], text[end + 1 :]
    token, *rest = text.split(None, 1) or ("",)
    return token, rest[0] if rest else ""


def usage(opening: str, arguments: Sequence[Argument]) -> str:
    """Write how a command is used: `Usage: !echo <text> [times]`."""
    shown = [f"<{argument.name}>" if argument.required else f"[{argument.name}]" for argument in arguments]
    return " ".join(["Usage:", opening, *shown])


def _yes_or_no(text: str) -> Any:
    folded = fold(text)
    if folded in _YES:
        return True
    if folded in _NO:
        return False
    raise BadValueError("must be yes or no")
