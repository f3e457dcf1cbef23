"""Publishing a draft, the history of versions, and going back to one."""

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app import accounts
from app.accounts import Role
from app.admin import answers, bench, comparing, drafts, verdicts
from app.admin.answers import show
from app.admin.guard import needs
from app.brains import versions
from app.brains.models import Brain, BrainVersion
from app.brains.problems import Problem
from app.brains.testing import TestsAreRed, reason_to_keep
from app.brains.versions import NotPublishable
from app.web import db, house

blueprint = Blueprint("publishing", __name__, url_prefix="/brains/<slug>")


@blueprint.get("/versions")
@needs(Role.VIEWER)
def history(slug: str) -> Response:
    """Show every version of a brain."""
    brain = drafts.opened(slug)
    found = versions.versions(db.session(), brain.id)
    people = {each.author_id: _email(each.author_id) for each in found}
    blamed = comparing.blamed(brain, found)
    return show(
        bench.TEMPLATE, **bench.scene(brain, "versions", versions=found, people=people, blamed=blamed)
    )


@blueprint.post("/publish")
@needs(Role.EDITOR)
def publish(slug: str) -> Response:
    """Put the draft live."""
    brain = drafts.opened(slug)
    before = brain.live_version_id
    try:
        version = make_live(brain, request.form.get("note", ""), request.form.get("anyway", ""))
    except TestsAreRed as error:
        answers.notice(str(error), "bad")
        return redirect(url_for("tests.overview", slug=slug))
    except NotPublishable as error:
        answers.notice(str(error), "bad")
        return redirect(url_for("brains.workbench", slug=slug))
    same = version.id == before
    answers.notice(
        f"Version {version.number} is already live: the draft is the same."
        if same
        else f"Version {version.number} is live from the next message on."
    )
    return redirect(url_for("brains.workbench", slug=slug))


@blueprint.post("/rollback/<int:number>")
@needs(Role.EDITOR)
def rollback(slug: str, number: int) -> Response:
    """Put an earlier version live again."""
    brain_id, author, now = drafts.opened(slug).id, current_user.id, house().clock()
    house().database.write(lambda session: versions.rollback(session, brain_id, number, author, now))
    answers.notice(f"Version {number} is live again. Your draft is untouched.")
    return redirect(url_for("publishing.history", slug=slug))


def make_live(brain: Brain, note: str, anyway: str = "") -> BrainVersion:
    """Publish the draft as it was read; raises NotPublishable, and TestsAreRed without a reason `anyway`."""
    brain_id, draft = brain.id, brain.draft
    author, now = current_user.id, house().clock()
    # Templates are read before the write begins, so that no other write waits for the sandbox.
    found = drafts.found_problems(draft, brain_id)
    reason = "" if found else reason_to_keep(verdicts.judge(brain).results, anyway)
    late = [Problem("", "Somebody saved the draft a moment ago. Look at it again, then publish.")]
    return house().database.write(
        lambda session: versions.publish(
            session, brain_id, note, author, now, lambda present: found if present == draft else late, reason
        )
    )


def _email(author_id: int | None) -> str:
    user = db.session.get(accounts.User, author_id) if author_id else None
    return user.email if user else ""
