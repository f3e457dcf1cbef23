"""Drafts opened and changed: every change is one write on the newest draft."""

import hashlib
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from flask import abort

from app.admin import editing
from app.admin.answers import look_again
from app.bot import bot
from app.brains import versions
from app.brains.lint import review, stops
from app.brains.models import Brain
from app.brains.problems import Problem
from app.signals import DomainError
from app.web import db, house

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A draft before and after a change, and the brain as it is now."""

    before: Document
    after: Document
    brain: Brain


class CommandConflict(DomainError):
    """Somebody else has saved this command meanwhile."""

    code = "command-conflict"


def opened(slug: str) -> Brain:
    """Find a brain that is not archived; 404 when there is none."""
    brain = versions.find_brain(db.session(), slug)
    return brain if brain and brain.archived_at is None else abort(404)


def change(slug: str, edit: Callable[[Document], Document]) -> Brain:
    """Apply `edit` to the newest draft; raises what saving a draft raises."""
    return change_at(slug, None, edit).brain


def change_at(slug: str, rev: int | None, edit: Callable[[Document], Document]) -> Change:
    """Apply `edit` to the draft with the edit count `rev` (None: the newest); raises DraftConflict on another."""
    brain_id, now = opened(slug).id, house().clock()

    def save(session: Any) -> Change:
        brain = versions.get_brain(session, brain_id)
        before, based_on = dict(brain.draft), brain.draft_rev if rev is None else rev
        versions.save_draft(session, brain_id, edit(deepcopy(before)), based_on, now)
        return Change(before, dict(brain.draft), brain)

    changed = house().database.write(save)
    look_again()
    return changed


def change_commands(slug: str, edit: Callable[[list[editing.Command]], list[editing.Command]]) -> Brain:
    """Apply `edit` to the commands of the newest draft."""
    return change(slug, lambda draft: {**draft, "commands": edit(list(draft.get("commands", [])))})


def save_command(slug: str, command: editing.Command, base: str | None) -> Change:
    """Store a command; raises CommandConflict when it is no longer as it was at `base` (None: whatever it is).

    Two people in one brain only meet when they edit the same command.
    """

    def edit(draft: Document) -> Document:
        commands = list(draft.get("commands", []))
        at = editing.find(commands, command["id"])
        if base is not None and fingerprint(commands[at] if at is not None else None) != base:
            raise CommandConflict("Somebody else has changed this command since you opened it.")
        return {**draft, "commands": editing.replaced(commands, command)}

    return change_at(slug, None, edit)


def fingerprint(command: Any) -> str:
    """Name the present content of a command or another part; empty for one that does not exist yet."""
    if command is None:
        return ""
    return hashlib.sha256(json.dumps(command, sort_keys=True).encode()).hexdigest()[:16]


def owner_of(brain_id: int) -> str:
    """Name a draft as the sandbox does: it never shares a process with another brain's code."""
    return f"draft:{brain_id}"


def reviewed(document: Mapping[str, Any], brain_id: int = 0) -> list[Problem]:
    """Find what is wrong or suspicious in a draft, its templates and scripts included; 0 = no brain yet."""
    return review(document, bot().sandbox, owner_of(brain_id))


def found_problems(document: Mapping[str, Any], brain_id: int = 0) -> list[Problem]:
    """Find what keeps a draft from being published; 0 = no brain yet."""
    return [each for each in reviewed(document, brain_id) if stops(each)]
