"""The phones of one operator: loaded, changed and kept, with the two programs they talk to."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import request
from flask_login import current_user

from app.admin import (
    answers,
    budget,
    command_form,
    drafts,
    editing,
    effect_words,
    excerpts,
    phone_view,
    times,
)
from app.bot import bot
from app.bot.simulator import NAMES, invented, suggestions
from app.brains import playground, versions
from app.brains.models import Brain
from app.brains.playground import DRAFT, LIVE, Arm, ArmOf, Broken, State
from app.brains.playground.records import read
from app.brains.problems import InvalidDocument
from app.brains.program import Program, compile_program
from app.web import db, house

_TRIES: Final = 3


def load(brain: Brain) -> tuple[State, int]:
    """Return somebody's phones for a brain and their edit count; new ones when there are none yet."""
    state, rev = playground.load(db.session(), current_user.id, brain.id)
    if state is None:
        first = invented([])
        return playground.fresh(first.name, first.phone or ""), 0
    return state, rev


def change(brain: Brain, edit: Callable[[State], State]) -> None:
    """Keep what `edit` makes of the newest state; raises what it raises, and Stale when others are always faster."""
    for left in reversed(range(_TRIES)):
        state, rev = load(brain)
        changed = edit(state)
        try:
            if changed is not state:
                _keep(brain.id, changed, rev)
        except playground.Stale:
            if not left:
                raise
            answers.look_again()
        else:
            return


def _keep(brain_id: int, state: State, rev: int) -> None:
    owner, now = (int(current_user.id), brain_id), house().clock()
    house().database.write(lambda session: playground.save(session, owner, state, rev, now))


def typed(brain: Brain) -> dict[str, Any]:
    """Return the draft as it is on the page: what stands in the open editor counts, saved or not."""
    command_id = request.form.get("pg_command", "")
    draft = {**brain.draft, "tests": ()}
    if not command_id or "action_kind" not in request.form:
        return draft
    command = editing.read_command(request.form, command_id)
    return {**draft, "commands": editing.replaced(list(draft.get("commands", [])), command)}


def print_of(document: Mapping[str, Any]) -> str:
    """Name the content of a draft, so that a change of it is seen."""
    return drafts.fingerprint({**document, "tests": ()})


def programs(brain: Brain, document: Mapping[str, Any]) -> dict[str, Program | Broken]:
    """Compile a draft and the live version; without one only the draft is there."""
    found: dict[str, Program | Broken] = {DRAFT: _compiled(0, brain.id, document)}
    live = versions.live_version(db.session(), brain)
    if live is not None:
        found[LIVE] = _compiled(live.id, brain.id, live.document)
    return found


def zone(brain: Brain) -> ZoneInfo:
    """Return the time zone of a draft."""
    settings = brain.draft.get("settings", {})
    return ZoneInfo(times.known_zone(str(settings.get("timezone", "UTC"))))


def seen(brain: Brain, here: str) -> dict[str, Any]:
    """Gather what the phones show beside the command `here`; empty beside anything else."""
    state, _ = load(brain)
    phone, now = playground.phone_of(state), house().clock() + state["ahead"]
    names = command_form.names_of(brain.draft.get("commands", []))
    arms = _arms(brain, state)
    fresh = print_of(brain.draft)
    return {
        "here": here,
        "state": state,
        "phone": phone,
        "phones": state["phones"],
        "rows": phone_view.rows(state, phone["id"], names),
        "inside": phone_view.inside(state, phone["id"], arms, (names, now)),
        "now": now,
        "calls": playground.asked(state),
        "changed": bool(state["inputs"]) and state["played"].get(DRAFT, fresh) != fresh,
        "live": LIVE in arms,
        "suggestions": suggestions(brain.draft),
        "kinds": phone_view.KINDS,
        "members": [each["name"] for each in state["phones"] if not each["group"]] + list(NAMES[1:3]),
        "once": secrets.token_hex(8),
    }


def traced(state: State, place: str) -> dict[str, Any] | None:
    """Gather how an answer came about, by its place (arm.input.run); None when it is no longer known."""
    arm, given, run = [*place.split("."), "", ""][:3]
    runs = state["answers"].get(arm, {}).get(given, [])
    if not run.isdecimal() or int(run) >= len(runs):
        return None
    found = runs[int(run)]
    fault = found["fault"]
    usage = (found["trace"] or {}).get("usage", {})
    made = [read(each) for each in found["effects"]]
    return {
        "run": found,
        "arm": arm,
        "trace": found["trace"],
        "verdict": phone_view.VERDICTS.get(found["status"], (found["status"], "quiet")),
        "lines": excerpts.code_lines(fault["excerpt"], fault["line"], fault["column"], fault["end_column"])
        if fault
        else [],
        "notes": [each for each in effect_words.shown(made, {}, found["at"]) if each.as_ == "note"],
        "card": budget.card({**usage, "calls": len(found["calls"]), "effects": len(made)}) if usage else [],
        "value_words": effect_words.value_words,
        "took": f"{found['micros'] / 1000:.1f} ms",
    }


def _compiled(version_id: int, brain_id: int, document: Mapping[str, Any]) -> Program | Broken:
    try:
        return compile_program(version_id, brain_id, document)
    except InvalidDocument as error:
        return Broken(" ".join(_words(each) for each in error.problems[:3]))


def _words(problem: Any) -> str:
    place = command_form.place_of(problem)
    return f"{problem.message.rstrip('.')}{f' ({place})' if place else ''}."


def _arms(brain: Brain, state: State) -> dict[str, ArmOf]:
    """Wake the worlds of both arms, to look into them."""
    return {
        name: program
        if isinstance(program, Broken)
        else Arm(program, state, state["worlds"].get(name), bot().sandbox)
        for name, program in programs(brain, {**brain.draft, "tests": ()}).items()
    }
