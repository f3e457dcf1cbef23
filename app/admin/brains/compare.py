"""What differs between versions of a brain, or between its draft and what is live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import bench, command_form, drafts
from app.admin.answers import show
from app.admin.guard import needs
from app.brains import diff, versions
from app.brains.models import Brain, BrainVersion
from app.web import db, partial

blueprint = Blueprint("comparing", __name__, url_prefix="/brains/<slug>")

DRAFT: Final = "draft"
KINDS: Final = {
    "added": ("Added", "plus", "good"),
    "removed": ("Removed", "trash", "bad"),
    "changed": ("Changed", "pencil", "info"),
    "moved": ("Moved", "arrow-down", "quiet"),
}
SECTIONS: Final = {
    "commands": "Command",
    "prompts": "Prompt",
    "intents": "Intent",
    "tests": "Test",
    "groups": "Group",
}
# Words for fields whose names say too little; others are written as they are.
LABELS: Final = {
    "action.template": "Answer",
    "action.variants": "Answers",
    "action.source": "Script",
    "action.kind": "Kind of answer",
    "action.buttons": "Buttons",
    "action.quote": "Quotes the message",
    "trigger.kind": "Kind of trigger",
    "trigger.words": "Command words",
    "trigger.texts": "Texts",
    "trigger.pattern": "Pattern",
    "enabled": "On",
    "errors_to": "Told of errors",
    "name": "Name",
    "title": "Title",
    "system": "Instructions",
    "user": "Question",
}


@dataclass(frozen=True, slots=True)
class End:
    """One side of a comparison: the draft or a version."""

    name: str
    title: str
    document: Mapping[str, Any]
    version: BrainVersion | None = None


@dataclass(frozen=True, slots=True)
class Blamed:
    """A command of the draft and the version that made it what it is; null = it was changed since."""

    command_id: str
    name: str
    version: BrainVersion | None


@blueprint.get("/versions/compare")
@needs(Role.VIEWER)
def compare(slug: str) -> Response:
    """Show what differs between two versions, or between a version and the draft."""
    brain = drafts.opened(slug)
    listed = versions.versions(db.session(), brain.id)
    live = next((each for each in listed if each.id == brain.live_version_id), None)
    old = _end(brain, request.args.get("old") or (str(live.number) if live else ""))
    new = _end(brain, request.args.get("new") or DRAFT)
    found = diff.compare(old.document, new.document)
    return show(
        bench.TEMPLATE, **bench.scene(brain, "compare", old=old, new=new, listed=listed, **words(found))
    )


@blueprint.get("/publish-changes")
@needs(Role.VIEWER)
def publish_changes(slug: str) -> Response:
    """Return what publishing the draft would change, for the publish sheet."""
    if not partial():
        return redirect(url_for("comparing.compare", slug=slug))
    brain = drafts.opened(slug)
    live = versions.live_version(db.session(), brain)
    found = diff.compare(live.document if live else {}, brain.draft)
    return show("brains/publish_changes.html", "changes", brain=brain, live=live, **words(found))


def blamed(brain: Brain, listed: Sequence[BrainVersion]) -> list[Blamed]:
    """Say for each command of the draft which version changed it last; `listed` is newest first."""
    by_number = {each.number: each for each in listed}
    found = diff.blame(brain.draft, ((each.number, each.document) for each in listed))
    return [
        Blamed(command_id, name, by_number.get(found.get(command_id, 0)))
        for command_id, name in command_form.names_of(brain.draft.get("commands", [])).items()
    ]


def label(path: str) -> str:
    """Name a field in an operator's words."""
    return LABELS.get(path) or path.removeprefix("action.").replace("_", " ").replace(".", " › ").capitalize()


def words(found: diff.Difference) -> dict[str, Any]:
    """Return what a template needs to show a difference."""
    return {"difference": found, "KINDS": KINDS, "SECTIONS": SECTIONS, "label": label}


def _end(brain: Brain, name: str) -> End:
    """Find a side by its name: a number, the draft, or nothing (before the first version)."""
    if name.isdecimal() and len(name) < 9:
        version = versions.get_version(db.session(), brain.id, int(name))
        live = " (live)" if version.id == brain.live_version_id else ""
        return End(name, f"Version {name}{live}", version.document, version)
    return End(DRAFT, "The draft", brain.draft) if name == DRAFT else End("", "Nothing", {})
