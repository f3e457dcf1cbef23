"""Analytics: what came and went, how fast and how well, live; for all, or for one command."""

import hashlib
import json
from typing import Any

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from app.accounts import Role
from app.admin import amounts, charts, drafts, gathering, periods, times
from app.admin.amounts import Unit
from app.admin.answers import show
from app.admin.guard import needs
from app.admin.periods import PERIODS, Asked
from app.bot import connections
from app.brains import versions
from app.realtime.sharing import Sharing
from app.realtime.statistics import Numbers
from app.web import db, house

blueprint = Blueprint("analytics", __name__, url_prefix="/analytics")


def init_app(app: Flask) -> None:
    """Give templates the filters `amount`, `said`, `price` and `run_time`, and let tabs share what is worked out."""
    app.jinja_env.filters.update(amount=_amount, said=_said, price=amounts.price, run_time=_run_time)
    app.extensions["analytics"] = Sharing[bytes]()


@blueprint.get("/")
@needs(Role.VIEWER)
def board() -> Answer:
    """Show the board of a period."""
    asked = read()
    if asked.scope.command_id and asked.brain:
        return redirect(command_at(asked))
    return _page("analytics/board.html", asked)


@blueprint.get("/brains/<slug>")
@needs(Role.VIEWER)
def brain(slug: str) -> Answer:
    """Show the board of one brain."""
    return _page("analytics/board.html", _of(slug))


@blueprint.get("/brains/<slug>/commands/<command_id>")
@needs(Role.VIEWER)
def command(slug: str, command_id: str) -> Answer:
    """Show the numbers of one command."""
    return _page("analytics/command.html", _of(slug, command=command_id))


@blueprint.get("/data")
@needs(Role.VIEWER)
def data() -> Answer:
    """Return what a page shows as JSON: charts as numbers, the rest as HTML; tabs that ask together share it."""
    key = (times.zone().key, tuple(sorted(request.args.items())))
    sharing: Sharing[bytes] = current_app.extensions["analytics"]
    answer = Response(sharing.ask(key, _data), mimetype="application/json")
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:24])
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


def read() -> Asked:
    """Read the address of this request."""
    return periods.read(request.args, times.zone().key, _now())


def _of(slug: str, **more: str) -> Asked:
    brain_id = str(drafts.opened(slug).id)
    return periods.read({**request.args, "brain": brain_id, **more}, times.zone().key, _now())


def command_at(asked: Asked) -> str:
    """Return the address of a command's page for the same period."""
    query = {name: value for name, value in asked.query.items() if name not in {"brain", "command"}}
    slug = asked.brain.slug if asked.brain else ""
    return url_for("analytics.command", slug=slug, command_id=asked.scope.command_id, **query)


def _page(template: str, asked: Asked) -> Answer:
    session = db.session()
    names = gathering.names_of(asked.brain) if asked.brain else {}
    return show(
        template,
        "page",
        PERIODS=PERIODS,
        typed=request.args,
        connections=connections.list_connections(session),
        brains=versions.list_brains(session),
        versions=versions.versions(session, asked.brain.id) if asked.brain else [],
        command_at=command_at,
        names=names,
        name=names.get(asked.scope.command_id or "") or "Removed command",
        **gathering.gather(session, asked, _now()),
    )


def _data() -> bytes:
    """Work out what the page of this request shows, in a view of the database that begins now."""
    with house().database.read() as session:
        asked = read()
        found = gathering.gather(session, asked, _now())
        below = "analytics/command_below.html" if asked.scope.command_id else "analytics/used.html"
        told: dict[str, Any] = {
            "labels": found["labels"],
            "ticks": found["ticks"],
            "unfinished": asked.unfinished,
            "charts": [drawn for _, drawn in found["charts"]],
            "top": render_template("analytics/top.html", **found),
            "below": render_template(below, **found),
        }
        return json.dumps(told, separators=(",", ":")).encode()


def _amount(value: float | None, unit: Unit = "count") -> str:
    return amounts.words(unit, value)


def _said(shown: float | None, unit: Unit) -> str:
    return amounts.said(unit, shown)


def _run_time(numbers: Numbers) -> str:
    return amounts.words("ms", charts.run_ms(numbers, 0.95))


def _now() -> int:
    return house().clock()
