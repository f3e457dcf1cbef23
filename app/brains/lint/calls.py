"""Lint rules for calls between commands: unknown commands and prompts, arguments, endless loops."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from app.brains import limits
from app.brains.document.schema import Command, ScriptAction
from app.brains.lint.finding import ERROR, WARNING, Code, Draft, Finding, build_command_finding
from app.brains.sandbox.advice.advice import suggest
from app.brains.sandbox.source_facts import Fact
from app.brains.text import fold
from app.brains.triggers import KINDS

_MIN_LOOP_DELAY_S: Final = 10  # seconds: scheduled sooner than this, a loop fills a chat

_WINDOW_S: Final = 24 * 3600  # seconds in which WhatsApp takes free texts
_SENDS: Final = re.compile(r"\bctx\s*\.\s*(reply|send_\w+)\b")
_PROMPT_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}")

Edges = Mapping[str, list[tuple[str, Code, Fact]]]


def find(draft: Draft) -> Iterator[Finding]:
    """Find calls that fail, and calls that never end."""
    commands = {fold(command.name): command for command in draft.document.commands}
    edges: dict[str, list[tuple[str, Code, Fact]]] = {}
    for code in draft.codes:
        for fact in code.list_facts("call", "schedule"):
            target = commands.get(fold(fact.texts[0]))
            if target is None:
                yield _report_unknown_command(code, fact, draft)
                continue
            if not target.enabled:
                yield _report_disabled_command(code, fact, target)
            yield from _check_arguments(code, fact, target)
            yield from _check_window(code, fact, target)
            if code.command and (fact.kind == "call" or 0 <= fact.number < _MIN_LOOP_DELAY_S):
                edges.setdefault(code.command.id, []).append((target.id, code, fact))
    yield from _find_loops(edges)
    yield from _find_unknown_prompts(draft)
    yield from _find_never_run(draft, commands)


def _find_never_run(draft: Draft, commands: Mapping[str, Command]) -> Iterator[Finding]:
    """Find commands without a trigger that nothing calls or schedules."""
    facts = [fact for code in draft.codes for fact in code.list_facts("call", "schedule")]
    # A name that only a run would tell may be any of them.
    if not draft.whole or any(not fact.texts[0] for fact in facts):
        return
    named = {commands[fold(fact.texts[0])].id for fact in facts if fold(fact.texts[0]) in commands}
    for place, command in draft.commands:
        if KINDS[command.trigger.kind].traits.is_internal and command.id not in named:
            message = (
                "Nothing runs this command: it has the trigger None, and no script calls or schedules it."
            )
            fix = f"Write ctx.call(“{command.name}”) in a script, or choose another trigger."
            yield build_command_finding("never-run", WARNING, place, command, "trigger", message, fix)


def _check_window(code: Code, fact: Fact, target: Command) -> Iterator[Finding]:
    """Find a reply that comes when WhatsApp takes no free text any more."""
    if fact.kind == "schedule" and fact.number > _WINDOW_S and _answers(target):
        hours = fact.number // 3600
        message = (
            f"“{target.name}” answers {hours} hours later. WhatsApp takes a free text within 24 hours of the "
            "person's last message only, so this answer is refused unless they wrote meanwhile."
        )
        fix = (
            "Schedule it within 24 hours, or let the team send an approved template (Templates in the chat)."
        )
        yield code.build_finding("window-closed", WARNING, fact, message, fix)


def _answers(command: Command) -> bool:
    action = command.action
    return not isinstance(action, ScriptAction) or bool(_SENDS.search(action.source))


def _find_unknown_prompts(draft: Draft) -> Iterator[Finding]:
    """Find words passed to `ctx.ai` that look like the name of a prompt and are none."""
    known = [prompt.name for prompt in draft.document.prompts]
    for code in draft.codes:
        for fact in code.list_facts("ai"):
            name = fact.texts[0]
            if known and name not in known and _PROMPT_NAME.fullmatch(name):
                message = f"There is no prompt “{name}”, so the AI is asked just this word."
                fix = suggest(name, known, "Check its name under Prompts")
                yield code.build_finding("unknown-prompt", WARNING, fact, message, fix)


def _report_unknown_command(code: Code, fact: Fact, draft: Draft) -> Finding:
    names = [command.name for command in draft.document.commands]
    message = f"There is no command “{fact.texts[0]}” in this brain."
    fix = suggest(fact.texts[0], names, "Check the name in the list of commands")
    return code.build_finding("unknown-command", ERROR, fact, message, fix)


def _report_disabled_command(code: Code, fact: Fact, target: Command) -> Finding:
    message = f"The command “{target.name}” is switched off, so this fails."
    return code.build_finding("command-off", ERROR, fact, message, "Switch it on, or take this line out.")


def _check_arguments(code: Code, fact: Fact, target: Command) -> Iterator[Finding]:
    given = fact.texts[1:]
    if "**" in given or len(fact.texts) >= limits.FACT_TEXTS:
        return
    declared = {argument.name: argument for argument in target.arguments}
    for name in given:
        if name not in declared:
            message = f"The command “{target.name}” has no argument “{name}”."
            fix = suggest(name, sorted(declared), "Check its arguments")
            yield code.build_finding("unknown-argument", ERROR, fact, message, fix)
    for name, argument in declared.items():
        if argument.required and name not in given:
            message = f"The command “{target.name}” needs the argument “{name}”."
            yield code.build_finding(
                "missing-argument", ERROR, fact, message, f"Write {name}=… between the brackets."
            )


def _find_loops(edges: Edges) -> Iterator[Finding]:
    """Find every cycle of commands, once each."""
    reported: set[frozenset[str]] = set()
    for start in edges:
        for cycle in _find_cycles(start, edges):
            members = frozenset(target for target, _, _ in cycle)
            if members in reported:
                continue
            reported.add(members)
            yield _report_loop(cycle)


def _find_cycles(start: str, edges: Edges) -> Iterator[list[tuple[str, Code, Fact]]]:
    """Yield the shortest cycle that starts with a command."""
    waiting = [[edge] for edge in edges.get(start, ())]
    seen: set[str] = set()
    for path in waiting:
        at = path[-1][0]
        if at == start:
            yield path
            return
        if at not in seen:
            seen.add(at)
            waiting.extend([*path, edge] for edge in edges.get(at, ()))


def _report_loop(cycle: list[tuple[str, Code, Fact]]) -> Finding:
    _, code, fact = cycle[0]
    callers = [step.command.name for _, step, _ in cycle if step.command]
    names = " → ".join(f"“{name}”" for name in callers)
    # Behind a condition a loop may have an end that only a run would show.
    perhaps = any(each.flag for _, _, each in cycle)
    message = f"{names} comes back to “{callers[0]}”, perhaps without end."
    if not perhaps:
        message = message.replace(", perhaps", "")
    if any(each.kind == "schedule" for _, _, each in cycle):
        fix = f"Schedule it at least {_MIN_LOOP_DELAY_S} seconds later, and only on a condition that ends."
    else:
        fix = f"Commands call each other at most {limits.CALL_DEPTH} deep: take one of the calls out."
    return code.build_finding("loop", WARNING if perhaps else ERROR, fact, message, fix)
