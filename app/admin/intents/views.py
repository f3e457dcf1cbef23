"""Pages of intents: list, editor, rename, delete and put back."""

import json
from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.intents import intent_form, message_reading, score_view
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import redirect_page, require_right
from app.admin.workbench import drafts
from app.admin.workbench.drafts import CommandConflict
from app.admin.workbench.view_model import Workbench, render_parts, render_workbench
from app.brains import limits
from app.brains.document.edits import intent_changes
from app.brains.document.edits.intent_changes import IntentData
from app.brains.document.validation import ValidationProblem
from app.brains.versions.models import Brain
from app.services import services
from app.text import parse_json, to_storable_data
from app.web import is_fragment_request, limiter

blueprint = PageBlueprint(
    "intents",
    __name__,
    url_prefix="/brains/<slug>/intents",
    section="brains",
    targets=(
        Target(
            "list_intents",
            "message-circle",
            "Intents",
            ("nlu", "understand", "examples", "entities", "train"),
            group=TargetGroup.BRAIN_PAGE,
            order=32,
        ),
    ),
)

_CONFLICT = "Somebody else has changed this intent since you opened it."


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def list_intents(slug: str) -> Response:
    """List the intents of a brain, with their training."""
    return _show_list(drafts.get_brain_or_404(slug))


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
def create(slug: str) -> Response:
    """Make an intent under a new name."""
    name = request.form.get("name", "").strip()
    brain = drafts.get_brain_or_404(slug)
    wrong = intent_form.check_name(brain.draft, name)
    if wrong:
        return _show_list(brain, status=422, wrong_name=wrong, typed_name=name)
    drafts.change(
        slug, lambda draft: intent_changes.replace_intent(draft, name, {"name": name, "examples": []})
    )
    return redirect(url_for("intents.show_intent", slug=slug, name=name))


@blueprint.get("/training/read")
@require_right(Right.READ_BRAINS)
@limiter.limit("120 per minute")
def read_message(slug: str) -> Response:
    """Say what a message means to the model that was trained last; nothing is sent."""
    brain, text = drafts.get_brain_or_404(slug), request.args.get("text", "").strip()[: limits.EXAMPLE_CHARS]
    reading = message_reading.read_message(brain, text, services().clock()) if text else None
    if is_fragment_request():
        return responses.show("intents/reading.html", "reading", reading=reading, brain=brain)
    return _show_list(brain, reading=reading, read_text=text)


@blueprint.get("/<name>")
@require_right(Right.READ_BRAINS)
def show_intent(slug: str, name: str) -> Response:
    """Show the editor of one intent."""
    brain = drafts.get_brain_or_404(slug)
    return _show_editor(brain, _find_or_404(brain, name))


@blueprint.post("/<name>")
@require_right(Right.WRITE_BRAINS)
def save(slug: str, name: str) -> Response:
    """Save the form into the draft, right or wrong; what was typed is never lost."""
    is_forced = "force" in request.form
    if not is_forced:
        _find_or_404(drafts.get_brain_or_404(slug), name)
    edited = intent_form.read(request.form, name)
    base = None if is_forced else request.form.get("base")
    try:
        brain = drafts.change(slug, lambda draft: _replace(draft, edited, base))
    except CommandConflict as error:
        brain = drafts.get_brain_or_404(slug)
        conflict = {
            "saved": "conflict",
            "problem": str(error),
            "base": request.form.get("base", ""),
            "conflict": drafts.compare_conflict(brain.draft, "intents", edited),
        }
        if is_fragment_request():
            return _render_save_state(brain, edited, ("saved",), 409, **conflict)
        return _show_editor(brain, edited, status=409, **conflict)
    if is_fragment_request():
        return _render_save_state(brain, edited, ("saved", "around"))
    return redirect(url_for("intents.show_intent", slug=slug, name=name))


@blueprint.post("/<name>/entities")
@require_right(Right.WRITE_BRAINS)
def change_entities(slug: str, name: str) -> Response:
    """Save the form, without the entity that is to be removed, and redraw the rows with a blank one."""
    _find_or_404(drafts.get_brain_or_404(slug), name)
    edited, base = intent_form.read(request.form, name), request.form.get("base")
    try:
        brain = drafts.change(slug, lambda draft: _replace(draft, edited, base))
    except CommandConflict as error:
        responses.flash_notice(f"{error} Save first, then add or remove entities.", "bad")
        return redirect_page(url_for("intents.show_intent", slug=slug, name=name))
    if is_fragment_request():
        return _render_save_state(brain, edited, ("rows", "state", "around"))
    return redirect(url_for("intents.show_intent", slug=slug, name=name))


