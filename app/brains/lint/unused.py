"""Lint rules for unused arguments, groups, prompts, prefixes, buttons and list rows."""

from collections.abc import Iterator
from dataclasses import replace

from app.brains.document.prompts import PromptAction
from app.brains.document.schema import BrainSettings, Command, ReplyAction
from app.brains.example_messages import build_choice_fields
from app.brains.lint.finding import WARNING, Code, Draft, Finding, build_command_finding
from app.brains.runtime.selection.command_choice import choose
from app.brains.text import fold
from app.brains.triggers import KINDS
from app.brains.triggers.contract import build_button_turn


def find(draft: Draft) -> Iterator[Finding]:
    """Find unused parts; each is harmless but seldom intended."""
    yield from _find_unused_arguments(draft)
    yield from _find_empty_groups(draft)
    yield from _find_unused_prompts(draft)
    yield from _find_unused_prefixes(draft)
    yield from _find_dead_buttons(draft)
    yield from _find_dead_choices(draft)


def _find_unused_arguments(draft: Draft) -> Iterator[Finding]:
    if not draft.whole:
        return
    by_command = draft.codes_by_command
    for place, command in draft.commands:
        used = _list_used_arguments(by_command.get(command.id, []))
        for number, argument in enumerate(command.arguments):
            if used is not None and argument.name not in used:
                message = f"The argument “{argument.name}” is asked for and never used."
                fix = f"Use {_format_argument(command, argument.name)} in the answer, or remove the argument."
                field = f"arguments.{number}"
                yield build_command_finding("unused-argument", WARNING, place, command, field, message, fix)


def _list_used_arguments(codes: list[Code]) -> set[str] | None:
    """Return the arguments that a command's code names; None when it may use all of them."""
    found: set[str] = set()
    for code in codes:
        for fact in code.list_facts("use", "get"):
            if fact.texts in {("args",), ()} or fact.texts[:2] in {("args", "items"), ("args", "values")}:
                return None
            if fact.texts[0] == "args":
                found.add(fact.texts[1])
    return found


def _format_argument(command: Command, name: str) -> str:
    return f"{{{{ args.{name} }}}}" if isinstance(command.action, ReplyAction) else f"ctx.args.{name}"


def _find_empty_groups(draft: Draft) -> Iterator[Finding]:
    used = {fold(command.group) for command in draft.document.commands if command.group}
    for place, group in enumerate(draft.document.groups):
        if fold(group.name) not in used:
            message = f"No command is in the group “{group.name}”."
            fix = "Put a command into it, or remove the group."
            yield Finding(f"groups.{place}", message, fix=fix, code="empty-group")


def _find_unused_prompts(draft: Draft) -> Iterator[Finding]:
    in_actions = {each.action.prompt for _, each in draft.commands if isinstance(each.action, PromptAction)}
    in_scripts = {fact.texts[0] for code in draft.codes for fact in code.list_facts("ai")}
    # A name that only a run would tell may be any of them.
    if "" in in_scripts or not draft.whole:
        return
    for place, prompt in enumerate(draft.document.prompts):
        if prompt.name not in in_actions | in_scripts:
            message = f"No command asks the prompt “{prompt.name}”."
            fix = "Choose it as the answer of a command, or remove it."
            yield Finding(f"prompts.{place}", message, fix=fix, code="unused-prompt")


def _find_unused_prefixes(draft: Draft) -> Iterator[Finding]:
    prefixes = draft.document.settings.prefixes
    has_command_trigger = any(
        KINDS[command.trigger.kind].traits.uses_prefix for command in draft.document.commands
    )
    if not has_command_trigger and prefixes != BrainSettings().prefixes and prefixes:
        listed = " and ".join(f"“{prefix}”" for prefix in prefixes)
        message = f"No command has the trigger Command, so no message can begin with {listed}."
        fix = "Give a command the trigger Command, or remove the prefixes."
        yield Finding("settings.prefixes", message, fix=fix, code="unused-prefix")
    for place, prefix in enumerate(prefixes):
        if prefix in prefixes[:place]:
            message, fix = f"The prefix “{prefix}” is listed twice.", "Remove one of the two."
            yield Finding(f"settings.prefixes.{place}", message, fix=fix, code="unused-prefix")


def _find_dead_buttons(draft: Draft) -> Iterator[Finding]:
    fix = "Add a command with the trigger Button or list reply for it."
    for place, command in draft.commands:
        action = command.action
        for title in action.buttons if isinstance(action, ReplyAction) else ():
            if _is_dead(draft, "button", title, title):
                message = f"Nothing happens when somebody presses “{title}”."
                yield build_command_finding(
                    "dead-button", WARNING, place, command, "action.buttons", message, fix
                )


def _find_dead_choices(draft: Draft) -> Iterator[Finding]:
    """Find buttons and rows that a script always sends with the same id and title and no command answers."""
    for code in draft.codes:
        for fact in code.list_facts("press", "pick"):
            kind, verb = ("button", "presses") if fact.kind == "press" else ("list", "chooses")
            choice_id, title = fact.texts[:2]
            if _is_dead(draft, kind, choice_id, title):
                message = f"Nothing happens when somebody {verb} “{title}”."
                named = "it" if choice_id == title else f"its id, “{choice_id}”"
                fix = f"Add a command with the trigger Button or list reply for {named}."
                yield code.build_finding("dead-button", WARNING, fact, message, fix)


def _is_dead(draft: Draft, kind: str, choice_id: str, title: str) -> bool:
    """Tell whether no command answers a choice, made as the channel reports it."""
    turn = replace(build_button_turn(title), **build_choice_fields(kind, choice_id, title))
    return choose(draft.program, turn)[0] is None
