"""The gallery: complete sample brains to look at, and to begin with."""

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers
from app.admin.answers import show
from app.admin.brains import make_brain
from app.admin.guard import needs
from app.brains import gallery

blueprint = Blueprint("gallery", __name__, url_prefix="/brains/gallery")


@blueprint.get("/")
@needs(Role.VIEWER)
def overview() -> Response:
    """Show the samples, all or those that match a search."""
    search = request.args.get("q", "")[:100]
    return show("brains/gallery.html", "rows", samples=gallery.matching(search), search=search)


@blueprint.get("/<sample>")
@needs(Role.VIEWER)
def sample(sample: str) -> Response:
    """Show one sample with its whole text."""
    return show("brains/sample.html", sample=_sample(sample))


@blueprint.post("/<sample>")
@needs(Role.EDITOR)
def take(sample: str) -> Response:
    """Make a brain from a sample; nothing is live until it is published."""
    found = _sample(sample)
    brain = make_brain(found.title, found.document)
    answers.notice(f"“{brain.title}” is yours now. Try it, change it, then publish it.")
    return redirect(url_for("brains.workbench", slug=brain.slug))


def _sample(slug: str) -> gallery.Sample:
    return next((each for each in gallery.samples() if each.slug == slug), None) or abort(404)
