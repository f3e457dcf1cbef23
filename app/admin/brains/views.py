"""Brain pages: list, creation, workbench overview, settings, archive, YAML export."""

from collections.abc import Sequence
from typing import Any

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.pages import MenuItem, PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.ui.time_format import normalise_zone
from app.admin.workbench import drafts, settings_form
from app.admin.workbench.view_model import Workbench, explain_text, render_parts, render_workbench
from app.brains.ai.provider_store import list_providers
from app.brains.ai.usage import read_month
from app.brains.document.gallery import build_demo_document
from app.brains.document.validation import ValidationProblem
from app.brains.lint import Finding
from app.brains.versions import rollouts, slugs, store
from app.brains.versions.models import Brain
from app.request_input import read_page
from app.services import services
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "brains",
    __name__,
    url_prefix="/brains",
    targets=(
        Target("show_list", "brain", "Brains", ("bots",), order=20, menu=MenuItem("g b")),
        Target(
            "show_list",
            "plus",
            "New brain",
            ("create", "make", "add"),
            anchor="new-brain",
            group=TargetGroup.ACTION,
            order=10,
            permission="brains.create",
        ),
        Target(
            "show_workbench",
            "list",
            "Commands",
            ("workbench", "overview", "editor"),
            group=TargetGroup.BRAIN_PAGE,
            order=10,
        ),
        Target(
            "show_settings",
            "settings",
            "Settings",
            ("grants", "groups", "prefixes", "time zone"),
            group=TargetGroup.BRAIN_PAGE,
            order=100,
        ),
        Target(
            "show_workbench",
            "rocket",
            "Publish",
            ("go live", "deploy", "release"),
            anchor="publish",
            group=TargetGroup.BRAIN_ACTION,
            order=20,
            permission="publish.publish",
        ),
        Target(
            "export",
            "download",
            "Export as YAML",
            ("download", "backup", "share"),
            group=TargetGroup.BRAIN_ACTION,
            order=50,
        ),
    ),
)

