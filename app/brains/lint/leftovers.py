"""What nobody uses: arguments, groups, prefixes, buttons."""

from collections.abc import Iterator

from app.brains.document import BrainSettings, Command, ReplyAction
from app.brains.lint.finding import WARNING, Code, Draft, Finding, at_command
from app.brains.lint.messages import press
from app.brains.program import choose
from app.brains.prompts import PromptAction
from app.brains.triggers.contract import fold


def find(draft: Draft) -> Iterator[Finding]:
    """Find leftovers; each is harmless but seldom meant."""
    yield from _arguments(draft)
    yield from _groups(draft)
    yield from _prompts(draft)
    yield from _prefixes(draft)
    yield from _buttons(draft)


def _arguments(draft: Draft) -> Iterator[Finding]:
    if not draft.whole:
        return
    by_command = draft.by_command
    for place, command in draft.commands:
        used = _used(by_command.get(command.id, []))
        for number, argument in enumerate(command.arguments):
            if used is not None and argument.name not in used:
                said = f"The argument “{argument.name}” is asked for and never used."
                fix = f"Use {_written(command, argument.name)} in the answer, or remove the argument."
                field = f"arguments.{number}"
                yield at_command("unused-argument", WARNING, place, command, field, said, fix)


def _used(codes: list[Code]) -> set[str] | None:
    """Return the arguments that a command's code names; None when it may use all of them."""
    found: set[str] = set()
    for code in codes:
        for fact in code.of("use", "get"):
            if fact.texts in {("args",), ()} or fact.texts[:2] in {("args", "items"), ("args", "values")}:
                return None
            if fact.texts[0] == "args":
                found.add(fact.texts[1])
    return found


def _written(command: Command, name: str) -> str:
    return f"{{{{ args.{name} }}}}" if isinstance(command.action, ReplyAction) else f"ctx.args.{name}"


def _groups(draft: Draft) -> Iterator[Finding]:
    used = {fold(command.group) for command in draft.document.commands if command.group}
    for place, group in enumerate(draft.document.groups):
        if fold(group.name) not in used:
            said = f"No command is in the group “{group.name}”."
            fix = "Put a command into it, or remove the group."
            yield Finding(f"groups.{place}", said, fix=fix, code="empty-group")


def _prompts(draft: Draft) -> Iterator[Finding]:
    asked = {each.action.prompt for _, each in draft.commands if isinstance(each.action, PromptAction)}
    named = {fact.texts[0] for code in draft.codes for fact in code.of("ai")}
    # A name that only a run would tell may be any of them.
    if "" in named or not draft.whole:
        return
    for place, prompt in enumerate(draft.document.prompts):
        if prompt.name not in asked | named:
            said = f"No command asks the prompt “{prompt.name}”."
            fix = "Choose it as the answer of a command, or remove it."
            yield Finding(f"prompts.{place}", said, fix=fix, code="unused-prompt")


def _prefixes(draft: Draft) -> Iterator[Finding]:
    prefixes = draft.document.settings.prefixes
    words = any(command.trigger.kind == "command" for command in draft.document.commands)
    if not words and prefixes != BrainSettings().prefixes and prefixes:
        listed = " and ".join(f"“{prefix}”" for prefix in prefixes)
        said = f"No command has command words, so nothing begins with {listed}."
        fix = "Give a command the trigger Command word, or remove the prefixes."
        yield Finding("settings.prefixes", said, fix=fix, code="unused-prefix")
    for place, prefix in enumerate(prefixes):
        if prefix in prefixes[:place]:
            said, fix = f"The prefix “{prefix}” is listed twice.", "Remove one of the two."
            yield Finding(f"settings.prefixes.{place}", said, fix=fix, code="unused-prefix")


def _buttons(draft: Draft) -> Iterator[Finding]:
    for place, command in draft.commands:
        action = command.action
        for title in action.buttons if isinstance(action, ReplyAction) else ():
            if choose(draft.program, press(title))[0] is None:
                said = f"Nothing happens when somebody presses “{title}”."
                fix = "Add a command with the trigger Button or list choice for it."
                yield at_command("dead-button", WARNING, place, command, "action.buttons", said, fix)
