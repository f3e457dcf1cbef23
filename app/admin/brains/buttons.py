"""Buttons of an answer and the commands they lead to: link to a command that is there, or to a new one."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import Flask, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui.pages import PageBlueprint
from app.admin.ui.permissions import require_right
from app.admin.workbench import command_form, drafts, undo, view_model
from app.admin.workbench.command_editor import build_editor
from app.brains import limits
from app.brains.document.merge import find_free_name
from app.brains.examples import find_triggered_command
from app.brains.text import fold
from app.brains.triggers import KINDS
from app.brains.triggers.contract import Traits, build_button_turn
from app.text import parse_index
from app.web import is_fragment_request

blueprint = PageBlueprint("buttons", __name__, url_prefix="/brains/<slug>/commands", section="brains")

Draft = dict[str, Any]
Command = dict[str, Any]

NEW: Final = "new"
BUTTON: Final = "button"
# Fields of triggers that compare the whole title, which a press brings as the message's text.
_TITLE_FIELDS: Final = frozenset({"ids", "texts"})


def init_app(app: Flask) -> None:
    """Give the command editor the targets of buttons."""
    app.jinja_env.globals.update(
        find_button_target=find_target, list_button_targets=list_targets, is_last_command=command_form.is_last
    )


@blueprint.post("/<command_id>/buttons")
@require_right(Right.WRITE_BRAINS)
def set_targets(slug: str, command_id: str) -> Response:
    """Link the buttons of the form to the commands that are chosen beside them; `which` names one of them."""
    edited = command_form.read_command(request.form, command_id)
    titles = [title.strip() for title in request.form.getlist("button")]
    chosen = {
        title: request.form.get(f"press_{number}", "")
        for number, title in enumerate(titles)
        if title and request.form.get("which", str(number)) == str(number)
    }
    change = drafts.change_at(slug, None, lambda draft: _link_all(draft, chosen))
    for title, target in chosen.items():
        if change.before != change.after:
            undo.notify(_describe_link(change.after, title, target), slug, change)
    if not is_fragment_request():
        return redirect(url_for("commands.show_command", slug=slug, command_id=command_id))
    editor = build_editor(change.brain, edited)
    number = parse_index(request.form.get("which", ""))
    parts = [
        ("workbench/fragments.html", block) for block in ("targets", "other_targets", "listed", "around")
    ]
    text = view_model.render_parts(
        editor.workbench,
        [*parts, ("ui/notices.html", "fresh")],
        editor=editor,
        number=number or 0,
        titles=titles,
    )
    return Response(text, mimetype="text/html")


def find_target(draft: Mapping[str, Any], title: str) -> Mapping[str, Any] | None:
    """Return the command that a press of this button triggers; None when there is none."""
    return find_triggered_command(draft, build_button_turn(title))


def list_targets(draft: Mapping[str, Any]) -> Iterator[Command]:
    """Yield the commands that a button can lead to: those that need nothing besides the press."""
    for each in draft.get("commands", []):
        needs_more = any(argument.get("required", True) for argument in each.get("arguments", []))
        if not command_form.is_last(each) and not needs_more:
            yield each


def set_target(draft: Draft, title: str, target: str) -> Draft:
    """Return the draft with a button's title leading to a command's id, to a new one (“new”), or to none (empty)."""
    commands: list[Command] = [_unlink(each, title) for each in draft.get("commands", [])]
    if target == NEW:
        return {**draft, "commands": command_form.add(commands, _build_command(title, commands))}
    at = command_form.find(commands, target)
    if at is None:
        return {**draft, "commands": commands}
    found = commands[at]
    field = _get_traits(found).field
    if field not in _TITLE_FIELDS:
        # Its trigger cannot take the title of a button: a command of its own runs it.
        return {**draft, "commands": command_form.add(commands, _build_caller(title, commands, found))}
    trigger = found["trigger"]
    commands[at] = {**found, "trigger": {**trigger, field: [*trigger.get(field, ()), title]}}
    return {**draft, "commands": commands}


def _link_all(draft: Draft, chosen: Mapping[str, str]) -> Draft:
    for title, target in chosen.items():
        now = find_target(draft, title)
        if target != (now["id"] if now and not command_form.is_last(now) else ""):
            draft = set_target(draft, title, target)
    if len(draft.get("commands", [])) > limits.COMMANDS:
        abort(400)
    return draft


def _unlink(command: Command, title: str) -> Command:
    trigger = command.get("trigger", {})
    ids = list(trigger.get("ids") or ())
    kept = [each for each in ids if fold(str(each)).strip() != fold(title).strip()]
    return (
        command
        if trigger.get("kind") != BUTTON or kept == ids
        else {**command, "trigger": {**trigger, "ids": kept}}
    )


def _build_command(title: str, commands: list[Command]) -> Command:
    names = {fold(str(each.get("name") or "")) for each in commands}
    return {
        **command_form.BLANK,
        "id": view_model.generate_id(),
        "name": find_free_name(title, names),
        "trigger": {"kind": BUTTON, "ids": [title]},
    }


def _build_caller(title: str, commands: list[Command], target: Command) -> Command:
    source = f"ctx.call({str(target.get('name') or '')!r})\n"
    return {**_build_command(title, commands), "action": {"kind": "script", "source": source}}


def _describe_link(draft: Draft, title: str, target: str) -> str:
    found = find_target(draft, title)
    if target == NEW and found:
        return f"The command “{found.get('name')}” was created for this button. Its answer is still to be written."
    return f"“{title}” now leads to “{found.get('name')}”." if found else f"No command answers “{title}”."


def _get_traits(command: Mapping[str, Any]) -> Traits:
    kind = KINDS.get(str(command.get("trigger", {}).get("kind")), KINDS["command"])
    return kind.traits
