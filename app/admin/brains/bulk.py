"""Bulk edits of selected commands: switch on or off, move, copy, delete, export; one undo for all."""

from collections.abc import Callable, Collection
from typing import Any

from flask import abort, request
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.brains import groups
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint
from app.admin.ui.permissions import require_right
from app.admin.workbench import command_form, command_list, command_list_view, drafts, undo, view_model
from app.admin.workbench.command_list import Commands
from app.brains.document import merge
from app.brains.versions.store import DraftConflict
from app.signals import DomainError

blueprint = PageBlueprint("bulk", __name__, url_prefix="/brains/<slug>/bulk", section="brains")

Draft = dict[str, Any]
Ids = Collection[str]

# What is done to commands, and the words for it.
_ACTS: dict[str, tuple[Callable[[Commands, Ids], Commands], str]] = {
    "on": (lambda commands, ids: command_form.set_enabled(commands, ids, on=True), "switched on"),
    "off": (lambda commands, ids: command_form.set_enabled(commands, ids, on=False), "switched off"),
    "duplicate": (
        lambda commands, ids: command_form.duplicate(
            commands, {each: view_model.generate_id() for each in ids}
        ),
        "copied",
    ),
    "delete": (
        lambda commands, ids: [each for each in commands if each["id"] not in ids],
        "deleted from the draft",
    ),
}


class EmptySelection(DomainError):
    """No command of the list was chosen."""

    code = "nothing-chosen"


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
def act(slug: str) -> Response:
    """Do one thing to all commands that are chosen, on the list as it was seen."""
    form = request.form
    wanted, _, into = form.get("act", "").partition(":")
    ids = set(form["dragged"].split() if wanted == "place" else form.getlist("pick"))
    chosen = _select_commands(drafts.get_brain_or_404(slug).draft, ids)
    names = [f"“{each.get('name') or 'Unnamed'}”" for each in chosen]
    edit, words = _build_edit(wanted, ids, form.get("group", "").strip() if wanted == "new-group" else into)
    try:
        change = drafts.change_at(slug, command_list_view.read_rev(), edit)
    except DraftConflict:
        return command_list_view.render_conflict(slug, ids)
    who = f"{names[0]} is" if len(names) == 1 else f"{len(names)} commands are"
    undo.notify(f"{who} {words}.", slug, change)
    return command_list_view.render_change(change)


@blueprint.post("/row")
@require_right(Right.WRITE_BRAINS)
def update_row(slug: str) -> Response:
    """Move one command a step, or switch it, on whatever the newest list is."""
    wanted, _, command_id = request.form.get("row", "").partition(":")
    change = drafts.change_at(slug, None, build_row_edit(wanted, command_id) or abort(400))
    command = next((each for each in change.after["commands"] if each.get("id") == command_id), None)
    if command and change.before != change.after:
        undo.notify(
            f"“{command.get('name') or 'Unnamed'}” is {_describe_row_edit(wanted, command)}.", slug, change
        )
    return command_list_view.render_change(change)


@blueprint.post("/export.yaml")
@require_right(Right.READ_BRAINS)
def export(slug: str) -> Response:
    """Download the chosen commands with what they need, as a file that can be imported."""
    brain = drafts.get_brain_or_404(slug)
    chosen = _select_commands(brain.draft, set(request.form.getlist("pick")))
    document = merge.extract_commands(brain.draft, {each["id"] for each in chosen})
    return responses.send_yaml(
        document, f"{brain.slug}-{len(chosen)}-command{'s' if len(chosen) > 1 else ''}"
    )


def build_row_edit(wanted: str, command_id: str) -> Callable[[Draft], Draft] | None:
    """Return the change that a button of one row asks for; None for an unknown one."""
    steps: dict[str, Callable[[Draft], Commands]] = {
        "up": lambda draft: command_list.move_command(draft, command_id, -1),
        "down": lambda draft: command_list.move_command(draft, command_id, 1),
        "toggle": lambda draft: command_form.toggle(draft["commands"], command_id),
    }
    edit = steps.get(wanted)
    return edit and (lambda draft: {**draft, "commands": edit({"commands": [], **draft})})


def _describe_row_edit(wanted: str, command: dict[str, Any]) -> str:
    moved = {"up": "moved up", "down": "moved down"}.get(wanted)
    return moved or ("switched off" if command_form.is_off(command) else "switched on")


def _select_commands(draft: Draft, ids: Ids) -> Commands:
    found = [each for each in draft.get("commands", []) if each["id"] in ids]
    if not found:
        raise EmptySelection("Choose the commands first: tick them in the list.")
    return found


def _build_edit(wanted: str, ids: Ids, into: str) -> tuple[Callable[[Draft], Draft], str]:
    """Return the change that is asked for and the words for it."""
    if wanted in {"group", "new-group", "place"}:
        before = request.form.get("before", "")
        destination = f"in the group “{into}” now" if into else "in no group now"

        def regroup(draft: Draft) -> Draft:
            known = groups.ensure_group(draft, into) if into or wanted == "new-group" else draft
            commands = known.get("commands", [])
            placed = wanted == "place"
            moved = (
                command_list.move_commands(commands, ids, before, into)
                if placed
                else command_list.move_to_group(commands, ids, into)
            )
            return {**known, "commands": moved}

        return regroup, "moved" if wanted == "place" else destination
    change, words = _ACTS.get(wanted) or abort(400)
    return lambda draft: {**draft, "commands": change(draft.get("commands", []), ids)}, words
