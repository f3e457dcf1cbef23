"""Commands that call and schedule commands: those that do not exist, arguments that do not fit, endless loops."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from app.brains import limits
from app.brains.document import Command
from app.brains.lint.finding import ERROR, WARNING, Code, Draft, Finding
from app.brains.sandbox.advice import suggestion
from app.brains.sandbox.facts import Fact
from app.brains.triggers.contract import fold

_SOON: Final = 10  # seconds: scheduled sooner than this, a loop fills a chat

_PROMPT_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}")

Edges = Mapping[str, list[tuple[str, Code, Fact]]]


def find(draft: Draft) -> Iterator[Finding]:
    """Find calls that fail, and calls that never end."""
    commands = {fold(command.name): command for command in draft.document.commands}
    edges: dict[str, list[tuple[str, Code, Fact]]] = {}
    for code in draft.codes:
        for fact in code.of("call", "schedule"):
            target = commands.get(fold(fact.texts[0]))
            if target is None:
                yield _unknown(code, fact, draft)
                continue
            if not target.enabled:
                yield _off(code, fact, target)
            yield from _arguments(code, fact, target)
            if code.command and (fact.kind == "call" or 0 <= fact.number < _SOON):
                edges.setdefault(code.command.id, []).append((target.id, code, fact))
    yield from _loops(edges)
    yield from _prompts(draft)


def _prompts(draft: Draft) -> Iterator[Finding]:
    """Find what looks like the name of a prompt and is none."""
    known = [prompt.name for prompt in draft.document.prompts]
    for code in draft.codes:
        for fact in code.of("ai"):
            name = fact.texts[0]
            if known and name not in known and _PROMPT_NAME.fullmatch(name):
                said = f"There is no prompt “{name}”, so the AI is asked just this word."
                fix = suggestion(name, known, "Check its name under Prompts")
                yield code.finding("unknown-prompt", WARNING, fact, said, fix)


def _unknown(code: Code, fact: Fact, draft: Draft) -> Finding:
    names = [command.name for command in draft.document.commands]
    said = f"There is no command “{fact.texts[0]}” in this brain."
    fix = suggestion(fact.texts[0], names, "Check the name in the list of commands")
    return code.finding("unknown-command", ERROR, fact, said, fix)


def _off(code: Code, fact: Fact, target: Command) -> Finding:
    said = f"The command “{target.name}” is switched off, so this fails."
    return code.finding("command-off", ERROR, fact, said, "Switch it on, or take this line out.")


def _arguments(code: Code, fact: Fact, target: Command) -> Iterator[Finding]:
    given = fact.texts[1:]
    if "**" in given or len(fact.texts) >= limits.FACT_TEXTS:
        return
    declared = {argument.name: argument for argument in target.arguments}
    for name in given:
        if name not in declared:
            said = f"The command “{target.name}” has no argument “{name}”."
            fix = suggestion(name, sorted(declared), "Check its arguments")
            yield code.finding("unknown-argument", ERROR, fact, said, fix)
    for name, argument in declared.items():
        if argument.required and name not in given:
            said = f"The command “{target.name}” needs the argument “{name}”."
            yield code.finding("missing-argument", ERROR, fact, said, f"Write {name}=… between the brackets.")


def _loops(edges: Edges) -> Iterator[Finding]:
    """Find every command that comes back to itself, once a loop."""
    told: set[frozenset[str]] = set()
    for start in edges:
        for way in _ways_back(start, edges):
            members = frozenset(target for target, _, _ in way)
            if members in told:
                continue
            told.add(members)
            yield _loop(way)


def _ways_back(start: str, edges: Edges) -> Iterator[list[tuple[str, Code, Fact]]]:
    """Yield the shortest way from a command to itself."""
    waiting = [[edge] for edge in edges.get(start, ())]
    seen: set[str] = set()
    for way in waiting:
        at = way[-1][0]
        if at == start:
            yield way
            return
        if at not in seen:
            seen.add(at)
            waiting.extend([*way, edge] for edge in edges.get(at, ()))


def _loop(way: list[tuple[str, Code, Fact]]) -> Finding:
    _, code, fact = way[0]
    callers = [step.command.name for _, step, _ in way if step.command]
    names = " → ".join(f"“{name}”" for name in callers)
    # Behind a condition a loop may have an end that only a run would show.
    perhaps = any(each.flag for _, _, each in way)
    said = f"{names} comes back to “{callers[0]}”, perhaps without end."
    if not perhaps:
        said = said.replace(", perhaps", "")
    if any(each.kind == "schedule" for _, _, each in way):
        fix = f"Schedule it at least {_SOON} seconds later, and only on a condition that ends."
    else:
        fix = f"Commands call each other at most {limits.CALL_DEPTH} deep: take one of the calls out."
    return code.finding("loop", WARNING if perhaps else ERROR, fact, said, fix)
