"""Brains: the list, making one, the workbench's own pages, and YAML in and out."""

from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, drafts, settings_form
from app.admin.answers import show
from app.admin.guard import needs
from app.admin.times import known_zone
from app.brains import rollouts, versions
from app.brains.ai.ledger import used
from app.brains.ai.providers import list_providers
from app.brains.gallery import demo_document
from app.brains.lint import Finding
from app.brains.models import Brain
from app.brains.problems import Problem
from app.web import db, house, partial

blueprint = Blueprint("brains", __name__, url_prefix="/brains")

PAGE = 24
# Where in a document the settings page looks for problems.
SETTINGS = ("settings", "title", "grants", "groups")


@blueprint.get("/")
@needs(Role.VIEWER)
def overview() -> Response:
    """List the brains."""
    session, search = db.session(), request.args.get("q", "")[:100]
    page = max(request.args.get("page", 1, type=int), 1)
    brains = versions.list_brains(session, search, limit=PAGE, offset=(page - 1) * PAGE)
    return show(
        "brains/list.html",
        "rows",
        brains=brains,
        tried=rollouts.actives(session, [brain.id for brain in brains]),
        total=versions.count_brains(session, search),
        search=search,
        page=page,
        per_page=PAGE,
    )


@blueprint.post("/")
@needs(Role.EDITOR)
def create() -> Response:
    """Make a brain, blank or from the demo."""
    title = request.form.get("title", "").strip()
    if not 1 <= len(title) <= 100:
        answers.notice("Give the brain a name of 1 to 100 characters.", "bad")
        return redirect(url_for("brains.overview"))
    document = demo_document() if request.form.get("start") == "demo" else {"commands": []}
    return redirect(url_for("brains.workbench", slug=make_brain(title, document).slug))


@blueprint.get("/<slug>")
@needs(Role.VIEWER)
def workbench(slug: str) -> Response:
    """Show the workbench of a brain."""
    return show(bench.TEMPLATE, **bench.scene(drafts.opened(slug), "overview"))


@blueprint.get("/<slug>/settings")
@needs(Role.VIEWER)
def settings(slug: str) -> Response:
    """Show what holds for the whole brain."""
    return show(bench.TEMPLATE, **_settings(drafts.opened(slug)))


@blueprint.post("/<slug>/settings")
@needs(Role.EDITOR)
def save_settings(slug: str) -> Response:
    """Save one of the settings' forms into the draft, right or wrong."""
    brain = drafts.change(slug, settings_form.edited(request.form))
    wrong = [each for each in drafts.found_problems(brain.draft, brain.id) if each.path.startswith(SETTINGS)]
    if wrong:
        return show(bench.TEMPLATE, status=422, **{**_settings(brain), "wrong": wrong})
    answers.notice("The settings are saved in the draft.")
    return redirect(url_for("brains.settings", slug=slug))


@blueprint.get("/<slug>/try")
@needs(Role.VIEWER)
def try_text(slug: str) -> Response:
    """Say what would fire on a text."""
    brain, text = drafts.opened(slug), request.args.get("text", "").strip()[:4096]
    if not partial():
        return show(bench.TEMPLATE, **bench.scene(brain, "overview"))
    answer: dict[str, Any] = bench.tried(brain, text) if text else {"text": ""}
    return show("brains/tried.html", "lines", **answer)


@blueprint.post("/<slug>/archive")
@needs(Role.EDITOR)
def archive(slug: str) -> Response:
    """Put a brain away; it can come back for 30 days."""
    brain, now = drafts.opened(slug), house().clock()
    brain_id = brain.id
    house().database.write(lambda session: versions.archive(session, brain_id, now))
    answers.undoable(f"“{brain.title}” is put away.", url_for("brains.restore", brain_id=brain_id))
    return redirect(url_for("brains.overview"))


@blueprint.post("/restore/<int:brain_id>")
@needs(Role.EDITOR)
def restore(brain_id: int) -> Response:
    """Bring a brain back."""
    now = house().clock()
    brain = house().database.write(lambda session: versions.restore(session, brain_id, now))
    return redirect(url_for("brains.workbench", slug=brain.slug))


@blueprint.get("/<slug>/export.yaml")
@needs(Role.VIEWER)
def export(slug: str) -> Response:
    """Download the draft as YAML."""
    brain = drafts.opened(slug)
    return answers.yaml_file(brain.draft, brain.slug)


def make_brain(title: str, document: dict[str, Any]) -> Brain:
    """Make a brain with a first draft in the operator's time zone."""
    rules = {"timezone": known_zone(current_user.timezone), **document.get("settings", {})}
    now = house().clock()
    return house().database.write(
        lambda session: versions.create_brain(
            session, versions.unique_slug(session, title), title, {**document, "settings": rules}, now
        )
    )


def _settings(brain: Brain) -> dict[str, Any]:
    rules = brain.draft.get("settings", {})
    shown = bench.scene(
        brain,
        "settings",
        prefixes=" ".join(map(str, rules.get("prefixes", ["!"]))),
        timezone=rules.get("timezone", "UTC"),
        language=rules.get("language", "en"),
        strict=bool(rules.get("strict")),
        session_minutes=rules.get("session_minutes", 0),
        burst_seconds=rules.get("burst_seconds", 0),
        grants=settings_form.grants_of(brain.draft),
        groups=settings_form.groups_of(brain.draft),
        ai_used=used(db.session(), brain.id, house().clock()),
        ai_names=[each.name for each in list_providers(db.session())],
        LIMITS=settings_form.LIMITS,
        wrong=[],
    )
    return {**shown, "own_findings": [each for each in shown["found"] + shown["hints"] if _of_settings(each)]}


def _of_settings(problem: Problem) -> bool:
    """Tell whether a problem is one of the settings, or one that they cause in a command."""
    code = problem.code if isinstance(problem, Finding) else ""
    return problem.path.startswith(SETTINGS) or code in {"missing-grant", "host-not-allowed"}
