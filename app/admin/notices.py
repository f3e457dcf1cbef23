"""Notices page: what WhatsApp says of accounts, templates, quality, people and calls, with the remedy."""

from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.pages import MenuItem, PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.bot import notices
from app.bot.connections import store
from app.services import services
from app.text import parse_index
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "notices",
    __name__,
    url_prefix="/notices",
    targets=(
        Target(
            "show_list",
            "info-circle",
            "What WhatsApp says",
            ("notices", "account", "banned", "template", "rejected", "quality", "calls", "events"),
            order=65,
            menu=MenuItem("g w", "Notices", badge_template="notices/count.html"),
        ),
    ),
)


def init_app(app: Flask) -> None:
    """Give templates the number that stands in the menu."""
    app.jinja_env.globals["notices_unseen"] = lambda: notices.count_unseen(db.session())


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_list() -> Response:
    """Show a page of notices, of one connection or of all."""
    session = db.session()
    connection_id = parse_index(request.args.get("connection", ""))
    page = notices.list_notices(
        session,
        connection_id,
        only_new="new" in request.args,
        before=parse_index(request.args.get("before", "")),
    )
    return show(
        "notices/page.html",
        "list",
        page=page,
        connections=store.list_connections(session),
        connection_id=connection_id,
        only_new="new" in request.args,
        is_first="before" not in request.args,
    )


@blueprint.get("/count")
@require_right(Right.READ_BRAINS)
def show_count() -> Response:
    """Return the number in the menu, for live updates."""
    if not is_fragment_request():
        return redirect(url_for("notices.show_list"))
    return show("notices/count.html", "count")


@blueprint.post("/seen")
@require_right(Right.WRITE_BRAINS)
def mark_seen() -> Response:
    """Mark the notices up to the newest one on the page as seen."""
    number = parse_index(request.form.get("newest", "")) or 0
    now = services().clock()
    if services().database.write(lambda session: notices.mark_seen(session, number, now)):
        responses.flash_notice("Marked as seen.")
    return redirect(url_for("notices.show_list"))
