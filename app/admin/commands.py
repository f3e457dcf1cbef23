"""The command editor of a workbench: saving, reshaping the form, and changes to the list."""

from typing import Any, Final

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import bench, bulk, drafts, editing, script_reference, sections, tree, undoing
from app.admin.answers import fragment, show
from app.admin.drafts import Change, CommandConflict
from app.admin.guard import needs
from app.web import partial

blueprint = Blueprint("commands", __name__, url_prefix="/brains/<slug>/commands")

# Beyond so many commands the list is not drawn again with every pause of typing.
_LONG: Final = 100


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
        change = drafts.save_command(slug, edited, base)
    except CommandConflict as error:
        return _refused(slug, edited, "conflict", str(error), 409)
    if not partial():
        return redirect(url_for("commands.command", slug=slug, command_id=command_id))
    return _saved(change, edited)


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
    if wanted == "duplicate":
        copies = {command_id: bench.new_id()}
        drafts.change_commands(slug, lambda commands: editing.duplicated(commands, copies))
        return redirect(url_for("commands.command", slug=slug, command_id=copies[command_id]))
    return tree.redrawn(drafts.change_at(slug, None, bulk.step(wanted, command_id) or abort(400)))


def _delete(slug: str, command_id: str) -> Response:
    def leave_out(draft: dict[str, Any]) -> dict[str, Any]:
        return {**draft, "commands": [each for each in draft.get("commands", []) if each["id"] != command_id]}

    command = bench.stored_command(drafts.opened(slug), command_id) or abort(404)
    change = drafts.change_at(slug, None, leave_out)
    undoing.offer(f"“{command.get('name') or 'The command'}” is deleted from the draft.", slug, change)
    return redirect(url_for("brains.workbench", slug=slug))


def _saved(change: Change, edited: editing.Command) -> Response:
    """Answer with the save state, and what a saved command changes elsewhere on the page."""
    context: dict[str, Any] = bench.editor(change.brain, edited)
    listed, more = _listed(change, edited)
    parts = [
        fragment("brains/fragments.html", part, **{**context, **more})
        for part in ("saved", listed, "around", "base")
    ]
    return Response("".join(parts), mimetype="text/html")


def _listed(change: Change, edited: editing.Command) -> tuple[str, dict[str, Any]]:
    """Choose what of the list is drawn again: all of it, or one row of a long list whose order is the same."""
    before, commands = change.before.get("commands", []), change.brain.draft["commands"]
    places = sections.matching_places(commands)
    was = next((each for each in before if each["id"] == edited["id"]), None)
    stays = was is not None and sections.group_of(was) == sections.group_of(edited)
    if len(commands) <= _LONG or not stays or sections.matching_places(before) != places:
        return "listed", {}
    return "row", {"stored": edited, "place": places[edited["id"]]}


def _refused(slug: str, edited: editing.Command, saved: str, problem: str, status: int) -> Response:
    context = bench.editor(drafts.opened(slug), edited, saved=saved, problem=problem)
    if not partial():
        base = {"base": request.form.get("base", "")}
        return show(bench.TEMPLATE, status=status, **{**context, **base})
    return Response(fragment("brains/fragments.html", "saved", **context), status, mimetype="text/html")
