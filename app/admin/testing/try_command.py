"""Test run of a command from its editor: form, limits, result."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import abort, request
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import effects, marks, usage_card
from app.admin.ui.effects import EffectView
from app.admin.ui.marks import CodeLine
from app.admin.ui.pages import PageBlueprint
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.workbench import command_form, command_view, drafts
from app.admin.workbench.command_editor import build_editor
from app.admin.workbench.view_model import find_command, render_workbench
from app.brains.document.understanding import train_draft
from app.brains.document.validation import InvalidDocument, split_off_invalid
from app.brains.effects import model
from app.brains.example_messages import build_choice_fields
from app.brains.runtime import dry_run
from app.brains.runtime.outcome import Outcome
from app.brains.runtime.program import compile_program
from app.brains.runtime.selection.command_choice import explain
from app.brains.runtime.trace import Trace
from app.brains.triggers import KINDS
from app.brains.turn import Sender, Turn
from app.brains.versions.intent_models import use_stored_model
from app.brains.versions.models import Brain
from app.immutable import immutable
from app.services import services
from app.signals import DomainError
from app.web import db, is_fragment_request, limiter

blueprint = PageBlueprint("try_command", __name__, url_prefix="/brains/<slug>/commands", section="brains")


@blueprint.post("/<command_id>/try")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("120 per minute")
def try_command(slug: str, command_id: str) -> Response:
    """Run what stands in the editor once, in the sandbox; nothing is sent or kept."""
    brain = drafts.get_brain_or_404(slug)
    command = _read_command(brain, command_id)
    try:
        context, status = {"ran": run(brain, command, request.form), "refused": ""}, 200
    except TryError as error:
        context, status = {"ran": None, "refused": str(error)}, 422
    if is_fragment_request():
        return show("testing/result.html", "result", status=status, **context)
    editor = build_editor(brain, command)
    return render_workbench(editor.workbench, status=status, editor=editor, typed=request.form, **context)


def _read_command(brain: Brain, command_id: str) -> command_form.Command:
    """Return the command as the editor's form has it; without the form, as it is stored."""
    if "action_kind" in request.form:
        command = command_form.read_command(request.form, command_id)
        return {**command, "name": command["name"] or "Unnamed", "enabled": True}
    return find_command(brain, command_id) or abort(404)


# Numbers reserved for fiction: no real person is meant.
SAMPLE_PHONE = "15550100001"
TEXT_CHARS = 4096
MEMORY_CHARS = 65_536
NOT_FIRED_NOTE = (
    "This message does not match the trigger. The command ran anyway, with the message as its arguments."
)
STATUS_WORDS = {
    "answered": ("Worked", "good"),
    "silent": ("No reply", "quiet"),
    "failed": ("Failed", "bad"),
}


class TryError(DomainError):
    """The try could not begin; the message says what to change."""

    code = "not-tried"


@immutable
class TryResult:
    """A try as its panel shows it; `summary` is the text for screen readers."""

    status: str
    status_word: str
    tone: str
    duration: str
    summary: str
    note: str
    text: str
    error: Any
    lines: list[CodeLine]
    field: str
    effects: list[EffectView]
    reactions: list[str]
    output: str
    result: str | None
    calls: list[dict[str, Any]]
    card: list[usage_card.UsageLine]


def run(brain: Brain, command: command_form.Command, form: command_form.Form) -> TryResult:
    """Run a command as it stands in the form, with nothing sent or kept; raises NotTried."""
    text = form.get("try_text", "").strip()[:TEXT_CHARS] or command_view.build_example(command, brain.draft)
    command = {**command, "restrict": _keep_cooldown(command.get("restrict"))}
    use_stored_model(db.session(), brain)
    document = _put_command_first(brain.draft, command)
    turn = build_turn(form, text, pressed=_kind(command) == "button")
    try:
        alone = compile_program(0, brain.id, {**document, "commands": [command]}, train_draft)
        fires = explain(alone, turn)[0].verdict != "lost"
        # By its trigger when that fires, so that the script sees what the trigger captured.
        asked = turn if fires and _kind(command) != "fallback" else _set_command(turn, command["id"])
        wanted = dry_run.DryRunRequest(document, brain.id, asked, services().capabilities)
        outcome = dry_run.try_command(wanted, services().sandbox)
    except InvalidDocument as error:
        raise TryError(_describe_first_problem(error, command["id"])) from error
    shown = _build_result(outcome, command, document, asked)
    if fires or KINDS[_kind(command)].traits.is_internal:
        return shown
    return replace(shown, note=f"{NOT_FIRED_NOTE} {shown.note}".strip())


def _put_command_first(draft: Mapping[str, Any], command: command_form.Command) -> dict[str, Any]:
    """Put the tried command before all others that can run, so that none of them answers in its place."""
    usable, _ = split_off_invalid(draft)
    others = [each for each in usable["commands"] if each.get("id") != command["id"]]
    return {**draft, "commands": [command, *others]}


