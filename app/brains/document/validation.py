"""Validation of a document: every problem that prevents publishing, its text and its place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.brains import limits
from app.brains.document.prompts import PromptAction
from app.brains.document.schema import ACTIONS, Document
from app.brains.document.test_cases import OBJECT_TAG, TEXT_TAG
from app.brains.document.validation_messages import find_field_message, format_message
from app.brains.sandbox.types import SCRIPT, TEMPLATE, SandboxError, Source
from app.brains.triggers import KINDS
from app.brains.triggers.intent import Config as IntentConfig
from app.immutable import immutable
from app.signals import DomainError

# Compiles scripts and templates in a confined process: None for each that can run.
SourceCheck = Callable[[Sequence[Source]], Sequence[SandboxError | None]]


@immutable
class ValidationProblem:
    """Problem of a document: `path` as in `commands.3.trigger.words`, with line and columns in a text.

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

    @property
    def is_unfinished(self) -> bool:
        """Whether something is not filled in yet, rather than wrong."""
        return False


@immutable
class EmptyField(ValidationProblem):
    """Problem of a required field that nobody has filled in yet."""

    @property
    def is_unfinished(self) -> bool:
        """Whether something is not filled in yet: it is."""
        return True


class InvalidDocument(DomainError):
    """Document that cannot run; `problems` lists why."""

    code = "invalid-document"

    def __init__(self, problems: Sequence[ValidationProblem]) -> None:
        first = f" First: {problems[0].path}: {problems[0].message}" if problems else ""
        super().__init__(f"This brain has {len(problems)} problem(s) to repair.{first}")
        self.problems = list(problems)


def find_problems(data: Mapping[str, Any], check: SourceCheck | None = None) -> list[ValidationProblem]:
    """Find every problem of a document; its code is checked only when `check` (a sandbox) is given."""
    try:
        document = Document.model_validate(dict(data))
    except ValidationError as error:
        found = _list_problems(data, error)
    else:
        found = _check_commands(document) + _check_prompts(document) + _check_intents(document)
    return found + (_check_code(data, check) if check else [])


def parse_document(data: Mapping[str, Any]) -> Document:
    """Return the validated document; raises InvalidDocument."""
    try:
        return Document.model_validate(dict(data))
    except ValidationError as error:
        raise InvalidDocument(_list_problems(data, error)) from error


def _list_problems(data: Mapping[str, Any], error: ValidationError) -> list[ValidationProblem]:
    details = error.errors(include_url=False)
    return [_to_problem(data, detail) for detail in details if not _is_consequence(detail)]


def _is_consequence(detail: ErrorDetails) -> bool:
    """Tell whether a list is only too short because its wrong entries, which are told themselves, do not count."""
    given, least = detail["input"], detail.get("ctx", {}).get("min_length", 0)
    return detail["type"] == "too_short" and isinstance(given, (list, tuple)) and len(given) >= least


def _check_commands(document: Document) -> list[ValidationProblem]:
    if any(command.enabled for command in document.commands):
        return []
    return [ValidationProblem("commands", "There is no command that is switched on. Add one.")]


def _check_prompts(document: Document) -> list[ValidationProblem]:
    known = {prompt.name for prompt in document.prompts}
    return [
        ValidationProblem(
            f"commands.{index}.action.prompt",
            f"There is no prompt “{command.action.prompt}”.",
            command.id,
            fix="Choose another, or create it under Prompts.",
        )
        for index, command in enumerate(document.commands)
        if isinstance(command.action, PromptAction) and command.action.prompt not in known
    ]


def _check_intents(document: Document) -> list[ValidationProblem]:
    known = {intent.name for intent in document.intents}
    return [
        ValidationProblem(
            f"commands.{index}.trigger.intent",
            f"There is no intent “{command.trigger.intent}”.",
            command.id,
            fix="Choose another, or create it under Intents.",
        )
        for index, command in enumerate(document.commands)
        if isinstance(command.trigger, IntentConfig) and command.trigger.intent not in known
    ]


