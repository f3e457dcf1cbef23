"""Run records of a playground as JSON data, and effects restored from them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from app.brains.effects import model
from app.brains.effects.model import Button, Effect, Menu, Reply, Row, Section
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import Program
from app.brains.runtime.sandbox_job import RenderContext
from app.brains.runtime.selection.command_choice import choose
from app.brains.turn import Turn

Record = dict[str, Any]

OUTPUT_CHARS: Final = 4_000
# What a command's code sees, as far as an operator wants to see it.
_SHOWN_VARIABLES: Final = ("args", "match", "message", "sender", "chat", "now")
_TYPES: Final[dict[str, type[Any]]] = {
    each.__name__: each
    for each in (
        model.Media,
        model.React,
        model.Remember,
        model.Increment,
        model.Forget,
        model.Schedule,
        model.Cancel,
        model.Handoff,
        model.Cool,
    )
}
VISIBLE: Final = frozenset({"Reply", "Media", "React"})


def build_record(program: Program, turn: Turn, outcome: Outcome, phone: str) -> Record:
    """Build the record of a run."""
    entry = program.by_id.get(outcome.command_id or "")
    trace = outcome.trace
    return {
        "phone": phone,
        "at": turn.now,
        "status": outcome.status,
        "command_id": outcome.command_id,
        "command": entry.command.name if entry else "",
        "why": outcome.error or trace.reason,
        "fault": trace.error,
        "effects": [dump_effect(each) for each in outcome.effects],
        "micros": outcome.micros,
        "calls": list(trace.calls),
        "trace": _build_trace(program, turn, outcome),
    }


def build_unrun_record(phone: str, now: int, status: str, why: str) -> Record:
    """Build the record of an input without a run: broken (the draft has problems) or silent."""
    return {
        "phone": phone,
        "at": now,
        "status": status,
        "command_id": None,
        "command": "",
        "why": why,
        "fault": None,
        "effects": [],
        "micros": 0,
        "calls": [],
        "trace": None,
    }


def _build_trace(program: Program, turn: Turn, outcome: Outcome) -> Record:
    trace = outcome.trace.to_json()
    kept = {name: trace[name] for name in ("result", "usage", "variant", "surplus") if name in trace}
    considered = [
        {**line, "name": program.by_id[line["command"]].command.name} for line in outcome.trace.considered
    ]
    return {
        **kept,
        "considered": considered,
        "asked": outcome.trace.considered_count or 0,
        "output": outcome.trace.output[:OUTPUT_CHARS],
        "variables": _list_variables(program, turn, outcome),
    }


def _list_variables(program: Program, turn: Turn, outcome: Outcome) -> dict[str, Any]:
    choice, _ = choose(program, turn)
    if choice is None:
        return {}
    values = outcome.trace.arguments or {}
    context = RenderContext(program, turn, choice.entry, choice.match, values, {}, turn.seed)
    return {name: value for name, value in context.to_prompt_data({}).items() if name in _SHOWN_VARIABLES}


def dump_effect(effect: Effect) -> Record:
    """Dump an effect as JSON data with its fields by name."""
    return {"type": type(effect).__name__, **asdict(effect)}


def load_effect(data: Mapping[str, Any]) -> Effect:
    """Load an effect from the data that `dump_effect` wrote."""
    fields = {name: value for name, value in data.items() if name != "type"}
    return _load_reply(fields) if data["type"] == "Reply" else _TYPES[data["type"]](**fields)


def _load_reply(fields: Mapping[str, Any]) -> Reply:
    buttons = tuple(Button(**each) for each in fields["buttons"])
    menu = fields["menu"]
    if menu is not None:
        sections = tuple(
            Section(each["title"], tuple(Row(**row) for row in each["rows"])) for each in menu["sections"]
        )
        menu = Menu(menu["button"], sections)
    return Reply(**{**fields, "buttons": buttons, "menu": menu})
