"""Runs as a playground keeps them: JSON data, from which effects can be made again."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from app.brains import effects
from app.brains.effects import Button, Effect, Menu, Reply, Row, Section
from app.brains.outcome import Outcome
from app.brains.program import Program, choose
from app.brains.scene import Scene
from app.brains.turn import Turn

Record = dict[str, Any]

OUTPUT_CHARS: Final = 4_000
# What a command's code sees, as far as an operator wants to see it.
_SEEN: Final = ("args", "match", "message", "sender", "chat", "now")
_TYPES: Final[dict[str, type[Any]]] = {
    each.__name__: each
    for each in (
        effects.Media,
        effects.React,
        effects.Remember,
        effects.Increment,
        effects.Forget,
        effects.Schedule,
        effects.Cancel,
        effects.Handoff,
        effects.Cool,
    )
}
VISIBLE: Final = frozenset({"Reply", "Media", "React"})


def record(program: Program, turn: Turn, outcome: Outcome, phone: str) -> Record:
    """Write down a run."""
    entry = program.by_id.get(outcome.command_id or "")
    trace = outcome.trace
    return {
        "phone": phone,
        "at": turn.now,
        "status": outcome.status,
        "command_id": outcome.command_id,
        "command": entry.command.name if entry else "",
        "why": outcome.error or str(trace.get("reason") or ""),
        "fault": trace.get("error"),
        "effects": [written(each) for each in outcome.effects],
        "micros": outcome.micros,
        "calls": list(trace.get("calls", ())),
        "trace": _trace(program, turn, outcome),
    }


def unrun(phone: str, now: int, status: str, why: str) -> Record:
    """Write down that nothing ran: broken (the draft has problems) or silent."""
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


def _trace(program: Program, turn: Turn, outcome: Outcome) -> Record:
    kept = {name: outcome.trace[name] for name in ("result", "usage", "variant") if name in outcome.trace}
    considered = [
        {**line, "name": program.by_id[line["command"]].command.name}
        for line in outcome.trace.get("considered", ())
    ]
    return {
        **kept,
        "considered": considered,
        "asked": outcome.trace.get("considered_count", 0),
        "output": str(outcome.trace.get("output", ""))[:OUTPUT_CHARS],
        "variables": _variables(program, turn, outcome),
    }


def _variables(program: Program, turn: Turn, outcome: Outcome) -> dict[str, Any]:
    choice, _ = choose(program, turn)
    if choice is None:
        return {}
    values = outcome.trace.get("arguments", {})
    scene = Scene(program, turn, choice.entry, choice.match, values, {}, turn.seed)
    return {name: value for name, value in scene.prompt_data({}).items() if name in _SEEN}


def written(effect: Effect) -> Record:
    """Write an effect as JSON data with its fields by name."""
    return {"type": type(effect).__name__, **asdict(effect)}


def read(data: Mapping[str, Any]) -> Effect:
    """Return the effect that `written` wrote."""
    fields = {name: value for name, value in data.items() if name != "type"}
    return _reply(fields) if data["type"] == "Reply" else _TYPES[data["type"]](**fields)


def _reply(fields: Mapping[str, Any]) -> Reply:
    buttons = tuple(Button(**each) for each in fields["buttons"])
    menu = fields["menu"]
    if menu is not None:
        sections = tuple(
            Section(each["title"], tuple(Row(**row) for row in each["rows"])) for each in menu["sections"]
        )
        menu = Menu(menu["button"], sections)
    return Reply(**{**fields, "buttons": buttons, "menu": menu})
