"""CSV export of the analytics: its columns, percentiles and rows by time step or by command."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort
from werkzeug.wrappers import Response as Answer

from app.accounts.roles import Right
from app.admin.analytics import charts, view_model, views
from app.admin.analytics.filters import AnalyticsFilters
from app.admin.ui import number_format
from app.admin.ui.permissions import require_right
from app.analytics import reports
from app.analytics.reports import MetricSummary
from app.analytics.time_ranges import TimeRange
from app.bot.chats.export import format_csv_row
from app.services import services
from app.web import limiter

blueprint = Blueprint("csv_export", __name__, url_prefix="/analytics")

COUNTS: Final = (
    "received", "scheduled", "dropped", "typed", "created", "sent", "delivered", "read", "failed", "dead", "unknown",
    "held", "run_answered", "run_silent", "run_failed", "ai_calls", "ai_failed", "tokens_in", "tokens_out",
)  # fmt: skip
PERCENTILES: Final = (0.5, 0.95, 0.99)
# What people send and AI calls are not counted for commands (docs/analytics.md).
COMMAND_COUNTS: Final = tuple(name for name in COUNTS[4:] if not name.startswith(("ai_", "tokens_")))
DURATION_COLUMNS: Final = (
    "response_p50_ms",
    "response_p95_ms",
    "response_p99_ms",
    "run_p50_ms",
    "run_p95_ms",
    "run_p99_ms",
)

CsvLines = Iterator[str]


@blueprint.get("/export/<what>.csv")
@require_right(Right.READ_BRAINS)
@limiter.limit("30 per minute")
def export(what: str) -> Answer:
    """Send the numbers of a period; `X-Rows` tells how many lines there will be besides the heading."""
    asked = views.read_request()
    ways: dict[str, Callable[[AnalyticsFilters], tuple[int, CsvLines]]] = {
        "steps": _steps,
        "commands": _commands,
    }
    rows, lines = (ways.get(what) or abort(404))(asked)
    answer = Response(lines, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="analytics-{what}-{_day(asked.range)}.csv"'
    answer.headers["X-Rows"] = str(rows)
    return answer


def _steps(asked: AnalyticsFilters) -> tuple[int, CsvLines]:
    database, range_ = services().database, asked.range

    def lines() -> CsvLines:
        with database.read() as session:
            found = reports.build_report(session, range_, asked.scope)
        codes = sorted(found.total.count_by_label("cost"))
        yield "\ufeff" + format_csv_row(
            ("from", "to", *COUNTS, *DURATION_COLUMNS, *(f"cost_{code}" for code in codes))
        )
        for span, point in zip(_spans(range_), found.points, strict=True):
            yield format_csv_row((*span, *_cells(point, COUNTS), *_costs(point, codes)))

    return len(range_.starts), lines()


def _commands(asked: AnalyticsFilters) -> tuple[int, CsvLines]:
    database, range_ = services().database, asked.range
    with database.read() as session:
        used = [
            (
                brain.id,
                (brain.title, line.command_id, view_model.get_command_names(brain).get(line.command_id, "")),
            )
            for brain in view_model.list_brains(session, asked.scope)
            for line in reports.list_command_stats(session, range_, replace(asked.scope, brain_id=brain.id))
            if asked.scope.command_id in {None, line.command_id}
        ]

    # The lines are written when this request is already over: all they need was taken along.
    def lines() -> CsvLines:
        yield "\ufeff" + format_csv_row(
            ("brain", "command_id", "command", "from", "to", *COMMAND_COUNTS, *DURATION_COLUMNS)
        )
        for brain_id, who in used:
            scope = replace(asked.scope, brain_id=brain_id, command_id=who[1])
            with database.read() as session:
                points = reports.build_report(session, range_, scope).points
            for span, point in zip(_spans(range_), points, strict=True):
                yield format_csv_row((*who, *span, *_cells(point, COMMAND_COUNTS)))

    return len(used) * len(range_.starts), lines()


def _cells(numbers: MetricSummary, names: Sequence[str]) -> list[Any]:
    found = [numbers.compute_response_ms(part) for part in PERCENTILES] + [
        charts.compute_run_ms(numbers, part) for part in PERCENTILES
    ]
    return [numbers.count(name) for name in names] + [number_format.round_value("ms", each) for each in found]


def _costs(numbers: MetricSummary, codes: Sequence[str]) -> list[str]:
    sums = numbers.count_by_label("cost")
    return [number_format.format_micros(sums.get(code, 0)) for code in codes]


def _spans(range_: TimeRange) -> list[tuple[str, str]]:
    """Return when each step begins and ends, in the operator's zone with its offset (ISO 8601)."""
    zone = ZoneInfo(range_.zone)
    moments = [datetime.fromtimestamp(at // 1000, zone).isoformat() for at in range_.edges]
    return list(pairwise(moments))


def _day(range_: TimeRange) -> str:
    return f"{datetime.fromtimestamp(range_.edges[0] // 1000, ZoneInfo(range_.zone)):%Y-%m-%d}"
