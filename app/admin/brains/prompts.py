"""Prompt pages of a workbench: list, editor, test of a prompt."""

import json
from collections.abc import Sequence
from typing import Any

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.testing.try_command import TryError, build_turn
from app.admin.ui import marks, responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.workbench import drafts, prompt_form
from app.admin.workbench.drafts import CommandConflict
from app.admin.workbench.view_model import Workbench, render_parts, render_workbench
from app.brains.ai.provider_store import list_providers
from app.brains.ai.usage import list_latest_calls, read_month
from app.brains.document.validation import InvalidDocument
from app.brains.runtime.prompt_preview import Preview, PreviewRequest, preview_prompt
from app.brains.versions.models import Brain
from app.services import services
from app.text import parse_json, to_storable_data
from app.web import db, is_fragment_request, limiter

blueprint = PageBlueprint(
    "prompts",
    __name__,
    url_prefix="/brains/<slug>/prompts",
    section="brains",
    targets=(Target("list_prompts", "wand", "Prompts", ("ai",), group=TargetGroup.BRAIN_PAGE, order=30),),
)

VARIABLES_CHARS = 20_000


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def list_prompts(slug: str) -> Response:
    """List the prompts of a brain."""
    return _show_list(drafts.get_brain_or_404(slug))


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
def create(slug: str) -> Response:
    """Make a prompt under a new name."""
    name = request.form.get("name", "").strip()
    brain = drafts.get_brain_or_404(slug)
    wrong = prompt_form.check_name(brain.draft, name)
    if wrong:
        return _show_list(brain, status=422, wrong_name=wrong, typed_name=name)
    drafts.change(slug, lambda draft: prompt_form.add(draft, name))
    return redirect(url_for("prompts.show_prompt", slug=slug, name=name))


@blueprint.get("/<name>")
@require_right(Right.READ_BRAINS)
def show_prompt(slug: str, name: str) -> Response:
    """Show the editor of one prompt."""
    brain = drafts.get_brain_or_404(slug)
    return _show_editor(brain, _find_or_404(brain, name))


@blueprint.post("/<name>")
@require_right(Right.WRITE_BRAINS)
def save(slug: str, name: str) -> Response:
    """Save the form into the draft, right or wrong; what was typed is never lost."""
    _find_or_404(drafts.get_brain_or_404(slug), name)
    edited = prompt_form.read(request.form, name)
    base = None if "force" in request.form else request.form.get("base")
    try:
        brain = drafts.change(slug, lambda draft: _replace_prompt(draft, edited, base))
    except CommandConflict as error:
        brain = drafts.get_brain_or_404(slug)
        conflict = {
            "saved": "conflict",
            "problem": str(error),
            "base": request.form.get("base", ""),
            "conflict": drafts.compare_conflict(brain.draft, "prompts", edited),
        }
        if is_fragment_request():
            return _render_save_state(brain, edited, ("saved",), 409, **conflict)
        return _show_editor(brain, edited, status=409, **conflict)
    if is_fragment_request():
        return _render_save_state(brain, edited, ("saved", "around"))
    return redirect(url_for("prompts.show_prompt", slug=slug, name=name))


@blueprint.post("/<name>/rename")
@require_right(Right.WRITE_BRAINS)
def rename(slug: str, name: str) -> Response:
    """Give a prompt another name, also where commands ask it."""
    brain = drafts.get_brain_or_404(slug)
    found, wanted = _find_or_404(brain, name), request.form.get("new_name", "").strip()
    wrong = (
        ""
        if wanted == name
        else prompt_form.check_name({**brain.draft, "prompts": _others(brain, name)}, wanted)
    )
    if wrong:
        return _show_editor(brain, found, status=422, wrong_name=wrong, typed_name=wanted)
    drafts.change(slug, lambda draft: prompt_form.rename(draft, name, wanted))
    responses.flash_notice("Renamed. Scripts that use the old name need the new one.")
    return redirect(url_for("prompts.show_prompt", slug=slug, name=wanted))


@blueprint.post("/<name>/delete")
@require_right(Right.WRITE_BRAINS)
def delete(slug: str, name: str) -> Response:
    """Delete a prompt from the draft; it can be put back."""
    kept = json.dumps(_find_or_404(drafts.get_brain_or_404(slug), name))
    drafts.change(slug, lambda draft: prompt_form.remove(draft, name))
    responses.flash_undo(f"“{name}” is deleted from the draft.", url_for("prompts.restore", slug=slug), kept)
    return redirect(url_for("prompts.list_prompts", slug=slug))


@blueprint.post("/restore")
@require_right(Right.WRITE_BRAINS)
def restore(slug: str) -> Response:
    """Put a deleted prompt back."""
    try:
        kept = dict(to_storable_data(parse_json(request.form.get("value", "").encode())))
        name = str(kept["name"])
    except (ValueError, KeyError, TypeError):
        abort(400)

    def put_back(draft: dict[str, Any]) -> dict[str, Any]:
        known = prompt_form.find(draft, name) is not None
        return draft if known else {**draft, "prompts": [*prompt_form.list_prompts(draft), kept]}

    drafts.change(slug, put_back)
    return redirect(url_for("prompts.show_prompt", slug=slug, name=name))


