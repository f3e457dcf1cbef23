"""Page of a brain's command errors: list, mark as resolved, reopen."""

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.workbench import drafts
from app.admin.workbench.view_model import Workbench, render_workbench
from app.bot import command_errors
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.services import services
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "command_errors",
    __name__,
    url_prefix="/brains/<slug>/errors",
    section="brains",
    targets=(
        Target(
            "list_errors",
            "alert-triangle",
            "Errors",
            ("failures", "faults"),
            group=TargetGroup.BRAIN_PAGE,
            order=60,
        ),
    ),
)


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def list_errors(slug: str) -> Response:
    """List the open errors, or the resolved ones."""
    return _show_errors(drafts.get_brain_or_404(slug))


@blueprint.post("/<int:error_id>/settle")
@require_right(Right.WRITE_BRAINS)
def settle(slug: str, error_id: int) -> Response:
    """Mark an error as dealt with; it opens again by itself when it comes back."""
    brain = drafts.get_brain_or_404(slug)
    brain_id, now = brain.id, services().clock()
    if services().database.write(lambda session: command_errors.settle(session, brain_id, error_id, now)):
        responses.flash_undo(
            "Resolved. It is opened again if it happens again.", _build_reopen_url(brain, error_id)
        )
    return _refresh_page(brain)


@blueprint.post("/<int:error_id>/reopen")
@require_right(Right.WRITE_BRAINS)
def reopen(slug: str, error_id: int) -> Response:
    """Reopen a resolved error."""
    brain = drafts.get_brain_or_404(slug)
    brain_id = brain.id
    services().database.write(lambda session: command_errors.reopen(session, brain_id, error_id))
    return _refresh_page(brain)


def _refresh_page(brain: Brain) -> Response:
    if not is_fragment_request():
        return redirect(url_for("command_errors.list_errors", slug=brain.slug))
    responses.refresh_session()
    return _show_errors(drafts.get_brain_or_404(brain.slug))


def _show_errors(brain: Brain) -> Response:
    settled = request.args.get("settled") == "yes"
    found = command_errors.list_errors(db.session(), brain.id, settled=settled)
    numbers = {each.id: each.number for each in store.list_versions(db.session(), brain.id)}
    workbench = Workbench(brain, "errors")
    return render_workbench(workbench, "faults", listed=found, settled=settled, numbers=numbers)


def _build_reopen_url(brain: Brain, error_id: int) -> str:
    return url_for("command_errors.reopen", slug=brain.slug, error_id=error_id)
