"""What a page of analytics is about, as it stands in its address: time, whose numbers, and whether to compare."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.brains import versions
from app.brains.models import Brain, BrainVersion
from app.realtime import ranges
from app.realtime.ranges import HOUR, MINUTE, Range, StepTooFine
from app.realtime.statistics import Scope
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
USUAL: Final = "day"
_SHORT: Final = {"minute": MINUTE, "hour": HOUR}
_FIRST: Final = date(2009, 1, 1)
WRONG_DATES: Final = "Choose two dates, the first not after the second and not in the future."


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be counted; `query` is the address of the same page, `wrong` what was not understood of it."""

    range: Range
    period: str
    compare: bool
    scope: Scope
    brain: Brain | None = None
    version: BrainVersion | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""

    @property
    def unfinished(self) -> bool:
        """Whether the last step is still going on."""
        return self.range.edges[-1] > self.range.until


def read(args: Mapping[str, str], zone: str, now: int) -> Asked:
    """Read an address; wrong dates are told, and left out. Raises BrainNotFound."""
    period = args.get("range", "") if args.get("range") in PERIODS else USUAL
    range_, wrong = _custom(args, zone, now) if period == "custom" else (_usual(period, zone, now), "")
    brain = versions.get_brain(db.session(), _number(args, "brain")) if _number(args, "brain") else None
    version = _version(brain, _number(args, "version"))
    command_id = args.get("command", "")[:40] if brain else ""
    scope = Scope(
        _number(args, "connection") or None,
        brain.id if brain else None,
        version.id if version else None,
        command_id or None,
    )
    compare = args.get("compare") == "yes"
    query = {
        "range": period if period != USUAL else None,
        "from": args.get("from") if period == "custom" else None,
        "to": args.get("to") if period == "custom" else None,
        "connection": scope.connection_id,
        "brain": scope.brain_id,
        "version": version.number if version else None,
        "command": scope.command_id,
        "compare": "yes" if compare else None,
    }
    kept = {name: value for name, value in query.items() if value is not None}
    return Asked(range_, period, compare, scope, brain, version, kept, wrong)


def _usual(period: str, zone: str, now: int) -> Range:
    _, step, n = PERIODS[period]
    if period in {"hour", "day"}:
        return Range(now - (n - 1) * _SHORT[step], now + 1, zone, step)
    today = datetime.fromtimestamp(now // 1000, ZoneInfo(zone)).date()
    return Range(ranges.midnight(today - timedelta(days=n - 1), ZoneInfo(zone)), now + 1, zone, step)


def _custom(args: Mapping[str, str], zone: str, now: int) -> tuple[Range, str]:
    """Return the days from one date through another, or the usual range and what is wrong."""
    today = datetime.fromtimestamp(now // 1000, ZoneInfo(zone)).date()
    try:
        first, last = (date.fromisoformat(args.get(name, "")) for name in ("from", "to"))
        if not _FIRST <= first <= last or first > today:
            return _usual(USUAL, zone, now), WRONG_DATES
        end = ranges.midnight(min(last, today) + timedelta(days=1), ZoneInfo(zone))
        since = ranges.midnight(first, ZoneInfo(zone))
        return ranges.choose(since, min(end, now + 1), zone, now), ""
    except StepTooFine as error:
        return _usual(USUAL, zone, now), str(error)
    except ValueError:
        return _usual(USUAL, zone, now), WRONG_DATES


def _version(brain: Brain | None, number: int) -> BrainVersion | None:
    """Return a version of the brain; None when it has none of this number, such as after another was chosen."""
    found = versions.versions(db.session(), brain.id) if brain and number else []
    return next((each for each in found if each.number == number), None)


def _number(args: Mapping[str, str], name: str) -> int:
    text = args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0
