"""Everything that keeps a document from being published, in an operator's words and with its place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.brains import limits
from app.brains.cases import PARTS, WORDS
from app.brains.document import ACTIONS, Document
from app.brains.prompts import PromptAction
from app.brains.sandbox.wire import SCRIPT, TEMPLATE, Fault, Source
from app.brains.triggers import KINDS
from app.signals import DomainError

# Compiles scripts and templates in a confined process: None for each that can run.
SourceCheck = Callable[[Sequence[Source]], Sequence[Fault | None]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair: `path` as in `commands.3.trigger.words`, the place where a text has lines.

    `column` and `end_column` count from 1; `fix` says what to do, `excerpt` shows the lines around.
    """

    path: str
    message: str
    command_id: str | None = None
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    fix: str = ""
    excerpt: tuple[str, ...] = ()


class InvalidDocument(DomainError):
    """A document that cannot run as it stands; `problems` says why."""

    code = "invalid-document"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = f" First: {problems[0].path}: {problems[0].message}" if problems else ""
        super().__init__(f"This brain has {len(problems)} problem(s) to repair.{first}")
        self.problems = list(problems)


def problems(data: Mapping[str, Any], check: SourceCheck | None = None) -> list[Problem]:
    """Find every problem of a document; its code is read only when `check` (a sandbox) is given."""
    try:
        document = Document.model_validate(dict(data))
    except ValidationError as error:
        found = [_problem(data, detail) for detail in error.errors(include_url=False)]
    else:
        found = _empty(document) + _unknown_prompts(document)
    return found + (_code_problems(data, check) if check else [])


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


def _unknown_prompts(document: Document) -> list[Problem]:
    known = {prompt.name for prompt in document.prompts}
    return [
        Problem(
            f"commands.{index}.action.prompt",
            f"There is no prompt “{command.action.prompt}”.",
            command.id,
            fix="Choose another, or write it under Prompts.",
        )
        for index, command in enumerate(document.commands)
        if isinstance(command.action, PromptAction) and command.action.prompt not in known
    ]


def _problem(data: Mapping[str, Any], detail: ErrorDetails) -> Problem:
    place = [str(step) for step in detail["loc"]]
    if len(place) > 3 and place[3] in _TAGS.get(place[2], ()):
        del place[3]  # the union's tag is no field
    place = [step for step in place if step not in {WORDS, PARTS}]  # nor are these
    return Problem(".".join(place), _words(detail), _command_id(data, place))


_TAGS = {"trigger": tuple(KINDS), "action": ACTIONS}


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
    "union_tag_invalid": "There is no kind “{tag}” here. Use one of {expected_tags}.",
    "union_tag_not_found": "Choose a kind.",
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


def _code_problems(data: Mapping[str, Any], check: SourceCheck) -> list[Problem]:
    """Compile each script and template of the draft, also of commands that have other problems."""
    placed = list(_sources(data))
    faults = check([source for _, _, source in placed])
    return [
        _code_problem(path, command_id, fault)
        for (path, command_id, _), fault in zip(placed, faults, strict=True)
        if fault
    ]


def _code_problem(path: str, command_id: str | None, fault: Fault) -> Problem:
    message = f"Line {fault.line}: {fault.message}" if fault.line else fault.message
    return Problem(
        path,
        message,
        command_id,
        fault.line,
        fault.column,
        fault.end_column,
        fault.fix,
        fault.excerpt,
    )


def _sources(data: Mapping[str, Any]) -> Iterator[tuple[str, str | None, Source]]:
    """Find all code of a draft that may be wrong in any way: (path, command id, source)."""
    commands = data.get("commands")
    for index, command in enumerate(commands if isinstance(commands, Sequence) else ()):
        action, command_id = _at(command, "action"), _at(command, "id")
        owner = command_id if isinstance(command_id, str) else None
        for place, language, text in _texts(action):
            # What is too long has its own problem and would only cost time here.
            if isinstance(text, str) and 0 < len(text) <= limits.TEMPLATE_CHARS:
                yield f"commands.{index}.action.{place}", owner, Source.of(language, text)
    prompts = data.get("prompts")
    for index, prompt in enumerate(prompts if isinstance(prompts, Sequence) else ()):
        for place in ("system", "user"):
            text = _at(prompt, place)
            if isinstance(text, str) and 0 < len(text) <= limits.TEMPLATE_CHARS:
                yield f"prompts.{index}.{place}", None, Source.of(TEMPLATE, text)


def _texts(action: Any) -> Iterator[tuple[str, str, Any]]:
    if _at(action, "kind") == "script":
        yield "source", SCRIPT, _at(action, "source")
        return
    if _at(action, "kind") == "prompt":
        return
    yield "template", TEMPLATE, _at(action, "template")
    variants = _at(action, "variants")
    listed = variants if isinstance(variants, Sequence) and not isinstance(variants, str) else ()
    for number, text in enumerate(listed):
        yield f"variants.{number}", TEMPLATE, text
