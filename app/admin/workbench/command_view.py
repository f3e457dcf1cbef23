"""What the command editor shows: a trigger's fields drawn from its Config, limits, and where a problem sits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from app.admin import case_form
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
ACTION_KINDS = (
    ("reply", "Text answer", "message", "One text with blanks to fill in, or several picked at random"),
    ("script", "Script", "terminal-2", "A small program: it decides, remembers, asks and answers"),
    ("prompt", "AI prompt", "wand", "The answer of a language model to one of your prompts"),
)
LIMITS = {
    "template": limits.TEMPLATE_CHARS,
    "script": limits.SCRIPT_CHARS,
    "variants": limits.VARIANTS,
    "arguments": limits.ARGUMENTS,
    "buttons": limits.BUTTONS,
    "button": limits.BUTTON_CHARS,
    "command": limits.COMMAND_CHARS,
    "reply": limits.REPLY_CHARS,
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


def example(command: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return a message that would make a command fire, to try it with."""
    trigger = command.get("trigger", {})
    words = trigger.get("words") or trigger.get("texts") or trigger.get("ids") or []
    first = str(next((each for each in words if each), ""))
    if trigger.get("kind") != "command":
        return first or "Hello"
    prefix = str(next(iter(document.get("settings", {}).get("prefixes") or ["!"]), ""))
    samples = [_sample(each) for each in command.get("arguments", []) if each.get("required", True)]
    return " ".join([f"{prefix}{first}", *samples]) if first else "Hello"


def _sample(argument: Mapping[str, Any]) -> str:
    choices = argument.get("choices") or []
    if choices:
        return str(choices[0])
    return {"int": "3", "number": "3", "yes_no": "yes"}.get(str(argument.get("type")), "hello")


def place_of(problem: Problem) -> str:
    """Name the field a problem sits in, in the words of the form."""
    steps = problem.path.split(".")
    if steps[0] == "tests":
        return case_form.place_of(steps)
    field = steps[2:] if problem.command_id else steps
    if field[:2] == ["action", "variants"] and len(field) > 2:
        return f"in answer {int(field[2]) + 1}" if field[2].isdecimal() else "in the answers"
    if field[:1] == ["grants"]:
        return "in what it may do"
    named = {"source": "in the script", "group": "in the group", "groups": "in the groups"}
    named |= {
        "errors_to": "in who is told of errors",
        "template": "in the answer",
        "buttons": "in the buttons",
    }
    named |= {"arguments": "in the arguments", "prompts": "in the prompts", "prompt": "in the prompt"}
    named |= {"name": "in the name", "trigger": "in the trigger", "restrict": "in the restrictions"}
    named |= {"prefixes": "in the prefixes", "timezone": "in the time zone", "cooldown": "in the cooldown"}
    return next((named[step] for step in reversed(field) if step in named), "")


def field_of(problem: Problem) -> str:
    """Return the id of the text field whose lines a problem counts; empty for a problem without a line."""
    steps = problem.path.split(".")
    if problem.line and steps[0] == "prompts" and steps[-1] in {"system", "user"}:
        return steps[-1]
    if not problem.line or len(steps) < 4 or steps[2] != "action":
        return ""
    if steps[3] == "source":
        return "source"
    return f"text-{int(steps[4]) + 1}" if steps[3:4] == ["variants"] and steps[4:] else "text-1"


def group_names(document: Mapping[str, Any]) -> list[str]:
    """Return the names of a draft's groups, whatever else is wrong with them."""
    groups = document.get("groups")
    rows = groups if isinstance(groups, list) else []
    return [str(each["name"]) for each in rows if isinstance(each, Mapping) and each.get("name")]


def names_of(commands: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the commands' names by id."""
    return {str(each.get("id")): str(each.get("name") or "") for each in commands}