@blueprint.post("/<name>/rename")
@require_right(Right.WRITE_BRAINS)
def rename(slug: str, name: str) -> Response:
    """Give an intent another name, also in the commands whose trigger it is."""
    brain = drafts.get_brain_or_404(slug)
    found, wanted = _find_or_404(brain, name), request.form.get("new_name", "").strip()
    others = intent_changes.remove_intent(brain.draft, name)
    wrong = "" if wanted == name else intent_form.check_name(others, wanted)
    if wrong:
        return _show_editor(brain, found, status=422, wrong_name=wrong, typed_name=wanted)
    drafts.change(slug, lambda draft: intent_changes.rename_intent(draft, name, wanted))
    responses.flash_notice("Renamed, also in the commands that use it. Scripts and tests need the new name.")
    return redirect(url_for("intents.show_intent", slug=slug, name=wanted))


@blueprint.post("/<name>/delete")
@require_right(Right.WRITE_BRAINS)
def delete(slug: str, name: str) -> Response:
    """Delete an intent from the draft; it can be put back."""
    kept = json.dumps(_find_or_404(drafts.get_brain_or_404(slug), name))
    drafts.change(slug, lambda draft: intent_changes.remove_intent(draft, name))
    responses.flash_undo(f"“{name}” is deleted from the draft.", url_for("intents.restore", slug=slug), kept)
    return redirect(url_for("intents.list_intents", slug=slug))


@blueprint.post("/deleted/restore")
@require_right(Right.WRITE_BRAINS)
def restore(slug: str) -> Response:
    """Put a deleted intent back."""
    try:
        kept = dict(to_storable_data(parse_json(request.form.get("value", "").encode())))
        name = str(kept["name"])
    except (ValueError, KeyError, TypeError):
        abort(400)

    def put_back(draft: dict[str, Any]) -> dict[str, Any]:
        known = intent_changes.find_intent(draft, name) is not None
        return draft if known else intent_changes.replace_intent(draft, name, kept)

    drafts.change(slug, put_back)
    return redirect(url_for("intents.show_intent", slug=slug, name=name))


def _replace(draft: dict[str, Any], edited: IntentData, base: str | None) -> dict[str, Any]:
    stored = intent_changes.find_intent(draft, edited["name"])
    if base is not None and drafts.compute_fingerprint(stored) != base:
        raise CommandConflict(_CONFLICT)
    return intent_changes.replace_intent(draft, edited["name"], edited)


def _find_or_404(brain: Brain, name: str) -> IntentData:
    return intent_changes.find_intent(brain.draft, name) or abort(404)


def _show_list(brain: Brain, *, status: int = 200, **more: Any) -> Response:
    context = {**score_view.build_list_context(brain), "LIMITS": intent_form.LIMITS, **more}
    return render_workbench(Workbench(brain, "intents"), status=status, **context)


def _show_editor(brain: Brain, shown: IntentData, *, status: int = 200, **more: Any) -> Response:
    """Answer with the editor of an intent; `more` overrides what `_build_editor_context` gathers."""
    workbench = Workbench(brain, "intent")
    return render_workbench(workbench, status=status, **{**_build_editor_context(workbench, shown), **more})


def _render_save_state(
    brain: Brain, edited: IntentData, blocks: tuple[str, ...], status: int = 200, **more: Any
) -> Response:
    """Answer a save with its state and, in the block “around”, what it changes elsewhere on the page."""
    workbench = Workbench(brain, "intent")
    parts = [("intents/intent_state.html", block) for block in blocks]
    context = {**_build_editor_context(workbench, edited), **more}
    return Response(render_parts(workbench, parts, **context), status, mimetype="text/html")


def _build_editor_context(workbench: Workbench, shown: IntentData) -> dict[str, Any]:
    draft, name = workbench.brain.draft, shown["name"]
    place = f"intents.{intent_changes.find_place(draft, name)}"
    examples = intent_changes.list_examples(shown)
    return {
        "intent": shown,
        "examples": examples,
        "languages": intent_form.count_languages(examples),
        "repeated": intent_changes.list_repeated(examples),
        "all_intents": intent_changes.list_intents(draft),
        "entity_rows": intent_form.list_entity_rows(shown, blank=True),
        "ENTITY_KINDS": intent_form.ENTITY_KINDS,
        "LIMITS": intent_form.LIMITS,
        "base": drafts.compute_fingerprint(intent_changes.find_intent(draft, name)),
        "saved": "idle",
        "problem": "",
        "own_problems": [each for each in workbench.problems if _is_under(each, place)],
        "own_hints": [each for each in workbench.hints if _is_under(each, place)],
        "users": intent_changes.list_using_commands(draft, name),
    }


def _is_under(problem: ValidationProblem, place: str) -> bool:
    return problem.path == place or problem.path.startswith(f"{place}.")
