"""The command editor of a workbench: saving, reshaping the form, and changes to the list."""

import json
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, drafts, editing, script_reference
from app.admin.answers import fragment, show
from app.admin.drafts import CommandConflict
from app.admin.guard import needs
from app.brains.models import Brain
from app.web import partial

blueprint = Blueprint("commands", __name__, url_prefix="/brains/<slug>/commands")


@blueprint.get("/new")
@needs(Role.EDITOR)
def new(slug: str) -> Response:
    """Show the editor for a command that is not stored yet."""
    command = {**editing.BLANK, "id": bench.new_id()}
    return show(bench.TEMPLATE, **bench.editor(drafts.opened(slug), command, saved="new", fresh=True))


@blueprint.get("/<command_id>")
@needs(Role.VIEWER)
def command(slug: str, command_id: str) -> Response:
    """Show the editor of one command."""
    brain = drafts.opened(slug)
    found = bench.stored_command(brain, command_id)
    return show(bench.TEMPLATE, **bench.editor(brain, found or abort(404)))


@blueprint.post("/<command_id>")
@needs(Role.EDITOR)
def save(slug: str, command_id: str) -> Response:
    """Save the form into the draft, right or wrong; what was typed is never lost."""
    edited = editing.read_command(request.form, command_id)
    base = None if "force" in request.form else request.form.get("base")
    try:
        brain = drafts.save_command(slug, edited, base)
    except CommandConflict as error:
        return _refused(slug, edited, "conflict", str(error), 409)
    if not partial():
        return redirect(url_for("commands.command", slug=slug, command_id=command_id))
    return _saved(brain, edited)


@blueprint.post("/<command_id>/shape")
@needs(Role.EDITOR)
def shape(slug: str, command_id: str) -> Response:
    """Draw the form again from what is typed: another trigger or kind of answer, more or fewer rows."""
    form = request.form
    edited = editing.read_command(form, command_id)
    act, _, place = form.get("do", "").partition(":")
    if act == "add-argument":
        edited["arguments"] = [*edited.get("arguments", []), {"name": "", "type": "word"}]
    elif act == "drop-argument" and place.isdecimal():
        edited["arguments"] = [each for i, each in enumerate(edited.get("arguments", [])) if i != int(place)]
    brain = drafts.opened(slug)
    context = bench.editor(brain, edited, saved="new", fresh=bench.stored_command(brain, command_id) is None)
    typed = _typed_answers(form, edited, act, place)
    # Drawing is not saving: the form stays bound to what it was opened with.
    return show(bench.TEMPLATE, "editor", **{**context, **typed, "base": form.get("base", "")})


def _typed_answers(form: editing.Form, edited: editing.Command, act: str, place: str) -> dict[str, Any]:
    """Keep all kinds of answer as typed, so that a look at another kind costs nothing."""
    reply, source = editing.read_reply(form), editing.read_source(form)
    if act == "add-variant":
        reply["texts"] = [*reply["texts"], ""]
    elif act == "drop-variant":
        reply["texts"] = [text for i, text in enumerate(reply["texts"]) if str(i) != place] or [""]
    if edited["action"]["kind"] == "script" and not source.strip():
        source = script_reference.STARTER
    return {"reply": reply, "source": source, "asked": editing.read_asked(form)}


@blueprint.post("/<command_id>/act")
@needs(Role.EDITOR)
def act(slug: str, command_id: str) -> Response:
    """Move, switch, copy or delete a command."""
    wanted = request.form.get("act", "")
    if wanted == "delete":
        return _delete(slug, command_id)
    copy_id = bench.new_id()
    edits = {
        "up": lambda commands: editing.moved(commands, command_id, -1),
        "down": lambda commands: editing.moved(commands, command_id, 1),
        "toggle": lambda commands: editing.toggled(commands, command_id),
        "duplicate": lambda commands: editing.duplicated(commands, command_id, copy_id),
    }
    brain = drafts.change_commands(slug, edits.get(wanted) or abort(400))
    if wanted == "duplicate":
        return redirect(url_for("commands.command", slug=slug, command_id=copy_id))
    if not partial():
        return redirect(url_for("brains.workbench", slug=slug))
    return _listed(brain)


@blueprint.post("/restore")
@needs(Role.EDITOR)
def restore(slug: str) -> Response:
    """Put a deleted command back where it was."""
    try:
        kept = json.loads(request.form.get("value", ""))
        place, deleted = int(kept["place"]), dict(kept["command"])
    except (ValueError, KeyError, TypeError):
        abort(400)

    def put_back(commands: list[editing.Command]) -> list[editing.Command]:
        known = editing.find(commands, deleted.get("id", "")) is not None
        return commands if known else [*commands[:place], deleted, *commands[place:]]

    drafts.change_commands(slug, put_back)
    return redirect(url_for("commands.command", slug=slug, command_id=deleted.get("id", "")))


def _delete(slug: str, command_id: str) -> Response:
    commands = drafts.opened(slug).draft.get("commands", [])
    place = editing.find(commands, command_id)
    if place is None:
        abort(404)
    kept = json.dumps({"place": place, "command": commands[place]})
    drafts.change_commands(slug, lambda all_: [each for each in all_ if each.get("id") != command_id])
    name = commands[place].get("name") or "The command"
    answers.undoable(f"“{name}” is deleted from the draft.", url_for("commands.restore", slug=slug), kept)
    return redirect(url_for("brains.workbench", slug=slug))


def _saved(brain: Brain, edited: editing.Command) -> Response:
    """Answer with the save state, and what a saved command changes elsewhere on the page."""
    context: dict[str, Any] = bench.editor(brain, edited)
    parts = [
        fragment("brains/fragments.html", "saved", **context),
        fragment("brains/fragments.html", "around", **context),
        fragment("brains/fragments.html", "base", **context),
    ]
    return Response("".join(parts), mimetype="text/html")


def _listed(brain: Brain) -> Response:
    context = bench.scene(brain, "overview")
    parts = [
        fragment(bench.TEMPLATE, "list", **context),
        fragment("brains/fragments.html", "state", **context),
    ]
    return Response("".join(parts), mimetype="text/html")


def _refused(slug: str, edited: editing.Command, saved: str, problem: str, status: int) -> Response:
    context = bench.editor(drafts.opened(slug), edited, saved=saved, problem=problem)
    if not partial():
        base = {"base": request.form.get("base", "")}
        return show(bench.TEMPLATE, status=status, **{**context, **base})
    return Response(fragment("brains/fragments.html", "saved", **context), status, mimetype="text/html")