def _keep_cooldown(restrict: Any) -> dict[str, Any]:
    """Keep the cooldown alone: who may use a command is no question in a try."""
    rule = restrict.get("cooldown") if isinstance(restrict, Mapping) else None
    return {"cooldown": rule} if rule else {}


def build_turn(form: command_form.Form, text: str, *, pressed: bool = False) -> Turn:
    """Return the turn of a try: somebody writes `text`, or presses the button of this title; raises NotTried."""
    now = services().clock()
    sender = Sender(SAMPLE_PHONE, form.get("try_name", "").strip()[:60], SAMPLE_PHONE)
    memory = {"contact": _memory(form.get("try_memory", "")), "chat": {}, "brain": {}}
    # The moment is the seed: one try after another draws other numbers.
    turn = Turn(0, "text", text, sender, chat_id=0, at=now, now=now, seed=now & 0xFFFF_FFFF, memory=memory)
    return replace(turn, **build_choice_fields("button", text, text)) if pressed else turn


def _kind(command: Mapping[str, Any]) -> str:
    trigger = command.get("trigger")
    return str(trigger.get("kind")) if isinstance(trigger, Mapping) else ""


def _set_command(turn: Turn, command_id: str) -> Turn:
    return replace(turn, command_id=command_id)


def _memory(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text[:MEMORY_CHARS])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TryError('Variables must be written as JSON, for example {"points": 3}.')
    return value


def _describe_first_problem(error: InvalidDocument, command_id: str) -> str:
    """Name what keeps the draft from running, this command's own problem first."""
    own = [each for each in error.problems if each.command_id == command_id]
    first = (own or error.problems)[0]
    return f"{first.message} Repair this {command_view.describe_location(first)} first.".replace("  ", " ")


def _build_result(
    outcome: Outcome, command: command_form.Command, document: Mapping[str, Any], turn: Turn
) -> TryResult:
    trace, fault = outcome.trace, outcome.sandbox_error
    status_word, tone = STATUS_WORDS.get(outcome.status, (outcome.status, "quiet"))
    decided = outcome.effects
    usage = {**_measure_usage(outcome), **trace.usage}
    result = trace.result
    return TryResult(
        status=outcome.status,
        status_word=status_word,
        tone=tone,
        duration=f"{usage.get('cpu_ms', outcome.micros / 1000):.1f} ms",
        summary=_summarise(status_word, outcome),
        note=_note(outcome),
        text=turn.text,
        error=fault,
        lines=marks.parse_code_lines(fault.excerpt, fault.line, fault.column, fault.end_column)
        if fault
        else [],
        field=_field(command, trace),
        effects=effects.describe_effects(
            decided, command_view.get_names_by_id(document["commands"]), turn.now
        ),
        reactions=effects.get_reactions(decided),
        output=trace.output,
        result=None if result is None else effects.format_value(result),
        calls=[_call(each) for each in trace.calls],
        card=usage_card.build_lines(usage),
    )


def _measure_usage(outcome: Outcome) -> dict[str, float]:
    """Measure what the sandbox leaves to its host: what came out of a run."""
    trace, decided = outcome.trace, outcome.effects
    used: dict[str, float] = {
        "calls": len(trace.calls),
        "effects": len(decided) or len(trace.dropped),
        "output": len(trace.output),
    }
    if outcome.status == "failed":
        return used
    values = [json.dumps(each.value).encode() for each in decided if isinstance(each, model.Remember)]
    replies = [each.text for each in decided if isinstance(each, model.Reply)]
    return used | {
        "reply": max(map(len, replies), default=0),
        "memory_value": max(map(len, values), default=0),
    }


def _summarise(status_word: str, outcome: Outcome) -> str:
    if outcome.sandbox_error:
        place = f" Line {outcome.sandbox_error.line}." if outcome.sandbox_error.line else ""
        return f"{status_word}.{place} {outcome.sandbox_error.message} {outcome.sandbox_error.fix}".strip()
    count = len(outcome.effects)
    return f"{status_word}: {count} effect{'s' if count != 1 else ''}."


def _note(outcome: Outcome) -> str:
    dropped = len(outcome.trace.dropped)
    if outcome.status == "failed":
        return f"Its effects before the error were discarded ({dropped})." if dropped else ""
    reason, surplus = outcome.trace.reason, outcome.trace.surplus
    if not reason:
        return f"No argument takes “{surplus}”." if surplus else ""
    return f"{reason[:1].upper()}{reason[1:]}."


def _field(command: command_form.Command, trace: Trace) -> str:
    """Name the field an error's line counts in."""
    if command["action"]["kind"] == "script":
        return "source"
    if command["action"]["kind"] == "prompt":
        return ""
    return f"text-{trace.variant or 1}"


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    took = call.get("ms")
    return {
        "ok": bool(call.get("ok")),
        "method": str(call.get("method", "")),
        "words": " ".join(str(call[name]) for name in ("short", "why") if call.get(name)),
        "took": f"{took:.0f} ms" if isinstance(took, (int, float)) else "",
    }
