"""Requests for command groups: create, rename, dissolve, gather, move."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, abort, request
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui.permissions import require_right
from app.admin.workbench import command_form, command_list, command_list_view, drafts, undo
from app.admin.workbench.command_view import list_group_names
from app.brains import limits
from app.brains.text import fold
from app.signals import DomainError

blueprint = Blueprint("groups", __name__, url_prefix="/brains/<slug>/groups")

Draft = dict[str, Any]


class GroupRefused(DomainError):
    """A group cannot be called like this, or there are too many."""

    code = "group-refused"


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
def act(slug: str) -> Response:
    """Make, rename or dissolve a group, or move its commands, on whatever the newest list is."""
    form = request.form
    wanted, was, first = form.get("act", ""), form.get("was", ""), form.get("first", "")
    name = form.get("name", "").strip()
    edits: dict[str, tuple[Callable[[Draft], Draft], str]] = {
        "new": (lambda draft: ensure_group(draft, name, fresh=True), f"The group “{name}” is created."),
        "rename": (lambda draft: rename(draft, was, name), f"“{was}” is now called “{name}”."),
        "dissolve": (
            lambda draft: dissolve(draft, was),
            f"“{was}” is dissolved; its commands are in no group.",
        ),
        "on": (
            _edit_commands(lambda draft: _set_enabled(draft, was, on=True)),
            f"All commands of “{was}” are switched on.",
        ),
        "off": (
            _edit_commands(lambda draft: _set_enabled(draft, was, on=False)),
            f"All commands of “{was}” are switched off.",
        ),
        "gather": (
            _edit_commands(lambda draft: command_list.merge_group_parts(draft["commands"], was)),
            f"The parts of “{was}” are joined.",
        ),
        "up": (_edit_commands(lambda draft: command_list.move_section(draft, first, -1)), ""),
        "down": (_edit_commands(lambda draft: command_list.move_section(draft, first, 1)), ""),
    }
    edit, words = edits.get(wanted) or abort(400)
    change = drafts.change_at(slug, None, edit)
    if words:
        undo.notify(words, slug, change)
    return command_list_view.render_change(change)


def ensure_group(draft: Draft, name: str, *, fresh: bool = False) -> Draft:
    """Return a draft that has a group; raises GroupRefused, also for one that is there already and must be `fresh`."""
    known = {fold(each) for each in list_group_names(draft)}
    if fold(name) in known and not fresh:
        return draft
    _check_name(name, known)
    if len(draft.get("groups") or []) >= limits.GROUPS:
        raise GroupRefused(
            f"There are {limits.GROUPS} groups already, and no more are allowed. Dissolve one first."
        )
    return {**draft, "groups": [*(draft.get("groups") or []), {"name": name}]}


def rename(draft: Draft, was: str, name: str) -> Draft:
    """Return a draft with a group under another name, with all its commands; raises GroupRefused."""
    _check_name(name, {fold(each) for each in list_group_names(draft)} - {fold(was)})
    groups = [
        {**each, "name": name} if fold(str(each.get("name"))) == fold(was) else each
        for each in draft.get("groups") or []
    ]
    return {**draft, "groups": groups, "commands": _move_members(draft, was, name)}


def dissolve(draft: Draft, was: str) -> Draft:
    """Return a draft without a group; its commands stay where they are, in no group."""
    groups = [each for each in draft.get("groups") or [] if fold(str(each.get("name"))) != fold(was)]
    return {**draft, "groups": groups, "commands": _move_members(draft, was, command_list.NO_GROUP)}


def _move_members(draft: Mapping[str, Any], was: str, name: str) -> command_list.Commands:
    commands = draft.get("commands", [])
    mine = _members(draft, was)
    return [command_list.set_group(each, name) if each["id"] in mine else each for each in commands]


def _set_enabled(draft: Mapping[str, Any], was: str, *, on: bool) -> command_list.Commands:
    return command_form.set_enabled(draft["commands"], _members(draft, was), on=on)


def _members(draft: Mapping[str, Any], group: str) -> set[str]:
    return {
        each["id"] for each in draft.get("commands", []) if fold(command_list.get_group(each)) == fold(group)
    }


def _check_name(name: str, taken: set[str]) -> None:
    if not 1 <= len(name) <= 100:
        raise GroupRefused("Give the group a name of 1 to 100 characters.")
    if fold(name) in taken:
        raise GroupRefused(f"There is a group “{name}” already. Choose another name.")


def _edit_commands(edit: Callable[[Draft], command_list.Commands]) -> Callable[[Draft], Draft]:
    return lambda draft: {**draft, "commands": edit({"commands": [], **draft})}
