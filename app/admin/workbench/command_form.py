"""Command form to document data, and edits of a draft's commands (pure functions)."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_origin

from pydantic.fields import FieldInfo
from werkzeug.datastructures import MultiDict

from app.admin.ui.form_text import normalise_newlines, parse_number, split_lines
from app.admin.ui.keywords import split_keywords
from app.admin.ui.schema_form import get_input_type
from app.brains.document.merge import find_free_name
from app.brains.text import fold
from app.brains.triggers import KINDS

_REPLY_SWITCHES = ("quote", "link_preview")

Command = dict[str, Any]
Form = MultiDict[str, str]

BLANK: Command = {
    "name": "",
    "trigger": {"kind": "command", "words": []},
    "action": {"kind": "reply", "template": ""},
}
ARGUMENT_FIELDS: tuple[str, ...] = (
    "name",
    "type",
    "need",
    "default",
    "minimum",
    "maximum",
    "choices",
    "description",
    "ask",
)
# Types of arguments that have a least and a largest value, or length.
BOUNDED_TYPES: frozenset[str] = frozenset({"int", "number", "word", "rest"})
# What a new trigger has switched on in the editor, where the brain file leaves it off.
_SWITCHED_ON: frozenset[str] = frozenset({"whole_word"})
# Fields of keywords; titles of buttons may have commas and are written one per line.
KEYWORD_FIELDS: frozenset[str] = frozenset({"words", "texts"})
_KEYWORDS_OR_TITLES: frozenset[str] = KEYWORD_FIELDS | {"ids"}
_ARGUMENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def find(commands: Sequence[Command], command_id: str) -> int | None:
    """Return the place of a command; None when there is none of this id."""
    return next((i for i, each in enumerate(commands) if each.get("id") == command_id), None)


def toggle(commands: Sequence[Command], command_id: str) -> list[Command]:
    """Return the commands with one switched on or off."""
    at = find(commands, command_id)
    return list(commands) if at is None else set_enabled(commands, {command_id}, is_off(commands[at]))


def is_off(command: Mapping[str, Any]) -> bool:
    """Tell whether a command is switched off."""
    return not command.get("enabled", True)


def set_enabled(commands: Sequence[Command], ids: Collection[str], on: bool) -> list[Command]:
    """Return the commands with some switched on or off."""
    return [_set_enabled(each, on) if each.get("id") in ids else each for each in commands]


def _set_enabled(command: Command, on: bool) -> Command:
    if is_off(command) != on:
        return command
    rest = {name: value for name, value in command.items() if name != "enabled"}
    return rest if on else {**rest, "enabled": False}


def duplicate(commands: Sequence[Command], copies: Mapping[str, str]) -> list[Command]:
    """Return the commands with copies behind their originals, under names of their own; `copies`: id to new id."""
    names = {fold(str(each.get("name") or "")) for each in commands}
    changed: list[Command] = []
    for each in commands:
        changed.append(each)
        if each["id"] in copies:
            name = find_free_name(f"{each.get('name', '')} copy"[:95], names)
            names.add(fold(name))
            changed.append({**each, "id": copies[each["id"]], "name": name})
    return changed


def replace(commands: Sequence[Command], command: Command) -> list[Command]:
    """Return the commands with the one of this id replaced, or added."""
    at = find(commands, command["id"])
    return add(commands, command) if at is None else [*commands[:at], command, *commands[at + 1 :]]


def add(commands: Sequence[Command], command: Command) -> list[Command]:
    """Return the commands with one more at the end: before the default reply, which is asked last anyway."""
    end = len(commands)
    while end and is_last(commands[end - 1]):
        end -= 1
    return [*commands[:end], command, *commands[end:]]


def is_last(command: Mapping[str, Any]) -> bool:
    """Tell whether a command answers only what no other one does."""
    kind = KINDS.get(str(command.get("trigger", {}).get("kind")))
    return kind is not None and kind.traits.is_last


def get_reply(command: Mapping[str, Any]) -> Command:
    """Return what the form shows of a text answer: texts (one at least), buttons and switches."""
    action = command.get("action", {})
    texts = list(action.get("variants") or [action.get("template") or ""])
    switches = {name: bool(action.get(name)) for name in _REPLY_SWITCHES}
    return {"texts": texts, "buttons": list(action.get("buttons") or []), **switches}


def get_source(command: Mapping[str, Any]) -> str:
    """Return the script of a command; empty when it has none."""
    source = command.get("action", {}).get("source")
    return source if isinstance(source, str) else ""


def read_command(form: Form, command_id: str) -> Command:
    """Read the command form; what cannot be a number stays as it was typed: validation names it."""
    command: Command = {"id": command_id, "name": form.get("name", "").strip()}
    if "enabled" not in form:
        command["enabled"] = False
    kind = form.get("trigger_kind", "command")
    command["trigger"] = read_trigger(form, kind if kind in KINDS else "command")
    arguments = read_arguments(form)
    if arguments:
        command["arguments"] = arguments
        if form.get("surplus") == "refuse":
            command["surplus"] = "refuse"
    restrict = _read_restrict(form)
    if restrict:
        command["restrict"] = restrict
    for name in ("group", "errors_to"):
        if form.get(name, "").strip():
            command[name] = form[name].strip()
    command["action"] = _read_action(form)
    return command


def read_trigger(form: Form, kind: str) -> dict[str, Any]:
    """Read the fields of a trigger kind, as its Config declares them.

    A form that was drawn for another kind (`t_kind`) has none of this kind's switches yet: they get the editor's
    defaults, and the keywords go along.
    """
    is_new = form.get("t_kind", kind) != kind
    trigger: dict[str, Any] = {"kind": kind}
    for name, field in KINDS[kind].Config.model_fields.items():
        typed = form.get(f"t_{name}", "")
        drawn = get_trigger_input(field)
        if name == "kind" or (drawn == "number" and not typed.strip() and not field.is_required()):
            continue
        if drawn == "flag":
            default = name in _SWITCHED_ON or bool(field.get_default())
            trigger[name] = default if is_new else f"t_{name}" in form
        elif drawn == "lines":
            trigger[name] = _read_keywords(form, name) if name in _KEYWORDS_OR_TITLES else split_lines(typed)
        else:
            trigger[name] = parse_number(typed) if drawn == "number" else typed
    return trigger


def _read_keywords(form: Form, name: str) -> list[str]:
    """Read the keywords under a field's name, or else those that were typed for the kind before."""
    fields = (name, *(_KEYWORDS_OR_TITLES - {name} if f"t_{name}" not in form else ()))
    source = next((each for each in fields if form.get(f"t_{each}", "").strip()), name)
    typed = form.get(f"t_{source}", "")
    return split_keywords(typed) if source in KEYWORD_FIELDS else split_lines(typed)


