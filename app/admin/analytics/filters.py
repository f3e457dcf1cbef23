"""Filters of an analytics page from its query string: period, step, connection, brain, comparison."""

from collections.abc import Mapping
from dataclasses import field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.analytics import time_ranges
from app.analytics.reports import Scope
from app.analytics.time_ranges import StepTooFineError, TimeRange
from app.bot.simulator import list_simulator_ids
from app.brains.versions import store
from app.brains.versions.models import Brain, BrainVersion
from app.clock import HOUR_MS, MINUTE_MS
from app.immutable import immutable
from app.text import parse_index
from app.web import db

# Each period's words, its step, and how many of them it has; those of days begin at midnight of the operator's zone.
PERIODS: Final = {
    "hour": ("Last hour", "minute", 60),
    "day": ("Last 24 hours", "hour", 24),
    "week": ("Last 7 days", "hour", 7),
    "month": ("Last 30 days", "day", 30),
    "quarter": ("Last 90 days", "day", 90),
    "year": ("Last year", "week", 365),
    "custom": ("From … to", "", 0),
}
DEFAULT_PERIOD: Final = "day"
# Value of the connection filter: all of them, with those of the simulator.
WITH_SIMULATOR: Final = "all"
_STEP_MS: Final = {"minute": MINUTE_MS, "hour": HOUR_MS}
_EARLIEST_DATE: Final = date(2009, 1, 1)
INVALID_DATES: Final = "Choose two dates, the first not after the second and not in the future."


@immutable
class AnalyticsFilters:
    """What is to be counted; `query` is the address of the same page, `wrong` what was not understood of it."""

    range: TimeRange
    period: str
    compare: bool
    scope: Scope
    brain: Brain | None = None
    version: BrainVersion | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def is_unfinished(self) -> bool:
        """Whether the last step is still going on."""
        return self.range.edges[-1] > self.range.until


def read(args: Mapping[str, str], zone: str, now: int) -> AnalyticsFilters:
    """Read an address; wrong dates are told, and left out. Raises BrainNotFound."""
    period = args.get("range", "") if args.get("range") in PERIODS else DEFAULT_PERIOD
    range_, wrong = (
        _build_custom_range(args, zone, now) if period == "custom" else (_build_range(period, zone, now), "")
    )
    brain = store.get_brain(db.session(), _number(args, "brain")) if _number(args, "brain") else None
    version = _version(brain, _number(args, "version"))
    with_simulator = args.get("connection") == WITH_SIMULATOR
    command_id = args.get("command", "")[:40] if brain else ""
    scope = Scope(
        _number(args, "connection") or None,
        brain.id if brain else None,
        version.id if version else None,
        command_id or None,
        () if with_simulator else list_simulator_ids(db.session()),
    )
    compare = args.get("compare") == "yes"
    query = {
        "range": period if period != DEFAULT_PERIOD else None,
        "from": args.get("from") if period == "custom" else None,
        "to": args.get("to") if period == "custom" else None,
        "connection": WITH_SIMULATOR if with_simulator else scope.connection_id,
        "brain": scope.brain_id,
        "version": version.number if version else None,
        "command": scope.command_id,
        "compare": "yes" if compare else None,
    }
    kept = {name: value for name, value in query.items() if value is not None}
    return AnalyticsFilters(range_, period, compare, scope, brain, version, kept, wrong)


def _build_range(period: str, zone: str, now: int) -> TimeRange:
    _, step, n = PERIODS[period]
    if period in {"hour", "day"}:
        return TimeRange(now - (n - 1) * _STEP_MS[step], now + 1, zone, step)
    today = datetime.fromtimestamp(now // 1000, ZoneInfo(zone)).date()
    return TimeRange(
        time_ranges.compute_midnight(today - timedelta(days=n - 1), ZoneInfo(zone)), now + 1, zone, step
    )


def _build_custom_range(args: Mapping[str, str], zone: str, now: int) -> tuple[TimeRange, str]:
    """Return the days from one date through another, or the usual range and what is wrong."""
    today = datetime.fromtimestamp(now // 1000, ZoneInfo(zone)).date()
    try:
        first, last = (date.fromisoformat(args.get(name, "")) for name in ("from", "to"))
        if not _EARLIEST_DATE <= first <= last or first > today:
            return _build_range(DEFAULT_PERIOD, zone, now), INVALID_DATES
        end = time_ranges.compute_midnight(min(last, today) + timedelta(days=1), ZoneInfo(zone))
        since = time_ranges.compute_midnight(first, ZoneInfo(zone))
        return time_ranges.build_range(since, min(end, now + 1), zone, now), ""
    except StepTooFineError as error:
        return _build_range(DEFAULT_PERIOD, zone, now), str(error)
    except ValueError:
        return _build_range(DEFAULT_PERIOD, zone, now), INVALID_DATES


def _version(brain: Brain | None, number: int) -> BrainVersion | None:
    """Return a version of the brain; None when it has none of this number, such as after another was chosen."""
    found = store.list_versions(db.session(), brain.id) if brain and number else []
    return next((each for each in found if each.number == number), None)


def _number(args: Mapping[str, str], name: str) -> int:
    return parse_index(args.get(name, "")) or 0
