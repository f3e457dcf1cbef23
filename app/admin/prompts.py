"""The prompts of a workbench: list, editor, and trying one out."""

import json
from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, drafts, excerpts, prompt_form
from app.admin.answers import fragment, show
from app.admin.drafts import CommandConflict
from app.admin.guard import needs
from app.admin.trying import NotTried, turn_of
from app.bot import bot
from app.brains.ai.ledger import latest_calls, used
from app.brains.ai.providers import list_providers
from app.brains.models import Brain
from app.brains.preview import Attempt, Preview, preview
from app.brains.problems import InvalidDocument
from app.web import db, house, limiter, partial

blueprint = Blueprint("prompts", __name__, url_prefix="/brains/<slug>/prompts")

VARIABLES_CHARS = 20_000


@blueprint.get("/")
@needs(Role.VIEWER)
def overview(slug: str) -> Response:
    """List the prompts of a brain."""
    return show(bench.TEMPLATE, **_listed(drafts.opened(slug)))


@blueprint.post("/")
@needs(Role.EDITOR)
def create(slug: str) -> Response:
    """Make a prompt under a new name."""
    name = request.form.get("name", "").strip()
    brain = drafts.opened(slug)
    wrong = prompt_form.wrong_name(brain.draft, name)
    if wrong:
        return show(bench.TEMPLATE, status=422, **{**_listed(brain), "wrong_name": wrong, "typed_name": name})
    drafts.change(slug, lambda draft: prompt_form.added(draft, name))
    return redirect(url_for("prompts.prompt", slug=slug, name=name))


@blueprint.get("/<name>")
@needs(Role.VIEWER)
def prompt(slug: str, name: str) -> Response:
    """Show the editor of one prompt."""
    brain = drafts.opened(slug)
    return show(bench.TEMPLATE, **_editor(brain, _found(brain, name)))


@blueprint.post("/<name>")
@needs(Role.EDITOR)
def save(slug: str, name: str) -> Response:
    """Save the form into the draft, right or wrong; what was typed is never lost."""
    _found(drafts.opened(slug), name)
    edited = prompt_form.read(request.form, name)
    base = None if "force" in request.form else request.form.get("base")
    try:
        brain = drafts.change(slug, lambda draft: _replaced(draft, edited, base))
    except CommandConflict as error:
        brain = drafts.opened(slug)
        context = _editor(
            brain, edited, saved="conflict", problem=str(error), base=request.form.get("base", "")
        )
        if partial():
            return Response(
                fragment("brains/prompt_state.html", "saved", **context), 409, mimetype="text/html"
            )
        return show(bench.TEMPLATE, status=409, **context)
    if not partial():
        return redirect(url_for("prompts.prompt", slug=slug, name=name))
    context = _editor(brain, edited)
    parts = [fragment("brains/prompt_state.html", block, **context) for block in ("saved", "around")]
    return Response("".join(parts), mimetype="text/html")


@blueprint.post("/<name>/rename")
@needs(Role.EDITOR)
def rename(slug: str, name: str) -> Response:
    """Give a prompt another name, also where commands ask it."""
    brain = drafts.opened(slug)
    found, wanted = _found(brain, name), request.form.get("new_name", "").strip()
    wrong = (
        ""
        if wanted == name
        else prompt_form.wrong_name({**brain.draft, "prompts": _others(brain, name)}, wanted)
    )
    if wrong:
        return show(
            bench.TEMPLATE, status=422, **{**_editor(brain, found), "wrong_name": wrong, "typed_name": wanted}
        )
    drafts.change(slug, lambda draft: prompt_form.renamed(draft, name, wanted))
    answers.notice("Renamed. Scripts that ask it by its old name need the new one.")
    return redirect(url_for("prompts.prompt", slug=slug, name=wanted))


@blueprint.post("/<name>/delete")
@needs(Role.EDITOR)
def delete(slug: str, name: str) -> Response:
    """Delete a prompt from the draft; it can be put back."""
    kept = json.dumps(_found(drafts.opened(slug), name))
    drafts.change(slug, lambda draft: prompt_form.removed(draft, name))
    answers.undoable(f"“{name}” is deleted from the draft.", url_for("prompts.restore", slug=slug), kept)
    return redirect(url_for("prompts.overview", slug=slug))


