"""Responses after a change of the command list: the fragments to redraw, or the conflict notice."""

from collections.abc import Collection, Mapping
from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.admin.ui import responses
from app.admin.ui.permissions import redirect_page
from app.admin.workbench import drafts
from app.admin.workbench.command_editor import CommandEditor
from app.admin.workbench.drafts import DraftChange
from app.admin.workbench.view_model import TEMPLATE, Workbench, find_command, render_parts, render_workbench
from app.brains.versions.models import Brain
from app.text import parse_int64
from app.web import is_fragment_request

FRAGMENTS_TEMPLATE = "workbench/fragments.html"


def read_rev() -> int | None:
    """Return the edit count that the list was drawn at, as it came back with its form."""
    return request.form.get("rev", type=parse_int64)


def render_change(change: DraftChange) -> Response:
    """Answer with the list and all that a change of it changes elsewhere on the page."""
    slug = change.brain.slug
    opened = request.form.get("open", "")
    if not is_fragment_request():
        return redirect(url_for("brains.show_workbench", slug=slug))
    now = find_command(change.brain, opened)
    was = next((each for each in change.before.get("commands", []) if each["id"] == opened), None)
    if was and now is None:
        return redirect_page(url_for("brains.show_workbench", slug=slug))
    # The open form may only follow what it was itself drawn from: else it would overwrite somebody's work.
    follows = was and now and drafts.compute_fingerprint(was) == request.form.get("base")
    return _render_list(change.brain, command=now if follows else None)


def render_conflict(slug: str, picked: Collection[str]) -> Response:
    """Answer that nothing was done, with the list as it is now and the choice as it was."""
    refusal = "Nothing was changed: this brain was saved elsewhere meanwhile. "
    responses.flash_notice(
        f"{refusal}The list now shows it as it is, your choice is kept: press again.", "bad"
    )
    brain = drafts.get_brain_or_404(slug)
    if is_fragment_request():
        return _render_list(brain, 409)
    return render_workbench(Workbench(brain, "overview", picked=picked), status=409)


def _render_list(brain: Brain, status: int = 200, command: Mapping[str, Any] | None = None) -> Response:
    """Draw the list; `command` is the one in the open form, when the form is to follow the change."""
    workbench = Workbench(brain, "overview", open_id=request.form.get("open", ""))
    parts = [(TEMPLATE, "list"), (FRAGMENTS_TEMPLATE, "state"), (FRAGMENTS_TEMPLATE, "problems")]
    context: dict[str, Any] = {}
    if command:
        context["editor"] = CommandEditor(workbench, command)
        parts += [(FRAGMENTS_TEMPLATE, "base"), (FRAGMENTS_TEMPLATE, "bound")]
    text = render_parts(workbench, [*parts, ("ui/notices.html", "fresh")], **context)
    return Response(text, status, mimetype="text/html")
