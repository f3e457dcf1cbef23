"""Loading and changing drafts: each change is one write on the newest draft, with conflict check."""

import hashlib
import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from flask import abort

from app.admin.ui.responses import refresh_session
from app.admin.workbench import command_form
from app.brains.document import diff
from app.brains.document.validation import ValidationProblem
from app.brains.lint import is_blocking, review
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.immutable import immutable
from app.services import services
from app.signals import DomainError
from app.web import db

Document = dict[str, Any]

_CONFLICT: Final = "Somebody else has changed this {} since you opened it, or you did in another tab."


@immutable
class DraftChange:
    """A draft before and after a change, and the brain as it is now."""

    before: Document
    after: Document
    brain: Brain


class CommandConflict(DomainError):
    """Somebody else has saved this command meanwhile."""

    code = "command-conflict"


@immutable
class PartConflict:
    """A part as the draft has it beside what was typed over it; `is_deleted`: the draft no longer has it."""

    fields: tuple[diff.FieldChange, ...]
    is_deleted: bool


def get_brain_or_404(slug: str) -> Brain:
    """Find a brain that is not archived; 404 when there is none."""
    return _find_current_brain(db.session(), slug) or abort(404)


def _find_current_brain(session: Any, slug: str) -> Brain | None:
    brain = store.find_brain(session, slug)
    return brain if brain and brain.archived_at is None else None


def change(slug: str, edit: Callable[[Document], Document]) -> Brain:
    """Apply `edit` to the newest draft; raises what saving a draft raises."""
    return change_at(slug, None, edit).brain


def change_at(slug: str, rev: int | None, edit: Callable[[Document], Document]) -> DraftChange:
    """Apply `edit` to the draft with the edit count `rev` (None: the newest); raises DraftConflict on another."""
    now = services().clock()

    def save(session: Any) -> DraftChange | None:
        brain = _find_current_brain(session, slug)
        if brain is None:
            return None
        before, based_on = dict(brain.draft), brain.draft_rev if rev is None else rev
        store.save_draft(session, brain.id, edit(deepcopy(before)), based_on, now)
        return DraftChange(before, dict(brain.draft), brain)

    changed = services().database.write(save)
    refresh_session()
    return changed or abort(404)


def change_commands(
    slug: str, edit: Callable[[list[command_form.Command]], list[command_form.Command]]
) -> Brain:
    """Apply `edit` to the commands of the newest draft."""
    return change(slug, lambda draft: {**draft, "commands": edit(list(draft.get("commands", [])))})


def save_command(slug: str, command: command_form.Command, base: str | None) -> DraftChange:
    """Store a command; raises CommandConflict when it is no longer as it was at `base` (None: whatever it is).

    Two people in one brain only meet when they edit the same command.
    """

    def edit(draft: Document) -> Document:
        commands = list(draft.get("commands", []))
        at = command_form.find(commands, command["id"])
        if base is not None and compute_fingerprint(commands[at] if at is not None else None) != base:
            raise CommandConflict(_CONFLICT.format("command"))
        return {**draft, "commands": command_form.replace(commands, command)}

    return change_at(slug, None, edit)


def compare_conflict(draft: Document, section: str, typed: Mapping[str, Any]) -> PartConflict:
    """Compare a part of the draft (old: theirs) with the same part as typed (new: mine)."""
    key = diff.KEYS[section]
    stored = list(draft.get(section) or [])
    places = [place for place, each in enumerate(stored) if each.get(key) == typed.get(key)]
    if not places:
        return PartConflict((), is_deleted=True)
    mine = [typed if place == places[0] else each for place, each in enumerate(stored)]
    parts = diff.compare(draft, {**draft, section: mine}).parts
    return PartConflict(
        tuple(field for part in parts if part.section == section for field in part.fields), is_deleted=False
    )


def compute_fingerprint(command: Any) -> str:
    """Name the present content of a command or another part; empty for one that does not exist yet."""
    if command is None:
        return ""
    return hashlib.sha256(json.dumps(command, sort_keys=True).encode()).hexdigest()[:16]


def build_owner(brain_id: int) -> str:
    """Name a draft as the sandbox does: it never shares a process with another brain's code."""
    return f"draft:{brain_id}"


def review_draft(document: Mapping[str, Any], brain_id: int = 0) -> list[ValidationProblem]:
    """Find what is wrong or suspicious in a draft, its templates and scripts included; 0 = no brain yet."""
    return review(document, services().sandbox, build_owner(brain_id))


def find_problems(document: Mapping[str, Any], brain_id: int = 0) -> list[ValidationProblem]:
    """Find what keeps a draft from being published; 0 = no brain yet."""
    return [each for each in review_draft(document, brain_id) if is_blocking(each)]