def _to_problem(data: Mapping[str, Any], detail: ErrorDetails) -> ValidationProblem:
    place = [str(step) for step in detail["loc"]]
    if len(place) > 3 and place[3] in _TAGS.get(place[2], ()):
        del place[3]  # the union's tag is no field
    place = [step for step in place if step not in {TEXT_TAG, OBJECT_TAG}]  # nor are these
    message = find_field_message(detail["type"], place) or format_message(detail)
    is_empty = detail["type"] == "missing" or detail["input"] in (None, "", [], ())
    kind = EmptyField if is_empty else ValidationProblem
    return kind(".".join(place), message, _find_command_id(data, place))


_TAGS = {"trigger": tuple(KINDS), "action": ACTIONS}


def _find_command_id(data: Mapping[str, Any], place: Sequence[str]) -> str | None:
    if len(place) < 2 or place[0] != "commands":
        return None
    command = _get_step(_get_step(data, "commands"), place[1])
    found = _get_step(command, "id")
    return found if isinstance(found, str) else None


def _get_step(value: Any, step: str) -> Any:
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


def split_off_invalid(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Mapping[str, Any]]]:
    """Return a document without the commands that are invalid, and these; nothing of the other parts is left out."""
    ids = [each.command_id for each in find_problems(data) if each.command_id]
    commands = data.get("commands")
    listed = list(commands) if isinstance(commands, Sequence) and not isinstance(commands, str) else []
    left_out = [each for each in listed if _get_step(each, "id") in ids]
    if not left_out:
        return dict(data), []
    return {**data, "commands": [each for each in listed if _get_step(each, "id") not in ids]}, left_out


def _check_code(data: Mapping[str, Any], check: SourceCheck) -> list[ValidationProblem]:
    """Compile each script and template of the draft, also of commands that have other problems."""
    placed = list(_find_sources(data))
    errors = check([source for _, _, source in placed])
    return [
        _to_code_problem(path, command_id, error)
        for (path, command_id, _), error in zip(placed, errors, strict=True)
        if error
    ]


def _to_code_problem(path: str, command_id: str | None, error: SandboxError) -> ValidationProblem:
    message = f"Line {error.line}: {error.message}" if error.line else error.message
    return ValidationProblem(
        path,
        message,
        command_id,
        error.line,
        error.column,
        error.end_column,
        error.fix,
        error.excerpt,
    )


def _find_sources(data: Mapping[str, Any]) -> Iterator[tuple[str, str | None, Source]]:
    """Find all code of a draft, valid or not: (path, command id, source)."""
    commands = data.get("commands")
    for index, command in enumerate(commands if isinstance(commands, Sequence) else ()):
        action, command_id = _get_step(command, "action"), _get_step(command, "id")
        owner = command_id if isinstance(command_id, str) else None
        for place, language, text in _find_texts(action):
            # What is too long has its own problem and would only cost time here.
            if isinstance(text, str) and 0 < len(text) <= limits.TEMPLATE_CHARS:
                yield f"commands.{index}.action.{place}", owner, Source.from_text(language, text)
    prompts = data.get("prompts")
    for index, prompt in enumerate(prompts if isinstance(prompts, Sequence) else ()):
        for place in ("system", "user"):
            text = _get_step(prompt, place)
            if isinstance(text, str) and 0 < len(text) <= limits.TEMPLATE_CHARS:
                yield f"prompts.{index}.{place}", None, Source.from_text(TEMPLATE, text)


def _find_texts(action: Any) -> Iterator[tuple[str, str, Any]]:
    if _get_step(action, "kind") == "script":
        yield "source", SCRIPT, _get_step(action, "source")
        return
    if _get_step(action, "kind") == "prompt":
        return
    yield "template", TEMPLATE, _get_step(action, "template")
    variants = _get_step(action, "variants")
    listed = variants if isinstance(variants, Sequence) and not isinstance(variants, str) else ()
    for number, text in enumerate(listed):
        yield f"variants.{number}", TEMPLATE, text
