"""Changes to a draft's commands, and the command form read back into data. Pure: data in, data out."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, get_origin

from werkzeug.datastructures import MultiDict

from app.brains.merging import free_name
from app.brains.triggers import KINDS
from app.brains.triggers.contract import fold

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
)


def find(commands: Sequence[Command], command_id: str) -> int | None:
    """Return the place of a command; None when there is none of this id."""
    return next((i for i, each in enumerate(commands) if each.get("id") == command_id), None)


def toggled(commands: Sequence[Command], command_id: str) -> list[Command]:
    """Return the commands with one switched on or off."""
    at = find(commands, command_id)
    return list(commands) if at is None else switched(commands, {command_id}, is_off(commands[at]))


def is_off(command: Mapping[str, Any]) -> bool:
    """Tell whether a command is switched off."""
    return not command.get("enabled", True)


def switched(commands: Sequence[Command], ids: Collection[str], on: bool) -> list[Command]:
    """Return the commands with some switched on or off."""
    return [_switched(each, on) if each.get("id") in ids else each for each in commands]


def _switched(command: Command, on: bool) -> Command:
    if is_off(command) != on:
        return command
    rest = {name: value for name, value in command.items() if name != "enabled"}
    return rest if on else {**rest, "enabled": False}


def duplicated(commands: Sequence[Command], copies: Mapping[str, str]) -> list[Command]:
    """Return the commands with copies behind their originals, under names of their own; `copies`: id to new id."""
    names = {fold(str(each.get("name") or "")) for each in commands}
    changed: list[Command] = []
    for each in commands:
        changed.append(each)
        if each["id"] in copies:
            name = free_name(f"{each.get('name', '')} copy"[:95], names)
            names.add(fold(name))
            changed.append({**each, "id": copies[each["id"]], "name": name})
    return changed


def replaced(commands: Sequence[Command], command: Command) -> list[Command]:
    """Return the commands with the one of this id replaced, or added at the end."""
    at = find(commands, command["id"])
    return [*commands, command] if at is None else [*commands[:at], command, *commands[at + 1 :]]


def reply_of(command: Mapping[str, Any]) -> Command:
    """Return what the form shows of a text answer: texts (one at least), buttons and quote."""
    action = command.get("action", {})
    texts = list(action.get("variants") or [action.get("template") or ""])
    return {"texts": texts, "buttons": list(action.get("buttons") or []), "quote": bool(action.get("quote"))}


def source_of(command: Mapping[str, Any]) -> str:
    """Return the script of a command; empty when it has none."""
    source = command.get("action", {}).get("source")
    return source if isinstance(source, str) else ""


def read_command(form: Form, command_id: str) -> Command:
    """Read the command form; what cannot be a number stays as it was typed, for `problems` to name."""
    command: Command = {"id": command_id, "name": form.get("name", "").strip()}
    if "enabled" not in form:
        command["enabled"] = False
    kind = form.get("trigger_kind", "command")
    command["trigger"] = read_trigger(form, kind if kind in KINDS else "command")
    arguments = read_arguments(form)
    if arguments:
        command["arguments"] = arguments
    restrict = _read_restrict(form)
    if restrict:
        command["restrict"] = restrict
    for name in ("group", "errors_to"):
        if form.get(name, "").strip():
            command[name] = form[name].strip()
    command["action"] = _read_action(form)
    return command


def read_trigger(form: Form, kind: str) -> dict[str, Any]:
    """Read the fields of a trigger kind, as its Config declares them."""
    trigger: dict[str, Any] = {"kind": kind}
    for name, field in KINDS[kind].Config.model_fields.items():
        if name == "kind":
            continue
        if field.annotation is bool:
            trigger[name] = f"t_{name}" in form
        elif get_origin(field.annotation) is tuple:
            trigger[name] = lines(form.get(f"t_{name}", ""))
        else:
            trigger[name] = form.get(f"t_{name}", "")
    return trigger


def read_arguments(form: Form) -> list[dict[str, Any]]:
    """Read the table of arguments; rows without a name are left out."""
    columns = [form.getlist(f"arg_{field}") for field in ARGUMENT_FIELDS]
    rows = [dict(zip(ARGUMENT_FIELDS, row, strict=True)) for row in zip(*columns, strict=False)]
    return [_argument(row) for row in rows if row["name"].strip()]


def _argument(row: Mapping[str, str]) -> dict[str, Any]:
    argument: dict[str, Any] = {"name": row["name"].strip(), "type": row["type"]}
    if row["need"] == "optional":
        argument["required"] = False
    for bound in ("minimum", "maximum"):
        if row[bound].strip():
            argument[bound] = number(row[bound])
    if row["choices"].strip():
        argument["choices"] = [each.strip() for each in row["choices"].split(",") if each.strip()]
    for words in ("default", "description"):
        if row[words].strip():
            argument[words] = row[words].strip()
    return argument


def read_reply(form: Form) -> Command:
    """Read the fields of a text answer as they are typed: texts, buttons and quote."""
    buttons = [title.strip() for title in form.getlist("button") if title.strip()]
    texts = [unix(text) for text in form.getlist("text")]
    return {"texts": texts or [""], "buttons": buttons, "quote": "quote" in form}


def asked_of(command: Mapping[str, Any]) -> dict[str, str]:
    """Return what the form shows of a prompt's answer: the prompt's name, and what is said otherwise."""
    action = command.get("action", {})
    return {name: str(action.get(name) or "") for name in ("prompt", "otherwise")}


def read_asked(form: Form) -> dict[str, str]:
    """Read the fields of a prompt's answer as they are typed."""
    return {"prompt": form.get("prompt", "").strip(), "otherwise": unix(form.get("otherwise", "")).strip()}


def read_source(form: Form) -> str:
    """Read the script as it is typed."""
    return unix(form.get("source", ""))


def _read_action(form: Form) -> dict[str, Any]:
    if form.get("action_kind") == "script":
        return {"kind": "script", "source": read_source(form)}
    if form.get("action_kind") == "prompt":
        return {"kind": "prompt", **{name: value for name, value in read_asked(form).items() if value}}
    reply = read_reply(form)
    written = [text for text in reply["texts"] if text.strip()] or [""]
    action: dict[str, Any] = {"kind": "reply"}
    if len(written) == 1:
        action["template"] = written[0]
    else:
        action["variants"] = written
    return action | {name: reply[name] for name in ("quote", "buttons") if reply[name]}


def _read_restrict(form: Form) -> dict[str, Any]:
    restrict: dict[str, Any] = {}
    if form.get("chats", "any") != "any":
        restrict["chats"] = form["chats"]
    for name in ("allow", "deny"):
        people = lines(form.get(name, ""))
        if people:
            restrict[name] = people
    seconds = form.get("cooldown_seconds", "").strip()
    if seconds and seconds != "0":
        restrict["cooldown"] = {"per": form.get("cooldown_per", "contact"), "seconds": number(seconds)}
        if form.get("cooldown_message", "").strip():
            restrict["cooldown"]["message"] = form["cooldown_message"].strip()
    return restrict


def unix(text: str) -> str:
    """Return a text with plain line ends."""
    # Browsers send CR LF; lines and limits are counted without the CR.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def lines(text: str) -> list[str]:
    """Return the lines of a text that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def number(text: str) -> int | float | str:
    """Return a number as typed; any other text as it is."""
    text = text.strip().replace(",", ".")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text