def get_trigger_input(field: FieldInfo) -> str:
    """Return how a field of a trigger is drawn: lines, flag, number or text."""
    if get_origin(field.annotation) is tuple:
        return "lines"
    kind = get_input_type(field)
    return "flag" if kind == "checkbox" else kind


def read_arguments(form: Form) -> list[dict[str, Any]]:
    """Read the table of arguments; rows without a name are left out."""
    count = len(form.getlist("arg_name"))
    columns = [(form.getlist(f"arg_{field}") + [""] * count)[:count] for field in ARGUMENT_FIELDS]
    rows = [dict(zip(ARGUMENT_FIELDS, row, strict=True)) for row in zip(*columns, strict=True)]
    return [_read_argument(row) for row in rows if row["name"].strip()]


def _read_argument(row: Mapping[str, str]) -> dict[str, Any]:
    argument: dict[str, Any] = {"name": build_argument_name(row["name"]), "type": row["type"]}
    is_optional = row["need"] == "optional"
    if is_optional:
        argument["required"] = False
    # What belongs to another type, or to an optional argument, is not shown and would only be refused.
    for bound in ("minimum", "maximum") if row["type"] in BOUNDED_TYPES else ():
        if row[bound].strip():
            argument[bound] = parse_number(row[bound])
    if row["type"] == "choice" and row["choices"].strip():
        argument["choices"] = split_keywords(row["choices"])
    for words in ("default", "description", "ask"):
        if row[words].strip() and (is_optional or words != "default"):
            argument[words] = row[words].strip()
    return argument


def build_argument_name(typed: str) -> str:
    """Return a name as scripts read it: “Order no.” is order_no; what has no Latin letters stays as typed."""
    typed = typed.strip()
    if _ARGUMENT_NAME.fullmatch(typed):
        return typed
    plain = unicodedata.normalize("NFKD", typed.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:40].rstrip("_")
    return name or typed


def read_reply(form: Form) -> Command:
    """Read the fields of a text answer as they are typed: texts, buttons and switches."""
    buttons = [title.strip() for title in form.getlist("button") if title.strip()]
    texts = [normalise_newlines(text) for text in form.getlist("text")]
    return {"texts": texts or [""], "buttons": buttons, **{name: name in form for name in _REPLY_SWITCHES}}


def get_prompt_answer(command: Mapping[str, Any]) -> dict[str, str | bool]:
    """Return what the form shows of a prompt's answer: the prompt's name, what is said otherwise, link preview."""
    action = command.get("action", {})
    words = {name: str(action.get(name) or "") for name in ("prompt", "otherwise")}
    return {**words, "link_preview": bool(action.get("link_preview"))}


def read_prompt_answer(form: Form) -> dict[str, str | bool]:
    """Read the fields of a prompt's answer as they are typed."""
    return {
        "prompt": form.get("prompt", "").strip(),
        "otherwise": normalise_newlines(form.get("otherwise", "")).strip(),
        "link_preview": "link_preview" in form,
    }


def read_source(form: Form) -> str:
    """Read the script as it is typed."""
    return normalise_newlines(form.get("source", ""))


def _read_action(form: Form) -> dict[str, Any]:
    if form.get("action_kind") == "script":
        return {"kind": "script", "source": read_source(form)}
    if form.get("action_kind") == "prompt":
        return {
            "kind": "prompt",
            **{name: value for name, value in read_prompt_answer(form).items() if value},
        }
    reply = read_reply(form)
    written = [text for text in reply["texts"] if text.strip()] or [""]
    action: dict[str, Any] = {"kind": "reply"}
    if len(written) == 1:
        action["template"] = written[0]
    else:
        action["variants"] = written
    return action | {name: reply[name] for name in (*_REPLY_SWITCHES, "buttons") if reply[name]}


def _read_restrict(form: Form) -> dict[str, Any]:
    restrict: dict[str, Any] = {}
    if form.get("chats", "any") != "any":
        restrict["chats"] = form["chats"]
    for name in ("allow", "deny"):
        people = split_lines(form.get(name, ""))
        if people:
            restrict[name] = people
    seconds = form.get("cooldown_seconds", "").strip()
    if seconds and seconds != "0":
        restrict["cooldown"] = {"per": form.get("cooldown_per", "contact"), "seconds": parse_number(seconds)}
        if form.get("cooldown_message", "").strip():
            restrict["cooldown"]["message"] = form["cooldown_message"].strip()
    return restrict
