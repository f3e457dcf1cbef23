"""Command editor requests: show, save, redraw the form, and list actions (move, copy, delete)."""

from collections.abc import Sequence
from typing import Any, Final

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.brains import bulk
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.workbench import (
    command_form,
    command_list,
    command_list_view,
    drafts,
    script_reference,
    undo,
    view_model,
)
from app.admin.workbench.command_editor import CommandEditor, TypedAnswers, build_editor
from app.admin.workbench.drafts import CommandConflict, DraftChange
from app.brains.versions.models import Brain
from app.text import parse_index
from app.web import is_fragment_request

blueprint = PageBlueprint(
    "commands",
    __name__,
    url_prefix="/brains/<slug>/commands",
    section="brains",
    targets=(
        Target(
            "show_new", "plus", "New command", ("add", "create"), group=TargetGroup.BRAIN_ACTION, order=10
        ),
    ),
)

# Beyond so many commands the list is not drawn again with every pause of typing.
_MAX_FULL_REDRAW: Final = 100


@blueprint.get("/new")
@require_right(Right.WRITE_BRAINS)
def show_new(slug: str) -> Response:
    """Show the editor for a command that is not stored yet."""
    return _show_blank(drafts.get_brain_or_404(slug), view_model.generate_id())


@blueprint.get("/<command_id>")
@require_right(Right.READ_BRAINS)
def show_command(slug: str, command_id: str) -> Response:
    """Show the editor of one command."""
    brain = drafts.get_brain_or_404(slug)
    found = view_model.find_command(brain, command_id)
    if found is None and "new" in request.args and current_user.has_right(Right.WRITE_BRAINS):
        # Left while it was typed for the first time: its form is kept at this address until it is saved.
        return _show_blank(brain, command_id)
    return _show_editor(build_editor(brain, found or abort(404)))


@blueprint.post("/<command_id>")
@require_right(Right.WRITE_BRAINS)
def save(slug: str, command_id: str) -> Response:
    """Save the form into the draft, right or wrong; what was typed is never lost."""
    edited = command_form.read_command(request.form, command_id)
    base = None if "force" in request.form else request.form.get("base")
    try:
        change = drafts.save_command(slug, edited, base)
    except CommandConflict as error:
        return _render_conflict(slug, edited, str(error))
    if not is_fragment_request():
        return redirect(url_for("commands.show_command", slug=slug, command_id=command_id))
    return _render_saved(change, edited)


@blueprint.post("/<command_id>/shape")
@require_right(Right.WRITE_BRAINS)
def redraw_form(slug: str, command_id: str) -> Response:
    """Draw the form again from what is typed: another trigger or kind of answer, more or fewer rows."""
    form = request.form
    edited = command_form.read_command(form, command_id)
    act, _, place = form.get("do", "").partition(":")
    if act == "add-argument":
        edited["arguments"] = [*edited.get("arguments", []), {"name": "", "type": "word"}]
    elif act == "drop-argument":
        edited["arguments"] = [
            each for i, each in enumerate(edited.get("arguments", [])) if i != parse_index(place)
        ]
    brain = drafts.get_brain_or_404(slug)
    editor = build_editor(
        brain,
        edited,
        saved="new",
        is_new=view_model.find_command(brain, command_id) is None,
        # Drawing is not saving: the form stays bound to what it was opened with.
        opened_as=form.get("base", ""),
        typed=_read_typed_answers(form, edited, act, place),
    )
    return _show_editor(editor, "editor")


def _read_typed_answers(
    form: command_form.Form, edited: command_form.Command, act: str, place: str
) -> TypedAnswers:
    """Keep all kinds of answer as typed, so that a look at another kind costs nothing."""
    reply, source = command_form.read_reply(form), command_form.read_source(form)
    if act == "add-variant":
        reply["texts"] = [*reply["texts"], ""]
    elif act == "drop-variant":
        reply["texts"] = [text for i, text in enumerate(reply["texts"]) if str(i) != place] or [""]
    if edited["action"]["kind"] == "script" and not source.strip():
        source = script_reference.STARTER_SCRIPT
    return TypedAnswers(reply, source, command_form.read_prompt_answer(form))


