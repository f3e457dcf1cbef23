"""Gallery pages: sample brains, and a new brain made from one."""

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.brains.views import create_brain
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.brains.document import gallery

blueprint = PageBlueprint(
    "gallery",
    __name__,
    url_prefix="/brains/gallery",
    section="brains",
    targets=(Target("show_list", "inbox", "Gallery", ("samples", "templates", "examples"), order=30),),
)


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_list() -> Response:
    """Show the samples, all or those of a category that match a search."""
    search, category = request.args.get("q", "")[:100], request.args.get("category", "")[:40]
    found = gallery.search_samples(search)
    samples = [each for each in found if category in ("", each.category)]
    counts = {name: sum(each.category == name for each in found) for name in gallery.list_categories()}
    context = {"search": search, "category": category, "counts": counts, "found": found}
    return show("brains/gallery.html", "rows", samples=samples, **context)


@blueprint.get("/<sample>")
@require_right(Right.READ_BRAINS)
def show_sample(sample: str) -> Response:
    """Show one sample with its whole text."""
    return show("brains/sample.html", sample=_get_or_404(sample))


@blueprint.post("/<sample>")
@require_right(Right.WRITE_BRAINS)
def create_from_sample(sample: str) -> Response:
    """Make a brain from a sample; nothing is live until it is published."""
    found = _get_or_404(sample)
    brain = create_brain(found.title, found.document)
    responses.flash_notice(f"“{brain.title}” is created. Try it, change it, then publish it.")
    return redirect(url_for("brains.show_workbench", slug=brain.slug))


def _get_or_404(slug: str) -> gallery.Sample:
    return next((each for each in gallery.load_samples() if each.slug == slug), None) or abort(404)
