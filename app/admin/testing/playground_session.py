"""Playground of one operator: load, change with conflict check, save, and compile both versions."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import request
from flask_login import current_user

from app.admin.testing import playground_view
from app.admin.ui import effects, marks, responses, time_format, usage_card
from app.admin.workbench import command_form, command_view, drafts
from app.bot.simulator import NAMES, invent_person
from app.brains import playground
from app.brains.document.understanding import FindModel, train_draft
from app.brains.document.validation import InvalidDocument, find_problems, split_off_invalid
from app.brains.examples import find_triggered_command, suggest_messages
from app.brains.playground import DRAFT, LIVE, BrokenVariant, State, Variant, VariantOrBroken
from app.brains.playground.records import load_effect
from app.brains.runtime.program import Program, compile_program
from app.brains.triggers.contract import build_button_turn, build_text_turn
from app.brains.turn import Turn
from app.brains.versions import store
from app.brains.versions.intent_models import build_finder, use_stored_model
from app.brains.versions.models import Brain
from app.services import services
from app.text import parse_index
from app.web import db

_MAX_ATTEMPTS: Final = 3


def load(brain: Brain) -> tuple[State, int]:
    """Return somebody's phones for a brain and their edit count; new ones when there are none yet."""
    state, rev = playground.load(db.session(), current_user.id, brain.id)
    if state is None:
        first = invent_person([])
        return playground.create(first.name, first.phone or ""), 0
    return state, rev


def change(brain: Brain, edit: Callable[[State], State]) -> None:
    """Keep what `edit` makes of the newest state; raises what it raises, and Stale when others are always faster."""
    for left in reversed(range(_MAX_ATTEMPTS)):
        state, rev = load(brain)
        changed = edit(state)
        try:
            if changed is not state:
                _save(brain.id, changed, rev)
        except playground.StalePlayground:
            if not left:
                raise
            responses.refresh_session()
        else:
            return


def _save(brain_id: int, state: State, rev: int) -> None:
    owner, now = (int(current_user.id), brain_id), services().clock()
    services().database.write(lambda session: playground.save(session, owner, state, rev, now))


def read_draft(brain: Brain) -> dict[str, Any]:
    """Return the draft as it is on the page: what stands in the open editor counts, saved or not."""
    command_id = request.form.get("pg_command", "")
    draft = {**brain.draft, "tests": ()}
    if not command_id or "action_kind" not in request.form:
        return draft
    command = command_form.read_command(request.form, command_id)
    return {**draft, "commands": command_form.replace(list(draft.get("commands", [])), command)}


def compute_fingerprint(document: Mapping[str, Any]) -> str:
    """Name the content of a draft, so that a change of it is seen."""
    return drafts.compute_fingerprint({**document, "tests": ()})


def compile_programs(
    brain: Brain, document: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Program | BrokenVariant]:
    """Compile a draft and the live version; without one only the draft is there.

    Invalid commands are left out of the draft, so that the others can be tried; it is broken for `inputs` that would
    trigger one of them.
    """
    use_stored_model(db.session(), brain)
    usable, left_out = split_off_invalid(document)
    turns = (turn for each in inputs if left_out for turn in _build_turns(each))
    triggered = (find_triggered_command(document, turn) for turn in turns)
    asked = next((each for each in triggered if each in left_out), None)
    draft = _describe_left_out(document, asked) if asked else _compile(0, brain.id, usable, train_draft)
    found: dict[str, Program | BrokenVariant] = {DRAFT: draft}
    live = store.find_live_version(db.session(), brain)
    if live is not None:
        found[LIVE] = _compile(live.id, brain.id, live.document, build_finder(services().database, live))
    return found


def get_zone(brain: Brain) -> ZoneInfo:
    """Return the time zone of a draft."""
    settings = brain.draft.get("settings", {})
    return ZoneInfo(time_format.normalise_zone(str(settings.get("timezone", "UTC"))))


