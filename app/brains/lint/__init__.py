"""The lint of a whole brain: what a draft would do wrong, found without running any of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

from app.brains.document import Command, Document, ReplyAction, ScriptAction
from app.brains.lint import calls, grants, leftovers, names, triggers, whatsapp
from app.brains.lint.finding import ERROR, WARNING, Code, Draft, Finding
from app.brains.problems import InvalidDocument, Problem, problems
from app.brains.program import Program, compile_program
from app.brains.prompts import PromptAction
from app.brains.sandbox.facts import Fact
from app.brains.sandbox.wire import SCRIPT, TEMPLATE, Fault, Source

__all__ = ["ERROR", "RULES", "WARNING", "Finding", "lint", "review", "stops"]

# Reads scripts and templates in a confined process: None for what cannot be compiled.
Reader = Callable[[Sequence[Source]], Sequence[tuple[Fact, ...] | None]]
Rule = Callable[[Draft], Iterator[Finding]]
Placed = tuple[str, Command | None, Source]

RULES: Final[tuple[Rule, ...]] = (
    names.find,
    grants.find,
    calls.find,
    whatsapp.find,
    triggers.find,
    leftovers.find,
)


class Readers(Protocol):
    """The sandbox, as far as a review needs it; the owner names whose code it is."""

    def check(self, owner: str, sources: Sequence[Source]) -> Sequence[Fault | None]:
        """Tell what is wrong with each source."""
        ...

    def facts(self, owner: str, sources: Sequence[Source]) -> Sequence[tuple[Fact, ...] | None]:
        """Tell what each source says of itself."""
        ...


def review(data: Mapping[str, Any], sandbox: Readers, owner: str) -> list[Problem]:
    """Return all that is wrong or suspicious in a draft: its problems, then what the lint finds."""
    found = problems(data, lambda sources: sandbox.check(owner, sources))
    return [*found, *lint(data, lambda sources: sandbox.facts(owner, sources))]


def stops(problem: Problem) -> bool:
    """Tell whether a draft cannot be published before this is repaired."""
    return not isinstance(problem, Finding) or problem.severity == ERROR


def lint(data: Mapping[str, Any], read: Reader) -> list[Finding]:
    """Return what is suspicious in a draft, errors first; nothing for one that is not valid to begin with."""
    try:
        program = compile_program(0, 0, data)
    except InvalidDocument:
        return []
    draft = _draft(program.document, read, program)
    found = [finding for rule in RULES for finding in rule(draft)]
    return sorted(dict.fromkeys(found), key=lambda each: each.severity != ERROR)


def _draft(document: Document, read: Reader, program: Program) -> Draft:
    placed = [*_of_commands(document), *_of_prompts(document)]
    answers = read([source for _, _, source in placed]) if placed else ()
    codes = [
        Code(path, command, source.language, source.text, facts, _prompt(document, path))
        for (path, command, source), facts in zip(placed, answers, strict=True)
        if facts is not None
    ]
    whole = len(codes) == len(placed) and not any(
        fact.kind == "more" for code in codes for fact in code.facts
    )
    return Draft(document, program, codes, whole)


def _prompt(document: Document, path: str) -> str:
    """Return the name of the prompt a path leads into; empty for any other."""
    kind, place, *_ = path.split(".")
    return document.prompts[int(place)].name if kind == "prompts" else ""


def _of_commands(document: Document) -> Iterator[Placed]:
    for place, command in enumerate(document.commands):
        action, at = command.action, f"commands.{place}.action"
        if not command.enabled:
            continue
        if isinstance(action, ScriptAction):
            yield f"{at}.source", command, Source.of(SCRIPT, action.source)
        elif isinstance(action, ReplyAction) and action.template is not None:
            yield f"{at}.template", command, Source.of(TEMPLATE, action.template)
        elif isinstance(action, ReplyAction):
            for number, text in enumerate(action.variants):
                yield f"{at}.variants.{number}", command, Source.of(TEMPLATE, text)


def _of_prompts(document: Document) -> Iterator[Placed]:
    """Return both texts of each prompt, for each command that asks it."""
    for place, prompt in enumerate(document.prompts):
        asking = [
            command
            for command in document.commands
            if command.enabled
            and isinstance(command.action, PromptAction)
            and command.action.prompt == prompt.name
        ]
        for command in asking or [None]:
            for part, text in (("system", prompt.system), ("user", prompt.user)):
                yield f"prompts.{place}.{part}", command, Source.of(TEMPLATE, text)
