"""What goes wrong in a brain's commands: the list, and marking what has been dealt with."""

from typing import Any

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, bench, drafts
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import faults
from app.brains import versions
from app.brains.models import Brain
from app.signals import changed
from app.web import db, house, partial

blueprint = Blueprint("faults", __name__, url_prefix="/brains/<slug>/errors")


@blueprint.get("/")
@needs(Role.VIEWER)
def overview(slug: str) -> Response:
    """List what goes wrong, or what has been settled."""
    return show(bench.TEMPLATE, "faults", **_listed(drafts.opened(slug)))


@blueprint.post("/<int:fault_id>/settle")
@needs(Role.EDITOR)
def settle(slug: str, fault_id: int) -> Response:
    """Mark an error as dealt with; it opens again by itself when it comes back."""
    brain = drafts.opened(slug)
    brain_id, now = brain.id, house().clock()
    if house().database.write(lambda session: faults.settle(session, brain_id, fault_id, now)):
        answers.undoable("Settled. It comes back here if it happens again.", _address(brain, fault_id))
    return _after(brain)


@blueprint.post("/<int:fault_id>/reopen")
@needs(Role.EDITOR)
def reopen(slug: str, fault_id: int) -> Response:
    """Take “settled” back."""
    brain = drafts.opened(slug)
    brain_id = brain.id
    house().database.write(lambda session: faults.reopen(session, brain_id, fault_id))
    return _after(brain)


def _after(brain: Brain) -> Response:
    changed.send(topics={"dashboard"})
    if not partial():
        return redirect(url_for("faults.overview", slug=brain.slug))
    answers.look_again()
    return show(bench.TEMPLATE, "faults", **_listed(drafts.opened(brain.slug)))


def _listed(brain: Brain) -> dict[str, Any]:
    settled = request.args.get("settled") == "yes"
    found = faults.list_faults(db.session(), brain.id, settled=settled)
    numbers = {each.id: each.number for each in versions.versions(db.session(), brain.id)}
    return bench.scene(brain, "errors", listed=found, settled=settled, numbers=numbers)


def _address(brain: Brain, fault_id: int) -> str:
    return url_for("faults.reopen", slug=brain.slug, fault_id=fault_id)
