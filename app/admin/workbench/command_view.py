"""Labels and fields of the command editor: trigger fields from Config, argument types, limits, problem places."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.fields import FieldInfo

from app.admin.ui.keywords import join_keywords
from app.admin.ui.schema_form import get_label
from app.admin.workbench import command_form, test_form
from app.brains import examples, limits
from app.brains.document.validation import ValidationProblem
from app.brains.triggers import KINDS
from app.immutable import immutable

ARGUMENT_TYPES = {
    "word": "One word",
    "rest": "Rest of the message",
    "int": "Whole number",
    "number": "Number",
    "choice": "One of a list",
    "yes_no": "Yes or no",
}
ACTION_KINDS = (
    ("reply", "Text answer", "message", "One text with placeholders, or several picked at random"),
    (
        "script",
        "Script",
        "terminal-2",
        "A small program: conditions, variables, external requests, several replies",
    ),
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


@immutable
class TriggerField:
    """One field of a trigger; `type`: lines | text | number | flag; `help` may be empty."""

    name: str
    label: str
    type: str
    value: Any
    help: str = ""


def list_trigger_kinds(draft: Mapping[str, Any], chosen: str) -> list[tuple[str, str]]:
    """Return the kinds of triggers a draft can have, and the chosen one, with titles; the commonest first."""
    usable = [
        each
        for each in KINDS.values()
        if not each.traits.needs or draft.get(each.traits.needs) or each.kind == chosen
    ]
    return [(each.kind, each.title) for each in sorted(usable, key=lambda kind: kind.traits.order)]


def list_trigger_fields(trigger: Mapping[str, Any]) -> list[TriggerField]:
    """Draw the fields of a trigger with its present values, in the words of its Config."""
    kind = KINDS.get(str(trigger.get("kind")), KINDS["command"])
    return [
        _build_trigger_field(name, field, trigger)
        for name, field in kind.Config.model_fields.items()
        if name != "kind"
    ]


def _build_trigger_field(name: str, field: FieldInfo, trigger: Mapping[str, Any]) -> TriggerField:
    value = trigger.get(name, None if field.is_required() else field.get_default(call_default_factory=True))
    kind = command_form.get_trigger_input(field)
    if kind == "flag":
        shown: Any = bool(value)
    elif kind == "lines":
        listed = [value] if isinstance(value, str) else list(map(str, value or ()))
        shown = join_keywords(listed) if name in command_form.KEYWORD_FIELDS else "\n".join(listed)
    else:
        shown = "" if value is None else value
    return TriggerField(name, get_label(name, field), kind, shown, field.description or "")


def get_trigger_label(name: str) -> str:
    """Return what the editor calls a field of triggers; empty for a field that no kind has."""
    fields = (kind.Config.model_fields.get(name) for kind in KINDS.values())
    return next((get_label(name, field) for field in fields if field is not None), "")


def get_trigger_help(trigger: Mapping[str, Any]) -> str:
    """Say in a sentence what the fields of this kind mean: the Config's own words."""
    kind = KINDS.get(str(trigger.get("kind")), KINDS["command"])
    return (kind.Config.__doc__ or "").split("\n")[0]


def can_take_arguments(trigger: Mapping[str, Any]) -> bool:
    """Tell whether a command with this trigger can have arguments."""
    kind = KINDS.get(str(trigger.get("kind")))
    return kind is not None and kind.traits.takes_arguments


def describe_trigger(command: Mapping[str, Any]) -> str:
    """Say in a few words when a command fires."""
    title, words = summarize_trigger(command, "")
    return f"{title}: {', '.join(words)}" if words else title


def summarize_trigger(command: Mapping[str, Any], prefix: str) -> tuple[str, list[str]]:
    """Return the title of a command's trigger and its texts, those of commands with the prefix people type."""
    trigger = command.get("trigger", {})
    kind = KINDS.get(str(trigger.get("kind")))
    if kind is None:
        return "No trigger", []
    written = trigger.get(kind.traits.field) or ()
    listed = written if isinstance(written, (list, tuple)) else [written]
    opening = prefix if kind.traits.uses_prefix else ""
    return kind.title, [f"{opening}{each}" for each in listed if each]


def build_example(command: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return a message that would make a command fire, to try it with."""
    return examples.build_example(command, document) or "Hello"


def describe_location(problem: ValidationProblem) -> str:
    """Name the field a problem sits in, in the words of the form."""
    steps = problem.path.split(".")
    if steps[0] == "tests":
        return test_form.describe_location(steps)
    field = steps[2:] if problem.command_id else steps
    if field[:2] == ["action", "variants"] and len(field) > 2:
        return f"in answer {int(field[2]) + 1}" if field[2].isdecimal() else "in the answers"
    if field[:1] == ["grants"]:
        return "in the permissions"
    named = {"source": "in the script", "group": "in the group", "groups": "in the groups"}
    named |= {
        "errors_to": "in the number alerted of errors",
        "template": "in the answer",
        "buttons": "in the buttons",
    }
    named |= {
        "arguments": "in the arguments",
        "prompts": "in the prompts",
        "prompt": "in the prompt",
        "intents": "in the intents",
        "not_intents": "in the messages that mean no intent",
    }
    named |= {"name": "in the name", "trigger": "in the trigger", "restrict": "in the restrictions"}
    named |= {"prefixes": "in the prefixes", "timezone": "in the time zone", "cooldown": "in the cooldown"}
    return next((named[step] for step in reversed(field) if step in named), "")


def get_field_id(problem: ValidationProblem) -> str:
    """Return the id of the text field whose lines a problem counts; empty for a problem without a line."""
    steps = problem.path.split(".")
    if problem.line and steps[0] == "prompts" and steps[-1] in {"system", "user"}:
        return steps[-1]
    if not problem.line or len(steps) < 4 or steps[2] != "action":
        return ""
    if steps[3] == "source":
        return "source"
    return f"text-{int(steps[4]) + 1}" if steps[3:4] == ["variants"] and steps[4:] else "text-1"


def list_group_names(document: Mapping[str, Any]) -> list[str]:
    """Return the names of a draft's groups, whatever else is wrong with them."""
    groups = document.get("groups")
    rows = groups if isinstance(groups, list) else []
    return [str(each["name"]) for each in rows if isinstance(each, Mapping) and each.get("name")]


def get_names_by_id(commands: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the commands' names by id."""
    return {str(each.get("id")): str(each.get("name") or "") for each in commands}
