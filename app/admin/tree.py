"""The list of commands after a change: the parts of the page that show it, or the page anew."""

from collections.abc import Collection
from typing import Any

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.admin import answers, bench, command_form, drafts
from app.admin.answers import fragment, show
from app.admin.drafts import Change
from app.admin.guard import leave_to
from app.brains.models import Brain
from app.web import partial

FRAGMENTS = "brains/fragments.html"


def rev() -> int | None:
    """Return the edit count that the list was drawn at, as it came back with its form."""
    return request.form.get("rev", type=int)


def redrawn(change: Change) -> Response:
    """Answer with the list and all that a change of it changes elsewhere on the page."""
    slug = change.brain.slug
    opened = request.form.get("open", "")
    if not partial():
        return redirect(url_for("brains.workbench", slug=slug))
    now = bench.stored_command(change.brain, opened)
    was = next((each for each in change.before.get("commands", []) if each["id"] == opened), None)
    if was and now is None:
        return leave_to(url_for("brains.workbench", slug=slug))
    # The open form may only follow what it was itself drawn from: else it would overwrite somebody's work.
    follows = was and now and drafts.fingerprint(was) == request.form.get("base")
    return _answer(change.brain, command=now if follows else None)


def conflict(slug: str, picked: Collection[str]) -> Response:
    """Answer that nothing was done, with the list as it is now and the choice as it was."""
    told = "Nothing was changed: this brain was saved elsewhere meanwhile. "
    answers.notice(f"{told}The list now shows it as it is, your choice is kept: press again.", "bad")
    brain = drafts.opened(slug)
    if partial():
        return _answer(brain, 409)
    return show(bench.TEMPLATE, status=409, **bench.scene(brain, "overview", picked=picked))


def _answer(brain: Brain, status: int = 200, command: dict[str, Any] | None = None) -> Response:
    context = bench.scene(brain, "overview", open_id=request.form.get("open", ""))
    parts = [
        fragment(bench.TEMPLATE, "list", **context),
        fragment(FRAGMENTS, "state", **context),
        fragment(FRAGMENTS, "problems", **context),
    ]
    if command:
        groups = command_form.group_names(brain.draft)
        bound = {**context, "command": command, "groups": groups, "base": drafts.fingerprint(command)}
        parts += [fragment(FRAGMENTS, "base", **bound), fragment(FRAGMENTS, "bound", **bound)]
    parts.append(fragment("notices.html", "fresh"))
    return Response("".join(parts), status, mimetype="text/html")
