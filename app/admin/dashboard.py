"""The dashboard: today's figures, what needs a hand, and the newest messages."""

from flask import Blueprint
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import times
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import connections
from app.bot.chats import said
from app.bot.figures import figures, latest
from app.brains import versions
from app.web import db, house

blueprint = Blueprint("dashboard", __name__)


@blueprint.get("/dashboard")
@needs(Role.VIEWER)
def board() -> Response:
    """Show the board; htmx asks for the part that changes."""
    now = house().clock()
    session = db.session()
    return show(
        "dashboard.html",
        "live",
        greeting=times.greeting(now),
        figures=figures(session, _midnight(now), now),
        latest=latest(session),
        now=now,
        said=said,
        has_brain=bool(versions.list_brains(session)),
        connections=connections.list_connections(session),
    )


def _midnight(now: int) -> int:
    """Return when today began in the operator's zone (ms)."""
    start = times.local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(start.timestamp() * 1000)