PAGE_SIZE = 24
# Where in a document the settings page looks for problems.
_PART_PATHS = {"general": ("settings", "title"), "grants": ("grants",), "groups": ("groups",)}
SETTINGS_PATHS = ("settings", "title", "grants", "groups")


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_list() -> Response:
    """List the brains."""
    session, search = db.session(), request.args.get("q", "")[:100]
    page = read_page()
    brains = store.list_brains(session, search, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    return show(
        "brains/list.html",
        "rows",
        brains=brains,
        tried=rollouts.list_active_by_brain(session, [brain.id for brain in brains]),
        total=store.count_brains(session, search),
        search=search,
        page=page,
        per_page=PAGE_SIZE,
    )


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
def create() -> Response:
    """Make a brain, blank or from the demo."""
    title = request.form.get("title", "").strip()
    if not 1 <= len(title) <= 100:
        responses.flash_notice("Give the brain a name of 1 to 100 characters.", "bad")
        return redirect(url_for("brains.show_list"))
    document = build_demo_document() if request.form.get("start") == "demo" else {"commands": []}
    return redirect(url_for("brains.show_workbench", slug=create_brain(title, document).slug))


@blueprint.get("/<slug>")
@require_right(Right.READ_BRAINS)
def show_workbench(slug: str) -> Response:
    """Show the workbench of a brain."""
    return render_workbench(Workbench(drafts.get_brain_or_404(slug), "overview"))


@blueprint.get("/<slug>/settings")
@require_right(Right.READ_BRAINS)
def show_settings(slug: str) -> Response:
    """Show what holds for the whole brain."""
    return _show_settings(drafts.get_brain_or_404(slug))


@blueprint.post("/<slug>/settings")
@require_right(Right.WRITE_BRAINS)
def save_settings(slug: str) -> Response:
    """Save one of the settings' forms into the draft, right or wrong."""
    brain = drafts.change(slug, settings_form.build_edit(request.form))
    problems = drafts.find_problems(brain.draft, brain.id)
    wrong = [each for each in problems if each.path.startswith(SETTINGS_PATHS)]
    if is_fragment_request():
        return _render_settings_state(brain, request.form.get("part", "general"), wrong)
    if wrong:
        return _show_settings(brain, wrong)
    responses.flash_notice("The settings are saved in the draft.")
    return redirect(url_for("brains.show_settings", slug=slug))


@blueprint.get("/<slug>/try")
@require_right(Right.READ_BRAINS)
def try_text(slug: str) -> Response:
    """Say which command matches a text."""
    brain, text = drafts.get_brain_or_404(slug), request.args.get("text", "").strip()[:4096]
    if not is_fragment_request():
        return render_workbench(Workbench(brain, "overview"))
    answer: dict[str, Any] = explain_text(brain, text) if text else {"text": ""}
    return show("testing/try_page.html", "lines", **answer)


@blueprint.post("/<slug>/archive")
@require_right(Right.WRITE_BRAINS)
def archive(slug: str) -> Response:
    """Put a brain away; it can come back for 30 days."""
    brain, now = drafts.get_brain_or_404(slug), services().clock()
    brain_id = brain.id
    services().database.write(lambda session: store.archive(session, brain_id, now))
    responses.flash_undo(f"“{brain.title}” is archived.", url_for("brains.restore", brain_id=brain_id))
    return redirect(url_for("brains.show_list"))


@blueprint.post("/restore/<int:brain_id>")
@require_right(Right.WRITE_BRAINS)
def restore(brain_id: int) -> Response:
    """Bring a brain back."""
    now = services().clock()
    brain = services().database.write(lambda session: store.restore(session, brain_id, now))
    return redirect(url_for("brains.show_workbench", slug=brain.slug))


@blueprint.get("/<slug>/export.yaml")
@require_right(Right.READ_BRAINS)
def export(slug: str) -> Response:
    """Download the draft as YAML."""
    brain = drafts.get_brain_or_404(slug)
    return responses.send_yaml(brain.draft, brain.slug)


def create_brain(title: str, document: dict[str, Any]) -> Brain:
    """Make a brain with a first draft in the operator's time zone."""
    rules = {"timezone": normalise_zone(current_user.timezone), **document.get("settings", {})}
    now = services().clock()
    return services().database.write(
        lambda session: store.create_brain(
            session, slugs.find_free_slug(session, title), title, {**document, "settings": rules}, now
        )
    )


def _show_settings(brain: Brain, wrong: Sequence[ValidationProblem] = ()) -> Response:
    """Answer with the settings; `wrong` are the problems of what was just saved."""
    workbench = Workbench(brain, "settings")
    rules = brain.draft.get("settings", {})
    return render_workbench(
        workbench,
        status=422 if wrong else 200,
        prefixes=" ".join(map(str, rules.get("prefixes", ["!"]))),
        timezone=rules.get("timezone", "UTC"),
        language=rules.get("language", "en"),
        strict=bool(rules.get("strict")),
        session_minutes=rules.get("session_minutes", 0),
        ask_back=settings_form.get_question(brain.draft),
        burst_seconds=rules.get("burst_seconds", 0),
        min_accuracy=rules.get("min_accuracy", 0),
        max_accuracy_drop=rules.get("max_accuracy_drop", 0),
        grants=settings_form.get_grants(brain.draft),
        capabilities=settings_form.list_capabilities(),
        groups=settings_form.list_group_rows(brain.draft),
        ai_used=read_month(db.session(), brain.id, services().clock()),
        ai_names=[each.name for each in list_providers(db.session())],
        LIMITS=settings_form.LIMITS,
        wrong=wrong,
        own_findings=[each for each in workbench.findings if _is_settings_problem(each)],
    )


def _render_settings_state(brain: Brain, part: str, wrong: Sequence[ValidationProblem]) -> Response:
    """Answer a save while the page stays: whether it is saved, what is wrong, and what it changes elsewhere."""
    shown = [each for each in wrong if each.path.startswith(_PART_PATHS.get(part, ()))]
    text = render_parts(
        Workbench(brain, "settings"),
        [("workbench/settings_state.html", block) for block in ("saved", "around")],
        part=part if part in _PART_PATHS else "general",
        wrong=shown,
        groups=settings_form.list_group_rows(brain.draft),
    )
    return Response(text, mimetype="text/html")


def _is_settings_problem(problem: ValidationProblem) -> bool:
    """Tell whether a problem is one of the settings, or one that they cause in a command."""
    code = problem.code if isinstance(problem, Finding) else ""
    return problem.path.startswith(SETTINGS_PATHS) or code in {"missing-grant", "host-not-allowed"}
