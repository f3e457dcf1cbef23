"""Effect of a draft's intents before they are published: start, progress, cancel, moved scores and routes."""

import secrets
from typing import Any, Final

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.intents.score_view import SHARES
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import redirect_page, require_right
from app.admin.ui.responses import show
from app.admin.workbench import drafts
from app.admin.workbench.view_model import Workbench, render_workbench
from app.bot.learning.comparison import ScoreChange
from app.bot.learning.effects import EffectJob, EffectRequest, RouteChange
from app.bot.learning.past_texts import PastText, find_texts
from app.brains.document.validation import InvalidDocument
from app.brains.versions.models import Brain
from app.immutable import immutable
from app.request_input import read_page
from app.services import services
from app.web import db, is_fragment_request, limiter

blueprint = PageBlueprint(
    "intent_effect",
    __name__,
    url_prefix="/brains/<slug>/learning/effect",
    section="brains",
    targets=(
        Target(
            "show_form",
            "chart-bar",
            "See the effect of changed intents",
            ("learning", "scores", "train", "compare", "intents"),
            group=TargetGroup.BRAIN_ACTION,
            order=45,
        ),
    ),
)

PAGE_ROWS: Final = 25


@immutable
class RouteRow:
    """Message that the draft leads elsewhere, with where it stands."""

    change: RouteChange
    text: PastText


@blueprint.get("/")
@require_right(Right.WRITE_BRAINS)
def show_form(slug: str) -> Response:
    """Offer a comparison of the draft with what is live."""
    return _show_effect(_get_brain(slug), None)


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
@limiter.limit("20 per minute")
def start(slug: str) -> Response:
    """Train the draft and compare it in the background."""
    brain = _get_brain(slug)
    if not brain.draft.get("intents"):
        return _show_effect(brain, None, status=422, refused="The draft has no intents to train.")
    job_id = secrets.token_urlsafe(12)
    wanted = EffectRequest(job_id, current_user.id, brain.id, brain.draft, brain.draft_rev)
    try:
        services().intent_effects.start(wanted)
    except InvalidDocument as error:
        return _show_effect(brain, None, status=422, refused=str(error))
    return redirect(url_for("intent_effect.show_job", slug=slug, job_id=job_id))


@blueprint.get("/<job_id>")
@require_right(Right.WRITE_BRAINS)
def show_job(slug: str, job_id: str) -> Response:
    """Show how far a comparison is, then what moved."""
    brain = _get_brain(slug)
    job = services().intent_effects.find(current_user.id, job_id)
    if job is None or job.brain_id != brain.id:
        gone = "This comparison is no longer kept. Start another one; it takes a moment."
        return _show_effect(brain, None, refused=gone)
    # Asked once: it may end while the page is made.
    state = job.state
    if not is_fragment_request():
        found = _build_results_context(brain, job) if state == "done" else {}
        return _show_effect(brain, job, state=state, **found)
    if state != "running":
        return redirect_page(url_for("intent_effect.show_job", slug=slug, job_id=job_id))
    return show("learning/effect_progress.html", "progress", brain=brain, job=job)


@blueprint.post("/<job_id>/cancel")
@require_right(Right.WRITE_BRAINS)
def cancel(slug: str, job_id: str) -> Response:
    """End a comparison at its next step."""
    job = services().intent_effects.find(current_user.id, job_id)
    if job and job.state == "running":
        job.cancelled.set()
        responses.flash_notice("The comparison is cancelled. Nothing was changed.")
    return redirect(url_for("intent_effect.show_form", slug=slug))


def _get_brain(slug: str) -> Brain:
    """Return the brain for who may also read the messages that are shown."""
    if not current_user.has_right(Right.READ_CHATS):
        abort(403, Right.READ_CHATS)
    return drafts.get_brain_or_404(slug)


def _show_effect(brain: Brain, job: EffectJob | None, *, status: int = 200, **more: Any) -> Response:
    context = {"state": "", "refused": "", **more}
    return render_workbench(Workbench(brain, "intent_effect"), status=status, job=job, **context)


def _build_results_context(brain: Brain, job: EffectJob) -> dict[str, Any]:
    """Gather scores, and one page of the messages that go elsewhere; those deleted since are left out."""
    route = request.args.get("route", "")
    tally: dict[tuple[str, str], int] = {}
    for each in job.changes:
        tally[each.before, each.after] = tally.get((each.before, each.after), 0) + 1
    routes = sorted(tally, key=lambda each: (-tally[each], each))
    wanted = next((each for each in routes if _name_route(each) == route), None)
    listed = [each for each in job.changes if wanted in {None, (each.before, each.after)}]
    page = read_page()
    shown = listed[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    texts = find_texts(db.session(), brain.id, [each.message_id for each in shown])
    scores = job.scores
    return {
        "scores": [(*SHARES[each.name][:2], each, _get_tone(each)) for each in scores.scores]
        if scores
        else [],
        "recalls": [(each, _get_tone(each)) for each in scores.recalls] if scores else [],
        "routes": [(*each, tally[each], _name_route(each)) for each in routes],
        "route": _name_route(wanted) if wanted else "",
        "rows": [RouteRow(each, texts[each.message_id]) for each in shown if each.message_id in texts],
        "page": page,
        "pages": -(-len(listed) // PAGE_ROWS),
        "is_outdated": brain.draft_rev != job.draft_rev,
    }


def _name_route(route: tuple[str, str]) -> str:
    return f"{route[0]}>{route[1]}"


def _get_tone(change: ScoreChange) -> str:
    """Return good or bad for a score that moved, else quiet."""
    if not change.points:
        return "quiet"
    is_more_better = SHARES.get(change.name, ("", "", True))[2]
    return "good" if (change.points > 0) == is_more_better else "bad"
