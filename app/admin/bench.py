"""What the brain workbench shows, gathered once for its pages and fragments."""

import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from app.admin import command_form, drafts, editing, excerpts, mending, prompt_form, script_reference
from app.admin.sections import sections
from app.bot import faults
from app.brains import rollouts, versions
from app.brains.document import content_hash
from app.brains.lint import Finding, stops
from app.brains.models import Brain, BrainVersion
from app.brains.problems import InvalidDocument, Problem
from app.brains.rollout import Guard
from app.brains.runtime import Sender, Turn, compile_program, explain
from app.web import db, house

TEMPLATE = "brains/workbench.html"

SHOWN_FAULTS = 3

VERDICTS = {
    "won": ("good", "answers"),
    "blocked": ("warn", "fires but is held back"),
    "shadowed": ("quiet", "comes too late"),
    "lost": ("quiet", "does not fit"),
    "off": ("quiet", "is switched off"),
}


def scene(brain: Brain, view: str, **more: Any) -> dict[str, Any]:
    """Gather what every view of a workbench needs."""
    commands = brain.draft.get("commands", [])
    reviewed = drafts.reviewed(brain.draft, brain.id)
    found = [each for each in reviewed if stops(each)]
    live = versions.live_version(db.session(), brain)
    return {
        "brain": brain,
        "view": view,
        "commands": commands,
        "sections": sections(brain.draft),
        "group_names": command_form.group_names(brain.draft),
        "picked": (),
        "open_id": "",
        "found": found,
        "hints": [each for each in reviewed if not stops(each)],
        "faulty_ids": {each.command_id for each in found},
        "names": command_form.names_of(commands),
        "live": live,
        "rollout": rollouts.active(db.session(), brain.id),
        "guard": Guard(),
        "changed": live is None or differs(brain.draft, live, found),
        "place_of": command_form.place_of,
        "prompt_at": partial(prompt_form.named_at, brain.draft),
        "field_of": command_form.field_of,
        "mark_of": mending.mark_of,
        "trigger_words": command_form.trigger_words,
        "failing": faults.count_by_command(db.session(), brain.id),
        "code_lines": excerpts.code_lines,
        "command": None,
        **more,
    }


def editor(
    brain: Brain, command: Mapping[str, Any], *, saved: str = "idle", problem: str = "", fresh: bool = False
) -> dict[str, Any]:
    """Gather what the command editor needs besides."""
    stored = stored_command(brain, command["id"])
    shown = scene(brain, "command", command=command)
    return {
        **shown,
        "base": drafts.fingerprint(stored),
        "fresh": fresh,
        "saved": saved,
        "problem": problem,
        "own_problems": [each for each in shown["found"] if each.command_id == command["id"]],
        "own_hints": [each for each in shown["hints"] if each.command_id == command["id"]],
        "action_kind": command.get("action", {}).get("kind", "reply"),
        "action_kinds": command_form.ACTION_KINDS,
        "reply": editing.reply_of(command),
        "source": editing.source_of(command),
        "asked": editing.asked_of(command),
        "prompt_names": [each["name"] for each in prompt_form.prompts_of(brain.draft)],
        "reference": script_reference.REFERENCE,
        "groups": command_form.group_names(brain.draft),
        "example": command_form.example(command, brain.draft),
        "own_faults": own_faults(brain, command["id"]),
        "arguments": command.get("arguments", []),
        "trigger_kinds": command_form.trigger_kinds,
        "trigger_fields": command_form.trigger_fields,
        "trigger_help": command_form.trigger_help,
        "takes_arguments": command_form.takes_arguments,
        "ARGUMENT_TYPES": command_form.ARGUMENT_TYPES,
        "LIMITS": command_form.LIMITS,
    }


def stored_command(brain: Brain, command_id: str) -> editing.Command | None:
    """Return a command of the draft as it is stored."""
    commands = brain.draft.get("commands", [])
    at = editing.find(commands, command_id)
    return None if at is None else commands[at]


def own_faults(brain: Brain, command_id: str) -> list[faults.Fault]:
    """Return what goes wrong in one command lately, the latest first."""
    found = faults.list_faults(db.session(), brain.id)
    return [each for each in found if each.command_id == command_id][:SHOWN_FAULTS]


def differs(draft: Mapping[str, Any], live: BrainVersion, found: list[Problem]) -> bool:
    """Tell whether publishing the draft would change anything."""
    wrong = any(not isinstance(each, Finding) for each in found)
    return wrong or content_hash(draft) != live.hash


def new_id() -> str:
    """Return an id for a new command."""
    return f"c{secrets.token_hex(4)}"


def tried(brain: Brain, text: str) -> dict[str, Any]:
    """Say what each command of the draft would do on a text written by somebody in a direct chat."""
    now = house().clock()
    turn = Turn(0, "text", text, Sender("someone", "Someone"), chat_id=0, at=now, now=now, seed=0)
    try:
        program = compile_program(0, brain.id, brain.draft)
    except InvalidDocument as error:
        return {"brain": brain, "problem": f"{error} The draft can be tried when that is done.", "lines": []}
    lines = [(line, *VERDICTS[line.verdict]) for line in explain(program, turn)]
    fired = [line for line in lines if line[0].verdict not in {"lost", "off"}]
    return {"brain": brain, "problem": "", "lines": fired, "text": text, "asked": len(lines)}
