"""What the command editor shows: a trigger's fields drawn from its Config, limits, and where a problem sits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from app.brains import limits
from app.brains.problems import Problem
from app.brains.triggers import KINDS

# Words for fields that do not name themselves; a kind that brings new ones is drawn with their plain names.
LABELS = {
    "words": "Command words",
    "texts": "Texts",
    "ids": "Button titles or ids",
    "pattern": "Pattern",
    "ignore_case": "Capitals make no difference",
    "whole_word": "Whole words only",
}
ARGUMENT_TYPES = {
    "word": "One word",
    "rest": "All the rest",
    "int": "Whole number",
    "number": "Number",
    "choice": "One of a list",
    "yes_no": "Yes or no",
}
LIMITS = {
    "template": limits.TEMPLATE_CHARS,
    "variants": limits.VARIANTS,
    "arguments": limits.ARGUMENTS,
    "buttons": limits.BUTTONS,
    "button": limits.BUTTON_CHARS,
    "command": limits.COMMAND_CHARS,
}


@dataclass(frozen=True, slots=True)
class TriggerField:
    """One field of a trigger; `type`: lines | text | flag."""

    name: str
    label: str
    type: str
    value: Any


def trigger_kinds() -> list[tuple[str, str]]:
    """Return the kinds of triggers with their titles, the commonest first."""
    first = ["command", "exact", "contains", "starts_with"]
    order = [*first, *(kind for kind in KINDS if kind not in first and kind != "fallback"), "fallback"]
    return [(kind, KINDS[kind].title) for kind in order]


def trigger_fields(trigger: Mapping[str, Any]) -> list[TriggerField]:
    """Draw the fields of a trigger with its present values."""
    kind = KINDS.get(str(trigger.get("kind")), KINDS["command"])
    fields = []
    for name, field in kind.Config.model_fields.items():
        if name == "kind":
            continue
        value = trigger.get(name, None if field.is_required() else field.default)
        label = LABELS.get(name, name.replace("_", " ").capitalize())
        if field.annotation is bool:
            fields.append(TriggerField(name, label, "flag", bool(value)))
        elif get_origin(field.annotation) is tuple:
            fields.append(TriggerField(name, label, "lines", "\n".join(map(str, value or ()))))
        else:
            fields.append(TriggerField(name, label, "text", value or ""))
    return fields


def trigger_help(trigger: Mapping[str, Any]) -> str:
    """Say in a sentence what the fields of this kind mean: the Config's own words."""
    kind = KINDS.get(str(trigger.get("kind")), KINDS["command"])
    return (kind.Config.__doc__ or "").split("\n")[0]


def takes_arguments(trigger: Mapping[str, Any]) -> bool:
    """Tell whether a command with this trigger can have arguments."""
    return trigger.get("kind") in {"command", "starts_with"}


def trigger_words(command: Mapping[str, Any]) -> str:
    """Say in a few words when a command fires."""
    trigger = command.get("trigger", {})
    kind = KINDS.get(str(trigger.get("kind")))
    if kind is None:
        return "No trigger"
    said = trigger.get("words") or trigger.get("texts") or trigger.get("ids") or [trigger.get("pattern", "")]
    words = ", ".join(str(each) for each in said if each)
    return f"{kind.title}: {words}" if words else kind.title


def place_of(problem: Problem) -> str:
    """Name the field a problem sits in, in the words of the form."""
    steps = problem.path.split(".")
    field = steps[2:] if problem.command_id else steps
    if field[:2] == ["action", "variants"] and len(field) > 2:
        return f"in answer {int(field[2]) + 1}" if field[2].isdecimal() else "in the answers"
    named = {"template": "in the answer", "buttons": "in the buttons", "arguments": "in the arguments"}
    named |= {"name": "in the name", "trigger": "in the trigger", "restrict": "in the restrictions"}
    named |= {"prefixes": "in the prefixes", "timezone": "in the time zone", "cooldown": "in the cooldown"}
    return next((named[step] for step in reversed(field) if step in named), "")


def names_of(commands: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the commands' names by id."""
    return {str(each.get("id")): str(each.get("name") or "") for each in commands}