@blueprint.post("/<command_id>/act")
@require_right(Right.WRITE_BRAINS)
def act(slug: str, command_id: str) -> Response:
    """Move, switch, copy or delete a command."""
    wanted = request.form.get("act", "")
    if wanted == "delete":
        return _delete(slug, command_id)
    if wanted == "duplicate":
        copies = {command_id: view_model.generate_id()}
        drafts.change_commands(slug, lambda commands: command_form.duplicate(commands, copies))
        return redirect(url_for("commands.show_command", slug=slug, command_id=copies[command_id]))
    return command_list_view.render_change(
        drafts.change_at(slug, None, bulk.build_row_edit(wanted, command_id) or abort(400))
    )


def _delete(slug: str, command_id: str) -> Response:
    def leave_out(draft: dict[str, Any]) -> dict[str, Any]:
        return {**draft, "commands": [each for each in draft.get("commands", []) if each["id"] != command_id]}

    command = view_model.find_command(drafts.get_brain_or_404(slug), command_id) or abort(404)
    change = drafts.change_at(slug, None, leave_out)
    undo.notify(f"“{command.get('name') or 'The command'}” is deleted from the draft.", slug, change)
    return redirect(url_for("brains.show_workbench", slug=slug))


def _render_saved(change: DraftChange, edited: command_form.Command) -> Response:
    """Answer with the save state, and what a saved command changes elsewhere on the page."""
    editor = build_editor(change.brain, edited)
    listed, more = _choose_list_part(change, edited)
    titles = [title.strip() for title in request.form.getlist("button")]
    return _render_fragments(
        editor, ("saved", listed, "around", "other_targets", "base"), titles=titles, **more
    )


def _choose_list_part(change: DraftChange, edited: command_form.Command) -> tuple[str, dict[str, Any]]:
    """Choose what of the list is drawn again: all of it, or one row of a long list whose order is the same."""
    before, commands = change.before.get("commands", []), change.brain.draft["commands"]
    places = command_list.compute_match_order(commands)
    was = next((each for each in before if each["id"] == edited["id"]), None)
    stays = was is not None and command_list.get_group(was) == command_list.get_group(edited)
    if len(commands) <= _MAX_FULL_REDRAW or not stays or command_list.compute_match_order(before) != places:
        return "listed", {}
    return "row", {"stored": edited, "place": places[edited["id"]]}


def _render_conflict(slug: str, edited: command_form.Command, problem: str) -> Response:
    """Answer a save that somebody else has come before, with what differs."""
    brain, base = drafts.get_brain_or_404(slug), request.form.get("base", "")
    editor = build_editor(brain, edited, saved="conflict", problem=problem, opened_as=base)
    conflict = drafts.compare_conflict(brain.draft, "commands", edited)
    if is_fragment_request():
        return _render_fragments(editor, ("saved",), 409, conflict=conflict)
    return _show_editor(editor, status=409, conflict=conflict)


def _show_blank(brain: Brain, command_id: str) -> Response:
    command = {**command_form.BLANK, "id": command_id}
    return _show_editor(build_editor(brain, command, saved="new", is_new=True))


def _show_editor(
    editor: CommandEditor, part: str | None = None, *, status: int = 200, **more: Any
) -> Response:
    return view_model.render_workbench(editor.workbench, part, status=status, editor=editor, **more)


def _render_fragments(
    editor: CommandEditor, blocks: Sequence[str], status: int = 200, **more: Any
) -> Response:
    parts = [("workbench/fragments.html", block) for block in blocks]
    text = view_model.render_parts(editor.workbench, parts, editor=editor, **more)
    return Response(text, status, mimetype="text/html")