def build_context(brain: Brain, here: str) -> dict[str, Any]:
    """Gather what the phones show beside the command `here`; empty beside anything else."""
    state, _ = load(brain)
    phone, now = playground.get_phone(state), services().clock() + state["ahead"]
    names = command_view.get_names_by_id(brain.draft.get("commands", []))
    arms = _build_variants(brain, state)
    fresh = compute_fingerprint(brain.draft)
    return {
        "here": here,
        "state": state,
        "phone": phone,
        "phones": state["phones"],
        "rows": playground_view.build_rows(state, phone["id"], names),
        "inside": playground_view.build_variant_states(state, phone["id"], arms, (names, now)),
        "now": now,
        "calls": playground.list_calls(state),
        "changed": bool(state["inputs"]) and state["played"].get(DRAFT, fresh) != fresh,
        "left_out": split_off_invalid(brain.draft)[1],
        "live": LIVE in arms,
        "suggestions": suggest_messages(brain.draft),
        "kinds": playground_view.KINDS,
        "members": [each["name"] for each in state["phones"] if not each["group"]] + list(NAMES[1:3]),
        "once": secrets.token_hex(8),
    }


def build_trace_context(state: State, place: str) -> dict[str, Any] | None:
    """Gather how an answer came about, by its place (variant.input.run); None when it is no longer known."""
    variant, given, run = [*place.split("."), "", ""][:3]
    runs = state["answers"].get(variant, {}).get(given, [])
    index = parse_index(run)
    if index is None or index >= len(runs):
        return None
    found = runs[index]
    fault = found["fault"]
    usage = (found["trace"] or {}).get("usage", {})
    made = [load_effect(each) for each in found["effects"]]
    return {
        "run": found,
        "variant": variant,
        "trace": found["trace"],
        "status_display": playground_view.STATUS_WORDS.get(found["status"], (found["status"], "quiet")),
        "lines": marks.parse_code_lines(fault["excerpt"], fault["line"], fault["column"], fault["end_column"])
        if fault
        else [],
        "notes": [each for each in effects.describe_effects(made, {}, found["at"]) if each.kind == "note"],
        "card": usage_card.build_lines({**usage, "calls": len(found["calls"]), "effects": len(made)})
        if usage
        else [],
        "value_words": effects.format_value,
        "took": f"{found['micros'] / 1000:.1f} ms",
    }


def _build_turns(given: Mapping[str, Any]) -> list[Turn]:
    build = build_button_turn if given.get("kind") in {"button", "list"} else build_text_turn
    return [build(str(text)) for text in given.get("texts", [given.get("text", "")])]


def _describe_left_out(document: Mapping[str, Any], command: Mapping[str, Any]) -> BrokenVariant:
    found = [each for each in find_problems(document) if each.command_id == command.get("id")]
    reasons = " ".join(_describe_problem(each) for each in found[:3])
    return BrokenVariant(f"“{command.get('name') or 'Unnamed command'}” is not finished. {reasons}")


def _compile(
    version_id: int, brain_id: int, document: Mapping[str, Any], find_model: FindModel | None
) -> Program | BrokenVariant:
    try:
        return compile_program(version_id, brain_id, document, find_model)
    except InvalidDocument as error:
        return BrokenVariant(" ".join(_describe_problem(each) for each in error.problems[:3]))


def _describe_problem(problem: Any) -> str:
    place = "" if problem.is_unfinished else command_view.describe_location(problem)
    return f"{problem.message.rstrip('.')}{f' ({place})' if place else ''}."


def _build_variants(brain: Brain, state: State) -> dict[str, VariantOrBroken]:
    """Wake the worlds of both arms, to look into them."""
    return {
        name: program
        if isinstance(program, BrokenVariant)
        else Variant(program, state, state["worlds"].get(name), services().sandbox)
        for name, program in compile_programs(brain, {**brain.draft, "tests": ()}).items()
    }
