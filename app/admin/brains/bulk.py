"""Several commands at once: switched, moved, copied, deleted and exported, each in one save that can be undone."""

from collections.abc import Callable, Collection
from typing import Any

from flask import Blueprint, abort, request
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, drafts, editing, grouping, sections, tree, undoing
from app.admin.guard import needs
from app.admin.sections import Commands
from app.brains import merging
from app.brains.versions import DraftConflict
from app.signals import DomainError

blueprint = Blueprint("bulk", __name__, url_prefix="/brains/<slug>/bulk")

Draft = dict[str, Any]
Ids = Collection[str]

# What is done to commands, and the words for it.
_ACTS: dict[str, tuple[Callable[[Commands, Ids], Commands], str]] = {
    "on": (lambda commands, ids: editing.switched(commands, ids, on=True), "switched on"),
    "off": (lambda commands, ids: editing.switched(commands, ids, on=False), "switched off"),
    "duplicate": (
        lambda commands, ids: editing.duplicated(commands, {each: bench.new_id() for each in ids}),
        "copied",
    ),
    "delete": (
        lambda commands, ids: [each for each in commands if each["id"] not in ids],
        "deleted from the draft",
    ),
}


class NothingChosen(DomainError):
    """No command of the list was chosen."""

    code = "nothing-chosen"


@blueprint.post("/")
@needs(Role.EDITOR)
def act(slug: str) -> Response:
    """Do one thing to all commands that are chosen, on the list as it was seen."""
    form = request.form
    wanted, _, into = form.get("act", "").partition(":")
    ids = set(form["dragged"].split() if wanted == "place" else form.getlist("pick"))
    chosen = _chosen(drafts.opened(slug).draft, ids)
    names = [f"“{each.get('name') or 'Unnamed'}”" for each in chosen]
    edit, words = _edit(wanted, ids, form.get("group", "").strip() if wanted == "new-group" else into)
    try:
        change = drafts.change_at(slug, tree.rev(), edit)
    except DraftConflict:
        return tree.conflict(slug, ids)
    who = f"{names[0]} is" if len(names) == 1 else f"{len(names)} commands are"
    undoing.offer(f"{who} {words}.", slug, change)
    return tree.redrawn(change)


@blueprint.post("/row")
@needs(Role.EDITOR)
def row(slug: str) -> Response:
    """Move one command a step, or switch it, on whatever the newest list is."""
    wanted, _, command_id = request.form.get("row", "").partition(":")
    edit = step(wanted, command_id) or abort(400)
    return tree.redrawn(drafts.change_at(slug, None, edit))


@blueprint.post("/export.yaml")
@needs(Role.VIEWER)
def export(slug: str) -> Response:
    """Download the chosen commands with what they need, as a file that can be imported."""
    brain = drafts.opened(slug)
    chosen = _chosen(brain.draft, set(request.form.getlist("pick")))
    document = merging.selection(brain.draft, {each["id"] for each in chosen})
    return answers.yaml_file(document, f"{brain.slug}-{len(chosen)}-command{'s' if len(chosen) > 1 else ''}")


def step(wanted: str, command_id: str) -> Callable[[Draft], Draft] | None:
    """Return the change that a button of one row asks for; None for an unknown one."""
    steps: dict[str, Callable[[Draft], Commands]] = {
        "up": lambda draft: sections.stepped(draft, command_id, -1),
        "down": lambda draft: sections.stepped(draft, command_id, 1),
        "toggle": lambda draft: editing.toggled(draft["commands"], command_id),
    }
    edit = steps.get(wanted)
    return edit and (lambda draft: {**draft, "commands": edit({"commands": [], **draft})})


def _chosen(draft: Draft, ids: Ids) -> Commands:
    found = [each for each in draft.get("commands", []) if each["id"] in ids]
    if not found:
        raise NothingChosen("Choose the commands first: tick them in the list.")
    return found


def _edit(wanted: str, ids: Ids, into: str) -> tuple[Callable[[Draft], Draft], str]:
    """Return the change that is asked for and the words for it."""
    if wanted in {"group", "new-group", "place"}:
        before = request.form.get("before", "")
        told = f"in the group “{into}” now" if into else "in no group now"

        def regroup(draft: Draft) -> Draft:
            known = grouping.with_group(draft, into) if into or wanted == "new-group" else draft
            commands = known.get("commands", [])
            placed = wanted == "place"
            moved = (
                sections.placed(commands, ids, before, into)
                if placed
                else sections.regrouped(commands, ids, into)
            )
            return {**known, "commands": moved}

        return regroup, "moved" if wanted == "place" else told
    change, words = _ACTS.get(wanted) or abort(400)
    return lambda draft: {**draft, "commands": change(draft.get("commands", []), ids)}, words
