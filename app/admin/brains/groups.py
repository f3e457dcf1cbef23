"""Groups of commands in the list: made, renamed, dissolved, brought together and moved."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, abort, request
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import drafts, editing, sections, tree, undoing
from app.admin.command_form import group_names
from app.admin.guard import needs
from app.brains import limits
from app.brains.triggers.contract import fold
from app.signals import DomainError

blueprint = Blueprint("grouping", __name__, url_prefix="/brains/<slug>/groups")

Draft = dict[str, Any]


class GroupRefused(DomainError):
    """A group cannot be called like this, or there are too many."""

    code = "group-refused"


@blueprint.post("/")
@needs(Role.EDITOR)
def act(slug: str) -> Response:
    """Make, rename or dissolve a group, or move its commands, on whatever the newest list is."""
    form = request.form
    wanted, was, first = form.get("act", ""), form.get("was", ""), form.get("first", "")
    name = form.get("name", "").strip()
    edits: dict[str, tuple[Callable[[Draft], Draft], str]] = {
        "new": (lambda draft: with_group(draft, name, fresh=True), f"The group “{name}” is made."),
        "rename": (lambda draft: renamed(draft, was, name), f"“{was}” is called “{name}” now."),
        "dissolve": (
            lambda draft: dissolved(draft, was),
            f"“{was}” is dissolved; its commands are in no group.",
        ),
        "on": (
            _commands(lambda draft: _switched(draft, was, on=True)),
            f"All commands of “{was}” are switched on.",
        ),
        "off": (
            _commands(lambda draft: _switched(draft, was, on=False)),
            f"All commands of “{was}” are switched off.",
        ),
        "gather": (
            _commands(lambda draft: sections.gathered(draft["commands"], was)),
            f"“{was}” stands together.",
        ),
        "up": (_commands(lambda draft: sections.section_moved(draft, first, -1)), ""),
        "down": (_commands(lambda draft: sections.section_moved(draft, first, 1)), ""),
    }
    edit, words = edits.get(wanted) or abort(400)
    change = drafts.change_at(slug, None, edit)
    if words:
        undoing.offer(words, slug, change)
    return tree.redrawn(change)


def with_group(draft: Draft, name: str, *, fresh: bool = False) -> Draft:
    """Return a draft that has a group; raises GroupRefused, also for one that is there already and must be `fresh`."""
    known = {fold(each) for each in group_names(draft)}
    if fold(name) in known and not fresh:
        return draft
    _check_name(name, known)
    if len(draft.get("groups") or []) >= limits.GROUPS:
        raise GroupRefused(
            f"There are {limits.GROUPS} groups already, and no more are allowed. Dissolve one first."
        )
    return {**draft, "groups": [*(draft.get("groups") or []), {"name": name}]}


def renamed(draft: Draft, was: str, name: str) -> Draft:
    """Return a draft with a group under another name, with all its commands; raises GroupRefused."""
    _check_name(name, {fold(each) for each in group_names(draft)} - {fold(was)})
    groups = [
        {**each, "name": name} if fold(str(each.get("name"))) == fold(was) else each
        for each in draft.get("groups") or []
    ]
    return {**draft, "groups": groups, "commands": _regrouped(draft, was, name)}


def dissolved(draft: Draft, was: str) -> Draft:
    """Return a draft without a group; its commands stay where they are, in no group."""
    groups = [each for each in draft.get("groups") or [] if fold(str(each.get("name"))) != fold(was)]
    return {**draft, "groups": groups, "commands": _regrouped(draft, was, sections.NO_GROUP)}


def _regrouped(draft: Mapping[str, Any], was: str, name: str) -> sections.Commands:
    commands = draft.get("commands", [])
    mine = _members(draft, was)
    return [sections.in_group(each, name) if each["id"] in mine else each for each in commands]


def _switched(draft: Mapping[str, Any], was: str, *, on: bool) -> sections.Commands:
    return editing.switched(draft["commands"], _members(draft, was), on=on)


def _members(draft: Mapping[str, Any], group: str) -> set[str]:
    return {each["id"] for each in draft.get("commands", []) if fold(sections.group_of(each)) == fold(group)}


def _check_name(name: str, taken: set[str]) -> None:
    if not 1 <= len(name) <= 100:
        raise GroupRefused("Give the group a name of 1 to 100 characters.")
    if fold(name) in taken:
        raise GroupRefused(f"There is a group “{name}” already. Choose another name.")


def _commands(edit: Callable[[Draft], sections.Commands]) -> Callable[[Draft], Draft]:
    return lambda draft: {**draft, "commands": edit({"commands": [], **draft})}