@blueprint.post("/restore")
@needs(Role.EDITOR)
def restore(slug: str) -> Response:
    """Put a deleted prompt back."""
    try:
        kept = dict(json.loads(request.form.get("value", "")))
        name = str(kept["name"])
    except (ValueError, KeyError, TypeError):
        abort(400)

    def put_back(draft: dict[str, Any]) -> dict[str, Any]:
        known = prompt_form.find(draft, name) is not None
        return draft if known else {**draft, "prompts": [*prompt_form.prompts_of(draft), kept]}

    drafts.change(slug, put_back)
    return redirect(url_for("prompts.prompt", slug=slug, name=name))


@blueprint.post("/<name>/try")
@needs(Role.EDITOR)
@limiter.limit("30 per minute")
def try_prompt(slug: str, name: str) -> Response:
    """Show what the model would be asked and, when wanted, what it answers; nothing is sent to anybody."""
    brain = drafts.opened(slug)
    stored = _found(brain, name)
    typed = prompt_form.read(request.form, name) if "user" in request.form else stored
    try:
        context, status = {"seen": _previewed(brain, typed), "refused": ""}, 200
    except NotTried as error:
        context, status = {"seen": None, "refused": str(error)}, 422
    context = {**context, "shown_lines": _lines(context["seen"])}
    if partial():
        return show("brains/prompt_tried.html", "result", status=status, **context)
    return show(bench.TEMPLATE, status=status, **{**_editor(brain, typed), **context, "typed": request.form})


def _previewed(brain: Brain, typed: prompt_form.Prompt) -> Preview:
    turn = turn_of(request.form, request.form.get("try_text", "").strip()[:4096] or "Hello")
    attempt = Attempt(brain.draft, brain.id, typed, turn, _variables(request.form.get("try_vars", "")))
    wanted = bot().capabilities if "ask" in request.form else None
    try:
        return preview(attempt, bot().sandbox, wanted)
    except InvalidDocument as error:
        raise NotTried(f"{error.problems[0].message} Repair this first: {error.problems[0].path}.") from error


def _variables(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = json.loads(text[:VARIABLES_CHARS])
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise NotTried('Values must be written as JSON, for example {"tone": "friendly"}.')
    return value


def _lines(seen: Preview | None) -> list[excerpts.CodeLine]:
    fault = seen.fault if seen else None
    return excerpts.code_lines(fault.excerpt, fault.line, fault.column, fault.end_column) if fault else []


def _replaced(draft: dict[str, Any], edited: prompt_form.Prompt, base: str | None) -> dict[str, Any]:
    stored = prompt_form.find(draft, edited["name"])
    if base is not None and drafts.fingerprint(stored) != base:
        raise CommandConflict("Somebody else has changed this prompt since you opened it.")
    return prompt_form.replaced(draft, edited)


def _others(brain: Brain, name: str) -> list[prompt_form.Prompt]:
    return [each for each in prompt_form.prompts_of(brain.draft) if each["name"] != name]


def _found(brain: Brain, name: str) -> prompt_form.Prompt:
    return prompt_form.find(brain.draft, name) or abort(404)


def _listed(brain: Brain) -> dict[str, Any]:
    return bench.scene(
        brain,
        "prompts",
        prompts=prompt_form.prompts_of(brain.draft),
        users_of=prompt_form.users_of,
        LIMITS=prompt_form.LIMITS,
        providers=list_providers(db.session()),
        used=used(db.session(), brain.id, house().clock()),
    )


def _editor(brain: Brain, shown: prompt_form.Prompt, **more: Any) -> dict[str, Any]:
    """Gather what the editor of a prompt needs; `more` overrides."""
    stored = prompt_form.find(brain.draft, shown["name"])
    place = next((i for i, each in enumerate(brain.draft.get("prompts") or []) if each is stored), -1)
    scene = _listed(brain)
    memory = shown.get("memory")
    return {
        **scene,
        "view": "prompt",
        "prompt": shown,
        "turns": memory.get("turns", 0) if isinstance(memory, dict) else 0,
        "base": drafts.fingerprint(stored),
        "saved": "idle",
        "problem": "",
        **{
            name: [each for each in scene[kind] if each.path.startswith(f"prompts.{place}.")]
            for name, kind in (("own_problems", "found"), ("own_hints", "hints"))
        },
        "users": prompt_form.users_of(brain.draft, shown["name"]),
        "calls": latest_calls(db.session(), brain.id, shown["name"]),
        **more,
    }
