"""The dashboard: today's figures, what needs a hand, and the newest messages."""

from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import confinement, rollouts, times
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import bot, connections, faults
from app.bot.chats import said
from app.bot.figures import figures, latest
from app.brains import versions
from app.brains.models import Brain
from app.realtime import statistics
from app.realtime.ranges import Range, midnight
from app.realtime.statistics import Numbers
from app.web import db, house

blueprint = Blueprint("dashboard", __name__)

LATELY = 7 * times.DAY
FAILING = 5


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
        figures=figures(session, now),
        today=_today(now),
        latest=latest(session),
        now=now,
        said=said,
        has_brain=bool(versions.list_brains(session)),
        connections=connections.list_connections(session),
        failing=_failing(now),
        tried=rollouts.tried_lately(),
        sandbox=confinement.told(bot().sandbox),
    )


def _failing(now: int) -> list[dict[str, Any]]:
    """Return the latest errors of commands, with the names they have in their drafts."""
    session = db.session()
    lately = [each for each in faults.list_faults(session) if each.last_at > now - LATELY][:FAILING]
    rows = []
    for fault in lately:
        brain = versions.get_brain(session, fault.brain_id)
        if brain.archived_at is None:
            rows.append({"fault": fault, "brain": brain, "command": _name(brain, fault.command_id)})
    return rows


def _name(brain: Brain, command_id: str) -> str:
    commands = brain.draft.get("commands", [])
    return next((str(each.get("name")) for each in commands if each.get("id") == command_id), "")


def _today(now: int) -> Numbers:
    """Return the numbers since midnight of the operator's zone, as the analytics have them."""
    zone = times.zone()
    since = midnight(times.local(now).date(), zone)
    return statistics.total(db.session(), Range(since, now + 1, zone.key, "hour"))
