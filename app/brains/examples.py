"""Example messages that trigger a draft's commands, and the command that a message triggers, valid or not."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from app.brains.triggers import KINDS
from app.brains.triggers.contract import TriggerConfig, TriggerKind, build_match_input, build_text_turn
from app.brains.turn import Turn

_PREFIXES: Final = ("!",)  # of a draft that names none
_VALUES: Final = {"int": "3", "number": "3", "yes_no": "yes"}


def build_example(command: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return a message, or the title of a button, that triggers a command; empty when none is known."""
    read = _read_trigger(command)
    return _build_text(*read, command, _get_prefixes(document)) if read else ""


def suggest_messages(document: Mapping[str, Any], limit: int = 5) -> list[str]:
    """Return messages that get an answer, one a command that is switched on, at most `limit`."""
    prefixes = _get_prefixes(document)
    found = [
        _suggest_message(command, prefixes)
        for command in document.get("commands", [])
        if command.get("enabled", True)
    ]
    return [text for text in found if text][:limit]


def find_triggered_command(document: Mapping[str, Any], turn: Turn) -> Mapping[str, Any] | None:
    """Return the first command whose trigger matches, whatever else of it is wrong; None when there is none."""
    match_input = build_match_input(turn, _get_prefixes(document))
    found = [
        (*read, command)
        for command in document.get("commands", [])
        if command.get("enabled", True) and (read := _read_trigger(command))
    ]
    # The default reply is asked last, wherever it stands.
    ordered = sorted(found, key=lambda each: each[0].traits.is_last)
    return next((command for kind, config, command in ordered if kind.match(config, match_input)), None)


def _suggest_message(command: Mapping[str, Any], prefixes: Sequence[str]) -> str:
    read = _read_trigger(command)
    if read is None:
        return ""
    kind, config = read
    text = _build_text(kind, config, command, prefixes)
    # A button's title fires nothing when it is written.
    return text if text and kind.match(config, build_match_input(build_text_turn(text), prefixes)) else ""


def _get_prefixes(document: Mapping[str, Any]) -> Sequence[str]:
    return [str(each) for each in document.get("settings", {}).get("prefixes", _PREFIXES)]


def _read_trigger(command: Mapping[str, Any]) -> tuple[TriggerKind, TriggerConfig] | None:
    trigger = command.get("trigger", {})
    kind = KINDS.get(str(trigger.get("kind")))
    try:
        return (kind, kind.Config.model_validate(trigger)) if kind else None
    except ValidationError:
        return None


def _build_text(
    kind: TriggerKind, config: TriggerConfig, command: Mapping[str, Any], prefixes: Sequence[str]
) -> str:
    text = kind.sample(config, next(iter(prefixes), ""))
    if not text or not kind.traits.takes_arguments:
        return text
    required = [each for each in command.get("arguments", []) if each.get("required", True)]
    return " ".join([text, *map(_build_value, required)])


def _build_value(argument: Mapping[str, Any]) -> str:
    choices = argument.get("choices") or []
    return str(choices[0]) if choices else _VALUES.get(str(argument.get("type")), "hello")
