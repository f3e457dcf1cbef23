"""Page that compares two versions of a brain, or its draft with the live version; blame by command."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.workbench import command_view, drafts
from app.admin.workbench.view_model import Workbench, render_workbench
from app.brains.document import diff
from app.brains.versions import store
from app.brains.versions.models import Brain, BrainVersion
from app.immutable import immutable
from app.text import parse_index
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "compare",
    __name__,
    url_prefix="/brains/<slug>",
    section="brains",
    targets=(
        Target(
            "compare",
            "copy",
            "Compare the draft with live",
            ("diff", "changes"),
            group=TargetGroup.BRAIN_PAGE,
            order=50,
        ),
    ),
)

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
    "action.link_preview": "Shows a link preview",
    "trigger.kind": "Kind of trigger",
    "enabled": "On",
    "not_intents": "Not for the bot",
    "settings.timezone": "Time zone",
    "settings.language": "Language",
    "settings.prefixes": "Command prefixes",
    "settings.session_minutes": "Minutes a conversation keeps its version",
    "settings.burst_seconds": "Seconds to wait for rapid messages",
    "settings.did_you_mean": "Did you mean",
    "settings.min_accuracy": "Least accuracy of intents (%)",
    "settings.max_accuracy_drop": "Points of accuracy a version may lose",
    "settings.strict": "A new process for every run",
    "restrict.chats": "Where",
    "restrict.allow": "Only for",
    "restrict.deny": "Never for",
    "errors_to": "Number alerted of errors",
    "name": "Name",
    "title": "Title",
    "system": "System prompt",
    "user": "User prompt",
}


@immutable
class Side:
    """One side of a comparison: the draft or a version."""

    name: str
    title: str
    document: Mapping[str, Any]
    version: BrainVersion | None = None


@immutable
class BlameEntry:
    """A command of the draft and the version that made it what it is; null = it was changed since."""

    command_id: str
    name: str
    version: BrainVersion | None


@blueprint.get("/versions/compare")
@require_right(Right.READ_BRAINS)
def compare(slug: str) -> Response:
    """Show what differs between two versions, or between a version and the draft."""
    brain = drafts.get_brain_or_404(slug)
    listed = store.list_versions(db.session(), brain.id)
    live = next((each for each in listed if each.id == brain.live_version_id), None)
    old = _find_side(brain, request.args.get("old") or (str(live.number) if live else ""))
    new = _find_side(brain, request.args.get("new") or DRAFT)
    found = diff.compare(old.document, new.document)
    return render_workbench(
        Workbench(brain, "compare"), old=old, new=new, listed=listed, **build_context(found)
    )


@blueprint.get("/publish-changes")
@require_right(Right.READ_BRAINS)
def show_publish_changes(slug: str) -> Response:
    """Return what publishing the draft would change, for the publish sheet."""
    if not is_fragment_request():
        return redirect(url_for("compare.compare", slug=slug))
    brain = drafts.get_brain_or_404(slug)
    live = store.find_live_version(db.session(), brain)
    found = diff.compare(live.document if live else {}, brain.draft)
    return show("brains/publish_changes.html", "changes", brain=brain, live=live, **build_context(found))


def build_blame(brain: Brain, listed: Sequence[BrainVersion]) -> list[BlameEntry]:
    """Say for each command of the draft which version changed it last; `listed` is newest first."""
    by_number = {each.number: each for each in listed}
    found = diff.blame(brain.draft, ((each.number, each.document) for each in listed))
    return [
        BlameEntry(command_id, name, by_number.get(found.get(command_id, 0)))
        for command_id, name in command_view.get_names_by_id(brain.draft.get("commands", [])).items()
    ]


@blueprint.app_template_global("field_label")
def get_label(path: str) -> str:
    """Name a field in an operator's words."""
    if path in LABELS:
        return LABELS[path]
    section, _, field = path.partition(".")
    label = command_view.get_trigger_label(field) if section == "trigger" else ""
    return label or path.removeprefix("action.").replace("_", " ").replace(".", " › ").capitalize()


def build_context(found: diff.Difference) -> dict[str, Any]:
    """Return what a template needs to show a difference."""
    return {"difference": found, "KINDS": KINDS, "SECTIONS": SECTIONS, "label": get_label}


def _find_side(brain: Brain, name: str) -> Side:
    """Find a side by its name: a number, the draft, or nothing (before the first version)."""
    number = parse_index(name)
    if number is not None:
        version = store.get_version(db.session(), brain.id, number)
        live = " (live)" if version.id == brain.live_version_id else ""
        return Side(name, f"Version {name}{live}", version.document, version)
    return Side(DRAFT, "The draft", brain.draft) if name == DRAFT else Side("", "Nothing", {})
