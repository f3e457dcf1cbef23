"""Lint of a whole brain: findings about a draft, without running any of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from app.brains.document.prompts import PromptAction
from app.brains.document.schema import Command, Document, ReplyAction, ScriptAction
from app.brains.document.validation import InvalidDocument, ValidationProblem, find_problems
from app.brains.lint import calls, grants, intent_rules, keywords, names, never, triggers, unused, whatsapp
from app.brains.lint.finding import ERROR, WARNING, Code, Draft, Finding
from app.brains.runtime.program import Program, compile_program
from app.brains.sandbox.source_facts import Fact
from app.brains.sandbox.types import SCRIPT, TEMPLATE, SandboxPort, Source

__all__ = ["ERROR", "RULES", "WARNING", "Finding", "is_blocking", "lint", "review"]

# Reads scripts and templates in a confined process: None for what cannot be compiled.
FactReader = Callable[[Sequence[Source]], Sequence[tuple[Fact, ...] | None]]
Rule = Callable[[Draft], Iterator[Finding]]
PlacedSource = tuple[str, Command | None, Source]

RULES: Final[tuple[Rule, ...]] = (
    names.find,
    grants.find,
    calls.find,
    whatsapp.find,
    never.find,
    keywords.find,
    triggers.find,
    unused.find,
    intent_rules.find,
)


def review(data: Mapping[str, Any], sandbox: SandboxPort, owner: str) -> list[ValidationProblem]:
    """Return all problems of a draft: those of its validation, then the findings of the lint."""
    found = find_problems(data, lambda sources: sandbox.check(owner, sources))
    return [*found, *lint(data, lambda sources: sandbox.read_facts(owner, sources))]


def is_blocking(problem: ValidationProblem) -> bool:
    """Tell whether a problem prevents publishing."""
    return not isinstance(problem, Finding) or problem.severity == ERROR


def lint(data: Mapping[str, Any], read: FactReader) -> list[Finding]:
    """Return the findings of a draft, errors first; none for an invalid draft."""
    try:
        program = compile_program(0, 0, data)
    except InvalidDocument:
        return []
    draft = _build_draft(program.document, read, program)
    found = [finding for rule in RULES for finding in rule(draft)]
    return sorted(dict.fromkeys(found), key=lambda each: each.severity != ERROR)


def _build_draft(document: Document, read: FactReader, program: Program) -> Draft:
    placed = [*_list_command_sources(document), *_list_prompt_sources(document)]
    answers = read([source for _, _, source in placed]) if placed else ()
    codes = [
        Code(path, command, source.language, source.text, facts, _get_prompt_name(document, path))
        for (path, command, source), facts in zip(placed, answers, strict=True)
        if facts is not None
    ]
    whole = len(codes) == len(placed) and not any(
        fact.kind == "more" for code in codes for fact in code.facts
    )
    return Draft(document, program, codes, whole)


def _get_prompt_name(document: Document, path: str) -> str:
    """Return the name of the prompt that a path leads into; empty for any other path."""
    kind, place, *_ = path.split(".")
    return document.prompts[int(place)].name if kind == "prompts" else ""


def _list_command_sources(document: Document) -> Iterator[PlacedSource]:
    for place, command in enumerate(document.commands):
        action, at = command.action, f"commands.{place}.action"
        if not command.enabled:
            continue
        if isinstance(action, ScriptAction):
            yield f"{at}.source", command, Source.from_text(SCRIPT, action.source)
        elif isinstance(action, ReplyAction) and action.template is not None:
            yield f"{at}.template", command, Source.from_text(TEMPLATE, action.template)
        elif isinstance(action, ReplyAction):
            for number, text in enumerate(action.variants):
                yield f"{at}.variants.{number}", command, Source.from_text(TEMPLATE, text)


def _list_prompt_sources(document: Document) -> Iterator[PlacedSource]:
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
                yield f"prompts.{place}.{part}", command, Source.from_text(TEMPLATE, text)
