"""Lint rules for intents: examples that contradict each other, too few of them, intents that nothing asks for."""

from collections.abc import Iterator
from typing import Final

from app.brains.document.intents import find_conflicts
from app.brains.lint.finding import WARNING, Draft, Finding
from app.brains.triggers.intent import Config

_FEW: Final = 5


def find(draft: Draft) -> Iterator[Finding]:
    """Find what keeps intents from being told apart, or from being of use."""
    intents = draft.document.intents
    for place, number, owner in find_conflicts(intents):
        text = intents[place].examples[number]
        message = f"“{text[:60]}” is an example of “{owner}”, too, so it means neither of the two."
        yield _build_finding(
            "conflicting-examples", f"{place}.examples.{number}", message, "Remove it here or there."
        )
    for place, intent in enumerate(intents):
        count = len(intent.examples)
        if count < _FEW:
            message = (
                f"“{intent.name}” has {count} example{'s' if count > 1 else ''}, which is few to learn from."
            )
            fix = f"Write at least {_FEW}, better 10 to 20, in each language that contacts write."
            yield _build_finding("few-examples", f"{place}.examples", message, fix)
    yield from _find_unused(draft)
    yield from _find_useless_question(draft)


def _find_unused(draft: Draft) -> Iterator[Finding]:
    """Find intents without a trigger, unless code looks at what is understood."""
    used = {command.trigger.intent for _, command in draft.commands if isinstance(command.trigger, Config)}
    if not draft.whole or any(map(_reads_intent, _list_uses(draft))):
        return
    for place, intent in enumerate(draft.document.intents):
        if intent.name not in used:
            message = f"No command has the trigger Intent for “{intent.name}”."
            yield _build_finding(
                "unused-intent", str(place), message, "Give a command this trigger, or remove the intent."
            )


def _find_useless_question(draft: Draft) -> Iterator[Finding]:
    """Find a question back that can never have a button, and titles of buttons that there are not."""
    asked = draft.document.settings.did_you_mean
    if asked is None or not draft.whole:
        return
    used = {
        command.trigger.intent
        for _, command in draft.commands
        if command.enabled and isinstance(command.trigger, Config)
    }
    if not used:
        message = "“Did you mean” is on, but no command that is on has the trigger Intent: there is nothing to offer."
        fix = "Give a command the trigger Intent, or switch the question off."
        yield Finding("settings.did_you_mean", message, fix=fix, code="nothing-to-offer", severity=WARNING)
        return
    titled = {name for texts in (asked, *asked.languages.values()) for name in texts.titles}
    for name in sorted(titled - used):
        message = f"A button of “did you mean” has a title for “{name}”, for which no command has the trigger Intent."
        fix = "Correct the name, or remove the title."
        yield Finding("settings.did_you_mean", message, fix=fix, code="unused-button-title", severity=WARNING)


def _list_uses(draft: Draft) -> Iterator[tuple[str, ...]]:
    return (tuple(fact.texts) for code in draft.codes for fact in code.list_facts("use", "get"))


def _reads_intent(path: tuple[str, ...]) -> bool:
    """Tell whether a path of names leads to the intent of a message, whichever it is."""
    return path[:1] == ("match",) and (len(path) == 1 or path[1] in {"intent", "candidates"})


def _build_finding(code: str, place: str, message: str, fix: str) -> Finding:
    return Finding(f"intents.{place}", message, fix=fix, code=code, severity=WARNING)
