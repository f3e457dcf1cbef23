"""Analytics pages and their chart data: overview, one brain, one command."""

import hashlib
import json
from typing import Any

from flask import Flask, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from app.accounts.roles import Right
from app.admin.analytics import charts, filters, view_model
from app.admin.analytics.filters import PERIODS, AnalyticsFilters
from app.admin.ui import number_format, time_format
from app.admin.ui.number_format import Unit
from app.admin.ui.pages import MenuItem, PageBlueprint, Target, TargetGroup
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.workbench import drafts
from app.analytics.reports import MetricSummary
from app.analytics.single_flight import SingleFlight
from app.bot.connections import store
from app.brains.versions import store as versions_store
from app.services import services
from app.web import db

blueprint = PageBlueprint(
    "analytics",
    __name__,
    url_prefix="/analytics",
    targets=(
        Target(
            "show_board",
            "chart-bar",
            "Analytics",
            ("numbers", "statistics", "charts", "report"),
            order=70,
            menu=MenuItem("g a"),
        ),
        Target(
            "show_brain",
            "chart-bar",
            "Analytics",
            ("numbers", "statistics", "charts"),
            group=TargetGroup.BRAIN_PAGE,
            order=70,
        ),
    ),
)


def init_app(app: Flask) -> None:
    """Give templates the filters `amount`, `price` and `run_time`."""
    app.jinja_env.filters.update(
        amount=_format_amount,
        price=number_format.format_price,
        run_time=_format_run_time,
    )


@blueprint.get("/")
@require_right(Right.READ_BRAINS)
def show_board() -> Answer:
    """Show the board of a period."""
    asked = read_request()
    if asked.scope.command_id and asked.brain:
        return redirect(build_command_url(asked))
    return _page("analytics/page.html", asked)


@blueprint.get("/brains/<slug>")
@require_right(Right.READ_BRAINS)
def show_brain(slug: str) -> Answer:
    """Show the board of one brain."""
    return _page("analytics/page.html", _read_for_brain(slug))


@blueprint.get("/brains/<slug>/commands/<command_id>")
@require_right(Right.READ_BRAINS)
def show_command(slug: str, command_id: str) -> Answer:
    """Show the numbers of one command."""
    return _page("analytics/command.html", _read_for_brain(slug, command=command_id))


@blueprint.get("/data")
@require_right(Right.READ_BRAINS)
def get_data() -> Answer:
    """Return what a page shows as JSON: charts as numbers, the rest as HTML; tabs that ask together share it."""
    key = (time_format.get_zone().key, tuple(sorted(request.args.items())))
    sharing: SingleFlight[bytes] = services().get(SingleFlight)
    answer = Response(sharing.run(key, _data), mimetype="application/json")
    answer.set_etag(hashlib.sha256(answer.get_data()).hexdigest()[:24])
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer.make_conditional(request)


def read_request() -> AnalyticsFilters:
    """Read the address of this request."""
    return filters.read(request.args, time_format.get_zone().key, _now())


def _read_for_brain(slug: str, **more: str) -> AnalyticsFilters:
    brain_id = str(drafts.get_brain_or_404(slug).id)
    return filters.read({**request.args, "brain": brain_id, **more}, time_format.get_zone().key, _now())


def build_command_url(asked: AnalyticsFilters) -> str:
    """Return the address of a command's page for the same period."""
    query = {name: value for name, value in asked.query.items() if name not in {"brain", "command"}}
    slug = asked.brain.slug if asked.brain else ""
    return url_for("analytics.show_command", slug=slug, command_id=asked.scope.command_id, **query)


def _page(template: str, asked: AnalyticsFilters) -> Answer:
    session = db.session()
    names = view_model.get_command_names(asked.brain) if asked.brain else {}
    return show(
        template,
        "page",
        PERIODS=PERIODS,
        typed=request.args,
        connections=store.list_connections(session),
        brains=versions_store.list_brains(session),
        versions=versions_store.list_versions(session, asked.brain.id) if asked.brain else [],
        command_at=build_command_url,
        names=names,
        name=names.get(asked.scope.command_id or "") or "Removed command",
        **view_model.build_view(session, asked, _now()),
    )


def _data() -> bytes:
    """Work out what the page of this request shows, in a view of the database that begins now."""
    with services().database.read() as session:
        asked = read_request()
        found = view_model.build_view(session, asked, _now())
        below = "analytics/command_details.html" if asked.scope.command_id else "analytics/commands.html"
        data: dict[str, Any] = {
            "labels": found["labels"],
            "ticks": found["ticks"],
            "unfinished": asked.is_unfinished,
            "charts": [drawn for _, drawn in found["charts"]],
            "top": render_template("analytics/top.html", **found),
            "below": render_template(below, **found),
        }
        return json.dumps(data, separators=(",", ":")).encode()


def _format_amount(value: float | None, unit: Unit = "count") -> str:
    return number_format.format_value(unit, value)


def _format_run_time(numbers: MetricSummary) -> str:
    return number_format.format_value("ms", charts.compute_run_ms(numbers, 0.95))


def _now() -> int:
    return services().clock()
