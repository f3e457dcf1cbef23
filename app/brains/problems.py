"""Everything that keeps a document from being published, in an operator's words and with its place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.brains.document import Document
from app.brains.sandbox.wire import RenderError
from app.brains.triggers import KINDS
from app.signals import DomainError

# Checks templates in the confined process: None for each that can be read.
TemplateCheck = Callable[[Sequence[str]], Sequence[RenderError | None]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair: `path` as in `commands.3.trigger.words`, the line where a text has lines."""

    path: str
    message: str
    command_id: str | None = None
    line: int | None = None


class InvalidDocument(DomainError):
    """A document that cannot run as it stands; `problems` says why."""

    code = "invalid-document"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = f" First: {problems[0].path}: {problems[0].message}" if problems else ""
        super().__init__(f"This brain has {len(problems)} problem(s) to repair.{first}")
        self.problems = list(problems)


def problems(data: Mapping[str, Any], check: TemplateCheck | None = None) -> list[Problem]:
    """Find every problem of a document; templates are read only when `check` (a sandbox) is given."""
    try:
        document = Document.model_validate(dict(data))
    except ValidationError as error:
        found = [_problem(data, detail) for detail in error.errors(include_url=False)]
    else:
        found = _empty(document)
    return found + (_template_problems(data, check) if check else [])


def parse_document(data: Mapping[str, Any]) -> Document:
    """Return the checked document; raises InvalidDocument."""
    try:
        return Document.model_validate(dict(data))
    except ValidationError as error:
        raise InvalidDocument(
            [_problem(data, detail) for detail in error.errors(include_url=False)]
        ) from error


def _empty(document: Document) -> list[Problem]:
    if any(command.enabled for command in document.commands):
        return []
    return [Problem("commands", "There is no command that is switched on. Add one.")]


def _problem(data: Mapping[str, Any], detail: ErrorDetails) -> Problem:
    place = [str(step) for step in detail["loc"]]
    if len(place) > 3 and place[2] == "trigger" and place[3] in KINDS:
        del place[3]  # the union's tag is no field
    return Problem(".".join(place), _words(detail), _command_id(data, place))


def _command_id(data: Mapping[str, Any], place: Sequence[str]) -> str | None:
    if len(place) < 2 or place[0] != "commands":
        return None
    command = _at(_at(data, "commands"), place[1])
    found = _at(command, "id")
    return found if isinstance(found, str) else None


def _at(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    if (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and step.isdigit()
        and int(step) < len(value)
    ):
        return value[int(step)]
    return None


def _words(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        text = str(context.get("error", detail["msg"]))
        return text[:1].upper() + text[1:] + "."
    words = _WORDS.get(detail["type"])
    if words is None:
        return f"{detail['msg']}."
    return words.format(**{"actual_length": "", "limit": "", **context})


_WORDS = {
    "missing": "This is missing.",
    "extra_forbidden": "This field is not known here. Remove it or correct its name.",
    "string_type": "This must be a text; put it in quotation marks.",
    "string_too_long": "This has too many characters: {max_length} are allowed.",
    "string_too_short": "This has too few characters: at least {min_length}.",
    "string_pattern_mismatch": "This is not written in the allowed form ({pattern}).",
    "too_long": "There are {actual_length} entries: {max_length} are allowed.",
    "too_short": "Add at least {min_length} entry.",
    "literal_error": "This must be {expected}.",
    "union_tag_invalid": "There is no trigger of the kind “{tag}”. Use one of {expected_tags}.",
    "union_tag_not_found": "Choose a kind of trigger.",
    "int_type": "This must be a whole number.",
    "int_parsing": "This must be a whole number.",
    "int_from_float": "This must be a whole number.",
    "float_parsing": "This must be a number.",
    "float_type": "This must be a number.",
    "bool_type": "This must be true or false.",
    "bool_parsing": "This must be true or false.",
    "greater_than_equal": "This must be at least {ge}.",
    "less_than_equal": "This must be at most {le}.",
    "tuple_type": "This must be a list.",
    "model_type": "This must be a group of fields.",
    "model_attributes_type": "This must be a group of fields.",
}


def _template_problems(data: Mapping[str, Any], check: TemplateCheck) -> list[Problem]:
    """Read each template of the draft, also of commands that have other problems."""
    placed = list(_templates(data))
    answers = check([source for _, _, source in placed])
    return [
        Problem(
            path,
            f"Line {fault.line}: {fault.message}" if fault.line else fault.message,
            command_id,
            fault.line,
        )
        for (path, command_id, _), fault in zip(placed, answers, strict=True)
        if fault
    ]


def _templates(data: Mapping[str, Any]) -> list[tuple[str, str | None, str]]:
    """Find all templates of a draft that may be wrong in any way: (path, command id, source)."""
    commands = data.get("commands")
    found: list[tuple[str, str | None, str]] = []
    for index, command in enumerate(commands if isinstance(commands, Sequence) else ()):
        action = _at(command, "action")
        command_id = _at(command, "id")
        owner = command_id if isinstance(command_id, str) else None
        variants = _at(action, "variants")
        listed = variants if isinstance(variants, Sequence) and not isinstance(variants, str) else ()
        places = [
            ("template", _at(action, "template")),
            *((f"variants.{n}", text) for n, text in enumerate(listed)),
        ]
        found += [
            (f"commands.{index}.action.{place}", owner, text)
            for place, text in places
            if isinstance(text, str)
        ]
    return found
