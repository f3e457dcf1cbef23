"""One try of the command in the editor: the form read, the sandbox asked, the outcome put in words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.admin import budget, command_form, editing, effect_words, excerpts
from app.admin.effect_words import Shown
from app.admin.excerpts import CodeLine
from app.bot import bot
from app.brains import effects, trial
from app.brains.models import Brain
from app.brains.problems import InvalidDocument
from app.brains.runtime import Outcome, Sender, Turn, compile_program, explain
from app.signals import DomainError
from app.web import house

# Numbers reserved for fiction: no real person is meant.
PHONE = "15550100001"
TEXT_CHARS = 4096
MEMORY_CHARS = 65_536
UNFIRED = "This message alone would not fire the command. It was run all the same, with it as its arguments."
VERDICTS = {"answered": ("Worked", "good"), "silent": ("Said nothing", "quiet"), "failed": ("Failed", "bad")}


class NotTried(DomainError):
    """The try could not begin; the message says what to change."""

    code = "not-tried"


@dataclass(frozen=True, slots=True)
class Tried:
    """A try as its panel shows it; `said` is the summary for screen readers."""

    status: str
    verdict: str
    tone: str
    duration: str
    said: str
    note: str
    text: str
    fault: Any
    lines: list[CodeLine]
    field: str
    shown: list[Shown]
    reactions: list[str]
    output: str
    result: str | None
    calls: list[dict[str, Any]]
    card: list[budget.Line]


def run(brain: Brain, command: editing.Command, form: editing.Form) -> Tried:
    """Run a command as it stands in the form, with nothing sent or kept; raises NotTried."""
    text = form.get("try_text", "").strip()[:TEXT_CHARS] or command_form.example(command, brain.draft)
    command = {**command, "restrict": _without_people(command.get("restrict"))}
    document = _first_asked(brain.draft, command)
    turn = turn_of(form, text, pressed=_kind(command) == "button")
    try:
        alone = compile_program(0, brain.id, {**document, "commands": [command]})
        fires = explain(alone, turn)[0].verdict != "lost"
        # By its trigger when that fires, so that the script sees what the trigger captured.
        asked = turn if fires and _kind(command) != "fallback" else _by_name(turn, command["id"])
        wanted = trial.Trial(document, brain.id, asked, bot().capabilities)
        outcome = trial.try_command(wanted, bot().sandbox)
    except InvalidDocument as error:
        raise NotTried(_first(error, command["id"])) from error
    shown = _told(outcome, command, document, asked)
    return shown if fires else replace(shown, note=f"{UNFIRED} {shown.note}".strip())


def _first_asked(draft: Mapping[str, Any], command: editing.Command) -> dict[str, Any]:
    """Put the tried command before all others, so that none of them answers in its place."""
    others = [each for each in draft.get("commands", []) if each.get("id") != command["id"]]
    return {**draft, "commands": [command, *others]}


def _without_people(restrict: Any) -> dict[str, Any]:
    """Keep the cooldown alone: who may use a command is no question in a try."""
    rule = restrict.get("cooldown") if isinstance(restrict, Mapping) else None
    return {"cooldown": rule} if rule else {}


def turn_of(form: editing.Form, text: str, *, pressed: bool = False) -> Turn:
    """Return the turn of a try: somebody writes `text`, or presses the button of this title; raises NotTried."""
    now = house().clock()
    sender = Sender(PHONE, form.get("try_name", "").strip()[:60], PHONE)
    memory = {"contact": _memory(form.get("try_memory", "")), "chat": {}, "brain": {}}
    # The moment is the seed: one try after another draws other numbers.
    turn = Turn(0, "text", text, sender, chat_id=0, at=now, now=now, seed=now & 0xFFFF_FFFF, memory=memory)
    return replace(turn, kind="button", choice_id=text, choice_title=text) if pressed else turn


def _kind(command: Mapping[str, Any]) -> str:
    trigger = command.get("trigger")
    return str(trigger.get("kind")) if isinstance(trigger, Mapping) else ""


def _by_name(turn: Turn, command_id: str) -> Turn:
    return replace(turn, command_id=command_id)


def _memory(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text[:MEMORY_CHARS])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NotTried('What is remembered must be written as JSON, for example {"points": 3}.')
    return value


def _first(error: InvalidDocument, command_id: str) -> str:
    """Name what keeps the draft from running, this command's own problem first."""
    own = [each for each in error.problems if each.command_id == command_id]
    first = (own or error.problems)[0]
    return f"{first.message} Repair this {command_form.place_of(first)} first.".replace("  ", " ")


def _told(outcome: Outcome, command: editing.Command, document: Mapping[str, Any], turn: Turn) -> Tried:
    trace, fault = outcome.trace, outcome.fault
    verdict, tone = VERDICTS.get(outcome.status, (outcome.status, "quiet"))
    decided = outcome.effects
    usage = {**_decided(outcome), **trace.get("usage", {})}
    result = trace.get("result")
    return Tried(
        status=outcome.status,
        verdict=verdict,
        tone=tone,
        duration=f"{usage.get('cpu_ms', outcome.micros / 1000):.1f} ms",
        said=_said(verdict, outcome),
        note=_note(outcome),
        text=turn.text,
        fault=fault,
        lines=excerpts.code_lines(fault.excerpt, fault.line, fault.column, fault.end_column) if fault else [],
        field=_field(command, trace),
        shown=effect_words.shown(decided, command_form.names_of(document["commands"]), turn.now),
        reactions=effect_words.reactions(decided),
        output=trace.get("output", ""),
        result=None if result is None else effect_words.value_words(result),
        calls=[_call(each) for each in trace.get("calls", [])],
        card=budget.card(usage),
    )


def _decided(outcome: Outcome) -> dict[str, float]:
    """Measure what the sandbox leaves to its host: what came out of a run."""
    trace, decided = outcome.trace, outcome.effects
    used: dict[str, float] = {
        "calls": len(trace.get("calls", ())),
        "effects": len(decided) or len(trace.get("dropped", ())),
        "output": len(trace.get("output", "")),
    }
    if outcome.status == "failed":
        return used
    values = [json.dumps(each.value).encode() for each in decided if isinstance(each, effects.Remember)]
    replies = [each.text for each in decided if isinstance(each, effects.Reply)]
    return used | {
        "reply": max(map(len, replies), default=0),
        "memory_value": max(map(len, values), default=0),
    }


def _said(verdict: str, outcome: Outcome) -> str:
    if outcome.fault:
        place = f" Line {outcome.fault.line}." if outcome.fault.line else ""
        return f"{verdict}.{place} {outcome.fault.message} {outcome.fault.fix}".strip()
    count = len(outcome.effects)
    return f"{verdict}: {count} effect{'s' if count != 1 else ''}."


def _note(outcome: Outcome) -> str:
    dropped = len(outcome.trace.get("dropped", ()))
    if outcome.status == "failed":
        return f"What it had decided before the error was thrown away ({dropped})." if dropped else ""
    reason = str(outcome.trace.get("reason") or "")
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


def _field(command: editing.Command, trace: Mapping[str, Any]) -> str:
    """Name the field an error's line counts in."""
    if command["action"]["kind"] == "script":
        return "source"
    if command["action"]["kind"] == "prompt":
        return ""
    return f"text-{trace.get('variant', 1)}"


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    took = call.get("ms")
    return {
        "ok": bool(call.get("ok")),
        "method": str(call.get("method", "")),
        "words": " ".join(str(call[name]) for name in ("short", "why") if call.get(name)),
        "took": f"{took:.0f} ms" if isinstance(took, (int, float)) else "",
    }