@blueprint.post("/<name>/try")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("30 per minute")
def try_prompt(slug: str, name: str) -> Response:
    """Show what the model would be asked and, when wanted, what it answers; nothing is sent to anybody."""
    brain = drafts.get_brain_or_404(slug)
    stored = _find_or_404(brain, name)
    typed = prompt_form.read(request.form, name) if "user" in request.form else stored
    try:
        context, status = {"seen": _build_preview(brain, typed), "refused": ""}, 200
    except TryError as error:
        context, status = {"seen": None, "refused": str(error)}, 422
    context = {**context, "shown_lines": _lines(context["seen"])}
    if is_fragment_request():
        return show("testing/prompt_result.html", "result", status=status, **context)
    return _show_editor(brain, typed, status=status, typed=request.form, **context)


def _build_preview(brain: Brain, typed: prompt_form.Prompt) -> Preview:
    turn = build_turn(request.form, request.form.get("try_text", "").strip()[:4096] or "Hello")
    attempt = PreviewRequest(brain.draft, brain.id, typed, turn, _variables(request.form.get("try_vars", "")))
    wanted = services().capabilities if "ask" in request.form else None
    try:
        return preview_prompt(attempt, services().sandbox, wanted)
    except InvalidDocument as error:
        raise TryError(f"{error.problems[0].message} Repair this first: {error.problems[0].path}.") from error


def _variables(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text[:VARIABLES_CHARS])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TryError('Values must be written as JSON, for example {"tone": "friendly"}.')
    return value


def _lines(seen: Preview | None) -> list[marks.CodeLine]:
    fault = seen.sandbox_error if seen else None
    return marks.parse_code_lines(fault.excerpt, fault.line, fault.column, fault.end_column) if fault else []


def _replace_prompt(draft: dict[str, Any], edited: prompt_form.Prompt, base: str | None) -> dict[str, Any]:
    stored = prompt_form.find(draft, edited["name"])
    if base is not None and drafts.compute_fingerprint(stored) != base:
        raise CommandConflict("Somebody else has changed this prompt since you opened it.")
    return prompt_form.replace(draft, edited)


def _others(brain: Brain, name: str) -> list[prompt_form.Prompt]:
    return [each for each in prompt_form.list_prompts(brain.draft) if each["name"] != name]


def _find_or_404(brain: Brain, name: str) -> prompt_form.Prompt:
    return prompt_form.find(brain.draft, name) or abort(404)


def _show_list(brain: Brain, *, status: int = 200, **more: Any) -> Response:
    return render_workbench(Workbench(brain, "prompts"), status=status, **_build_list_context(brain), **more)


def _show_editor(brain: Brain, shown: prompt_form.Prompt, *, status: int = 200, **more: Any) -> Response:
    """Answer with the editor of a prompt; `more` overrides what `_build_editor_context` gathers."""
    workbench = Workbench(brain, "prompt")
    context = {**_build_list_context(brain), **_build_editor_context(workbench, shown), **more}
    return render_workbench(workbench, status=status, **context)


def _render_save_state(
    brain: Brain, edited: prompt_form.Prompt, blocks: Sequence[str], status: int = 200, **more: Any
) -> Response:
    """Answer a save with its state and, in the block “around”, what it changes elsewhere on the page."""
    workbench = Workbench(brain, "prompt")
    parts = [("workbench/prompt_state.html", block) for block in blocks]
    context = {**_build_editor_context(workbench, edited), **more}
    return Response(render_parts(workbench, parts, **context), status, mimetype="text/html")


def _build_list_context(brain: Brain) -> dict[str, Any]:
    return {
        "prompts": prompt_form.list_prompts(brain.draft),
        "users_of": prompt_form.list_using_commands,
        "LIMITS": prompt_form.LIMITS,
        "providers": list_providers(db.session()),
        "used": read_month(db.session(), brain.id, services().clock()),
    }


def _build_editor_context(workbench: Workbench, shown: prompt_form.Prompt) -> dict[str, Any]:
    draft = workbench.brain.draft
    stored = prompt_form.find(draft, shown["name"])
    place = next((i for i, each in enumerate(draft.get("prompts") or []) if each is stored), -1)
    problems, hints = workbench.list_findings_under(f"prompts.{place}.")
    memory = shown.get("memory")
    return {
        "prompt": shown,
        "turns": memory.get("turns", 0) if isinstance(memory, dict) else 0,
        "base": drafts.compute_fingerprint(stored),
        "saved": "idle",
        "problem": "",
        "own_problems": problems,
        "own_hints": hints,
        "users": prompt_form.list_using_commands(draft, shown["name"]),
        "calls": list_latest_calls(db.session(), workbench.brain.id, shown["name"]),
    }
