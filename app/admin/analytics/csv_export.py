"""Analytics as tables to take away: a line for each step, or for each command and step; written out piece by piece."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort
from werkzeug.wrappers import Response as Answer

from app.accounts import Role
from app.admin import amounts, analytics, charts, gathering
from app.admin.guard import needs
from app.admin.periods import Asked
from app.bot.exporting import csv_row
from app.realtime import statistics
from app.realtime.ranges import Range
from app.realtime.statistics import Numbers
from app.web import house, limiter

blueprint = Blueprint("sheets", __name__, url_prefix="/analytics")

COUNTS: Final = (
    "received", "scheduled", "dropped", "typed", "created", "sent", "delivered", "read", "failed", "dead", "unknown",
    "held", "run_answered", "run_silent", "run_failed", "ai_calls", "ai_failed", "tokens_in", "tokens_out",
)  # fmt: skip
PARTS: Final = (0.5, 0.95, 0.99)
# What people send and AI calls are not counted for commands (docs/analytics.md).
OF_COMMANDS: Final = tuple(name for name in COUNTS[4:] if not name.startswith(("ai_", "tokens_")))
TIMES: Final = (
    "response_p50_ms",
    "response_p95_ms",
    "response_p99_ms",
    "run_p50_ms",
    "run_p95_ms",
    "run_p99_ms",
)

Lines = Iterator[str]


@blueprint.get("/export/<what>.csv")
@needs(Role.VIEWER)
@limiter.limit("30 per minute")
def export(what: str) -> Answer:
    """Send the numbers of a period; `X-Rows` tells how many lines there will be besides the heading."""
    asked = analytics.read()
    ways: dict[str, Callable[[Asked], tuple[int, Lines]]] = {"steps": _steps, "commands": _commands}
    rows, lines = (ways.get(what) or abort(404))(asked)
    answer = Response(lines, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="analytics-{what}-{_day(asked.range)}.csv"'
    answer.headers["X-Rows"] = str(rows)
    return answer


def _steps(asked: Asked) -> tuple[int, Lines]:
    database, range_ = house().database, asked.range

    def lines() -> Lines:
        with database.read() as session:
            found = statistics.report(session, range_, asked.scope)
        codes = sorted(found.total.by_label("cost"))
        yield "\ufeff" + csv_row(("from", "to", *COUNTS, *TIMES, *(f"cost_{code}" for code in codes)))
        for span, point in zip(_spans(range_), found.points, strict=True):
            yield csv_row((*span, *_cells(point, COUNTS), *_costs(point, codes)))

    return len(range_.starts), lines()


def _commands(asked: Asked) -> tuple[int, Lines]:
    database, range_ = house().database, asked.range
    with database.read() as session:
        used = [
            (brain.id, (brain.title, line.command_id, gathering.names_of(brain).get(line.command_id, "")))
            for brain in gathering.brains_of(session, asked.scope)
            for line in statistics.commands(session, range_, replace(asked.scope, brain_id=brain.id))
            if asked.scope.command_id in {None, line.command_id}
        ]

    # The lines are written when this request is already over: all they need was taken along.
    def lines() -> Lines:
        yield "\ufeff" + csv_row(("brain", "command_id", "command", "from", "to", *OF_COMMANDS, *TIMES))
        for brain_id, who in used:
            scope = replace(asked.scope, brain_id=brain_id, command_id=who[1])
            with database.read() as session:
                points = statistics.report(session, range_, scope).points
            for span, point in zip(_spans(range_), points, strict=True):
                yield csv_row((*who, *span, *_cells(point, OF_COMMANDS)))

    return len(used) * len(range_.starts), lines()


def _cells(numbers: Numbers, names: Sequence[str]) -> list[Any]:
    found = [numbers.response_ms(part) for part in PARTS] + [charts.run_ms(numbers, part) for part in PARTS]
    return [numbers.count(name) for name in names] + [amounts.rounded("ms", each) for each in found]


def _costs(numbers: Numbers, codes: Sequence[str]) -> list[str]:
    sums = numbers.by_label("cost")
    return [amounts.units(sums.get(code, 0)) for code in codes]


def _spans(range_: Range) -> list[tuple[str, str]]:
    """Return when each step begins and ends, in the operator's zone with its offset (ISO 8601)."""
    zone = ZoneInfo(range_.zone)
    moments = [datetime.fromtimestamp(at // 1000, zone).isoformat() for at in range_.edges]
    return list(pairwise(moments))


def _day(range_: Range) -> str:
    return f"{datetime.fromtimestamp(range_.edges[0] // 1000, ZoneInfo(range_.zone)):%Y-%m-%d}"
