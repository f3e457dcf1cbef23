"""Training of a brain's intents and its report: start, progress, cancel, examples taken out or moved."""

from typing import Final

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.intents import score_view
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import redirect_page, require_right
from app.admin.workbench import drafts, undo
from app.admin.workbench.view_model import Workbench, render_workbench
from app.brains.document.edits import intent_changes
from app.brains.versions import intent_trainings
from app.brains.versions.intent_trainings import NoIntents
from app.services import services
from app.signals import DomainError
from app.web import is_fragment_request, limiter

REPORT: Final = "report"  # the page that a form or a part belongs to; otherwise the list

blueprint = PageBlueprint(
    "intent_training",
    __name__,
    url_prefix="/brains/<slug>/intents/training",
    section="brains",
    targets=(
        Target(
            "show_report",
            "chart-bar",
            "Scores of intents",
            ("report", "accuracy", "confused", "training"),
            group=TargetGroup.BRAIN_PAGE,
            order=34,
        ),
    ),
)


class ExampleGone(DomainError):
    """The example was changed or removed meanwhile."""

    code = "example-gone"


@blueprint.post("/start")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("20 per minute")
def start(slug: str) -> Response:
    """Let a worker train the draft's intents."""
    brain, user_id, now = drafts.get_brain_or_404(slug), current_user.id, services().clock()
    brain_id = brain.id
    try:
        services().database.write(lambda session: intent_trainings.start(session, brain_id, user_id, now))
    except NoIntents as error:
        responses.flash_notice(str(error), "bad")
    return redirect(_get_page(slug))


@blueprint.post("/cancel")
@require_right(Right.WRITE_BRAINS)
def cancel(slug: str) -> Response:
    """End the training under way; nothing of it is kept."""
    brain_id, now = drafts.get_brain_or_404(slug).id, services().clock()
    if services().database.write(lambda session: intent_trainings.cancel(session, brain_id, now)):
        responses.flash_notice("The training is cancelled. Nothing was changed.")
    return redirect(_get_page(slug))


@blueprint.get("/progress")
@require_right(Right.READ_BRAINS)
def show_progress(slug: str) -> Response:
    """Show how far the training is; when it has ended, the page's scores as well."""
    brain = drafts.get_brain_or_404(slug)
    if not is_fragment_request():
        return redirect(_get_page(slug))
    page = request.args.get("page", "")
    if page == REPORT:
        context = score_view.build_training_context(brain)
        if "running" in request.args and not context["scores"].is_running:
            return redirect_page(url_for("intent_training.show_report", slug=slug))
    else:
        context = score_view.build_list_context(brain)
    return responses.show(
        "intents/training.html", "training", brain=brain, page=page, part_of_list=page != REPORT, **context
    )


@blueprint.get("/report")
@require_right(Right.READ_BRAINS)
def show_report(slug: str) -> Response:
    """Show how well the draft's intents are told apart."""
    brain = drafts.get_brain_or_404(slug)
    context = score_view.build_report_context(brain)
    return render_workbench(Workbench(brain, "intent_report"), page=REPORT, **context)


@blueprint.post("/move-example")
@require_right(Right.WRITE_BRAINS)
def move_example(slug: str) -> Response:
    """Take an example out of an intent, or move it to another one; it can be taken back."""
    name, to, shown = (request.form.get(field, "") for field in ("intent", "to", "example"))

    def edit(draft: drafts.Document) -> drafts.Document:
        edited = (
            intent_changes.move_example(draft, name, to, shown)
            if to
            else intent_changes.remove_example(draft, name, shown)
        )
        if edited is None:
            raise ExampleGone("This example was changed or removed meanwhile. Train again for a new report.")
        return edited

    try:
        change = drafts.change_at(slug, None, edit)
    except ExampleGone as error:
        responses.flash_notice(str(error), "bad")
    else:
        where = f"moved to “{to}”" if to else f"removed from “{name}”"
        undo.notify(f"“{shown[:60]}” is {where}.", slug, change)
    return redirect(url_for("intent_training.show_report", slug=slug))


def _get_page(slug: str) -> str:
    is_report = request.values.get("page") == REPORT
    return url_for("intent_training.show_report" if is_report else "intents.list_intents", slug=slug)
