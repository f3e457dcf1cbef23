"""Publishing a draft, the history of versions, and going back to one."""

from dataclasses import dataclass
from typing import Final

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app import accounts
from app.accounts import Role
from app.admin import answers, bench, comparing, drafts, rollouts, verdicts
from app.admin.answers import show
from app.admin.guard import needs
from app.brains import candidates, versions
from app.brains.candidates import BadPlan, NothingLive, NothingNew
from app.brains.models import Brain, BrainVersion
from app.brains.problems import Problem
from app.brains.rollout import CANARY, SHADOW
from app.brains.testing import TestsAreRed, reason_to_keep
from app.brains.versions import Check, NotPublishable, Signed
from app.signals import changed
from app.web import db, house

HOW: Final = frozenset({CANARY, SHADOW})

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
    """Put the draft live, or try it on part of the contacts or silently."""
    brain = drafts.opened(slug)
    release = _try if request.form.get("how", "all") in HOW else _make_live
    try:
        said, page = release(brain)
    except TestsAreRed as error:
        answers.notice(str(error), "bad")
        return redirect(url_for("tests.overview", slug=slug))
    except (NotPublishable, NothingLive, NothingNew, BadPlan) as error:
        answers.notice(str(error), "bad")
        return redirect(url_for("brains.workbench", slug=slug))
    answers.notice(said)
    changed.send(topics={"dashboard", f"brain:{brain.id}"})
    return redirect(url_for(page, slug=slug))


def _make_live(brain: Brain) -> tuple[str, str]:
    before = brain.live_version_id
    version = make_live(brain, request.form.get("note", ""), request.form.get("anyway", ""))
    same = f"Version {version.number} is already live: the draft is the same."
    new = f"Version {version.number} is live from the next message on."
    return same if version.id == before else new, "brains.workbench"


def _try(brain: Brain) -> tuple[str, str]:
    """Make the draft a version that only some contacts get, or nobody."""
    plan = rollouts.asked(request.form["how"])
    plan.check()
    gate = _gate(brain, request.form.get("note", ""), request.form.get("anyway", ""))
    brain_id = brain.id
    house().database.write(lambda session: candidates.start(session, brain_id, plan, gate.check, gate.signed))
    said = f"{plan.percent} % of the contacts get it" if plan.mode == CANARY else "It runs silently"
    return f"{said} from the next message on.", "rollouts.overview"


@blueprint.post("/rollback/<int:number>")
@needs(Role.EDITOR)
def rollback(slug: str, number: int) -> Response:
    """Put an earlier version live again."""
    brain_id, author, now = drafts.opened(slug).id, current_user.id, house().clock()
    house().database.write(lambda session: versions.rollback(session, brain_id, number, author, now))
    changed.send(topics={"dashboard", f"brain:{brain_id}"})
    answers.notice(f"Version {number} is live again. Your draft is untouched.")
    return redirect(url_for("publishing.history", slug=slug))


def make_live(brain: Brain, note: str, anyway: str = "") -> BrainVersion:
    """Publish the draft as it was read; raises NotPublishable, and TestsAreRed without a reason `anyway`."""
    brain_id, gate = brain.id, _gate(brain, note, anyway)
    signed = gate.signed
    return house().database.write(
        lambda session: versions.publish(
            session, brain_id, note, signed.author_id, signed.now, gate.check, signed.override_reason
        )
    )


@dataclass(frozen=True, slots=True)
class Gate:
    """What lets a draft become a version: who judges it, and who signs."""

    check: Check
    signed: Signed


def _gate(brain: Brain, note: str, anyway: str) -> Gate:
    """Judge the draft as it was read; raises TestsAreRed without a reason `anyway`."""
    draft, now = brain.draft, house().clock()
    # Templates are read before the write begins, so that no other write waits for the sandbox.
    found = drafts.found_problems(draft, brain.id)
    reason = "" if found else reason_to_keep(verdicts.judge(brain).results, anyway)
    late = [Problem("", "Somebody saved the draft a moment ago. Look at it again, then publish.")]
    signed = Signed(note, current_user.id, now, reason)
    return Gate(lambda present: found if present == draft else late, signed)


def _email(author_id: int | None) -> str:
    user = db.session.get(accounts.User, author_id) if author_id else None
    return user.email if user else ""
