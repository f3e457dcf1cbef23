"""Pages to publish a draft, list the versions and roll back."""

from typing import Final

from flask import Flask, redirect, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import users
from app.accounts.roles import Right
from app.admin.brains import compare, rollouts
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.workbench import drafts, test_results
from app.admin.workbench.view_model import Workbench, render_workbench
from app.brains.nlu.training.training_process import TrainingFailed
from app.brains.testing import FailingTests, require_reason
from app.brains.versions import release, store
from app.brains.versions.intent_models import UntrainedIntents, train_intents, use_stored_model
from app.brains.versions.models import Brain, BrainVersion
from app.brains.versions.release import InvalidRolloutPlan, NoLiveVersion, UnchangedDraft
from app.brains.versions.routing import CANARY, SHADOW
from app.brains.versions.score_gate import LowScores, require_scores
from app.brains.versions.store import DraftReview, PublishDetails, UnpublishableDraft
from app.services import services
from app.web import db

_KEPT: Final = "publish_sheet"
_REFUSALS: Final = (
    UnpublishableDraft, NoLiveVersion, UnchangedDraft, InvalidRolloutPlan, TrainingFailed, UntrainedIntents
)  # fmt: skip
PARTIAL_MODES: Final = frozenset({CANARY, SHADOW})

blueprint = PageBlueprint(
    "publish",
    __name__,
    url_prefix="/brains/<slug>",
    section="brains",
    targets=(
        Target(
            "list_versions",
            "history",
            "Versions",
            ("history", "roll back", "rollback", "undo"),
            group=TargetGroup.BRAIN_PAGE,
            order=40,
        ),
    ),
)


def init_app(app: Flask) -> None:
    """Let the publish sheet keep what was written in it."""
    app.jinja_env.globals["get_kept_note"] = get_kept_note


@blueprint.get("/versions")
@require_right(Right.READ_BRAINS)
def list_versions(slug: str) -> Response:
    """Show every version of a brain."""
    brain = drafts.get_brain_or_404(slug)
    found = store.list_versions(db.session(), brain.id)
    people = {each.author_id: _email(each.author_id) for each in found}
    blamed = compare.build_blame(brain, found)
    return render_workbench(Workbench(brain, "versions"), versions=found, people=people, blamed=blamed)


@blueprint.post("/publish")
@require_right(Right.WRITE_BRAINS)
def publish(slug: str) -> Response:
    """Put the draft live, or try it on part of the contacts or silently."""
    brain = drafts.get_brain_or_404(slug)
    start = _start_rollout if request.form.get("how", "all") in PARTIAL_MODES else _publish_for_all
    try:
        message, page = start(brain)
    except FailingTests as error:
        _keep_note(slug)
        responses.flash_notice(str(error), "bad")
        return redirect(url_for("tests.list_tests", slug=slug))
    except LowScores as error:
        _keep_note(slug)
        responses.flash_notice(str(error), "bad")
        return redirect(url_for("intent_training.show_report", slug=slug))
    except _REFUSALS as error:
        _keep_note(slug)
        responses.flash_notice(str(error), "bad")
        return redirect(url_for("brains.show_workbench", slug=slug))
    session.pop(_KEPT, None)
    responses.flash_notice(message)
    return redirect(url_for(page, slug=slug))


def get_kept_note(slug: str) -> str:
    """Return the note that was written in the publish sheet of a brain before it was refused."""
    kept = session.get(_KEPT) or {}
    return str(kept.get("note", "")) if kept.get("slug") == slug else ""


def _keep_note(slug: str) -> None:
    session[_KEPT] = {"slug": slug, "note": request.form.get("note", "")[:500]}


def _publish_for_all(brain: Brain) -> tuple[str, str]:
    before = brain.live_version_id
    version = publish_draft(brain, request.form.get("note", ""), request.form.get("anyway", ""))
    same = f"Version {version.number} is already live: the draft is the same."
    new = f"Version {version.number} is live from the next message on."
    return same if version.id == before else new, "brains.show_workbench"


def _start_rollout(brain: Brain) -> tuple[str, str]:
    """Make the draft a version that only some contacts get, or nobody."""
    plan = rollouts.read_plan(request.form["how"])
    plan.check()
    review, signed = _review_draft(brain, request.form.get("note", ""), request.form.get("anyway", ""))
    brain_id = brain.id
    services().database.write(lambda session: release.start(session, brain_id, plan, review, signed))
    audience = f"{plan.percent} % of the contacts get it" if plan.mode == CANARY else "It runs in shadow mode"
    return f"{audience} from the next message on.", "rollouts.show_rollout"


@blueprint.post("/rollback/<int:number>")
@require_right(Right.WRITE_BRAINS)
def rollback(slug: str, number: int) -> Response:
    """Put another version live."""
    brain = drafts.get_brain_or_404(slug)
    brain_id, author, now = brain.id, current_user.id, services().clock()
    before = store.find_live_version(db.session(), brain)
    live_number = before.number if before else number
    services().database.write(lambda session: store.rollback(session, brain_id, number, author, now))
    again = " again" if number <= live_number else ""
    message = f"Version {number} is live{again}. The draft is unchanged."
    if live_number == number:
        responses.flash_notice(message)
    else:
        responses.flash_undo(message, url_for("publish.rollback", slug=slug, number=live_number))
    return redirect(url_for("publish.list_versions", slug=slug))


def publish_draft(brain: Brain, note: str, anyway: str = "") -> BrainVersion:
    """Publish the draft as it was read; raises UnpublishableDraft, FailingTests and LowScores without a reason."""
    brain_id = brain.id
    review, signed = _review_draft(brain, note, anyway)
    return services().database.write(
        lambda session: store.publish(
            session, brain_id, note, signed.author_id, signed.now, review, signed.override_reason
        )
    )


def _review_draft(brain: Brain, note: str, anyway: str) -> tuple[DraftReview, PublishDetails]:
    """Find what keeps the draft, as it was read, from being published, and who signs it.

    Raises FailingTests and LowScores without a reason `anyway`, and TrainingFailed.
    """
    # Templates are read before the write begins, so that no other write waits for the sandbox.
    problems = drafts.find_problems(brain.draft, brain.id)
    author_id, now = current_user.id, services().clock()
    if problems:
        return DraftReview(problems, brain.draft_rev), PublishDetails(note, author_id, now)
    use_stored_model(db.session(), brain)
    trained = train_intents(brain.draft)
    reason = require_reason(test_results.get_or_run(brain).results, anyway)
    reason = require_scores(db.session(), brain, brain.draft, trained, anyway) or reason
    return DraftReview((), brain.draft_rev, trained), PublishDetails(note, author_id, now, reason)


def _email(author_id: int | None) -> str:
    user = db.session.get(users.User, author_id) if author_id else None
    return user.email if user else ""
