"""Ranges of time cut into an operator's hours, days, weeks and months, whatever the zone does with its clocks."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from app.bot.rollups import MINUTE, MINUTES_KEPT, SPANS
from app.signals import DomainError

HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
# Steps from fine to coarse, each with the longest range (ms) it is chosen for.
STEPS: Final = {
    "minute": 2 * HOUR,
    "5 minutes": 12 * HOUR,
    "hour": 4 * DAY,
    "day": 100 * DAY,
    "week": 800 * DAY,
    "month": 40_000 * DAY,
}
_FINE: Final = {"minute": MINUTE, "5 minutes": 5 * MINUTE}
POINTS: Final = 750

Piece = tuple[int, int, int]


class StepTooFine(DomainError):
    """A range in more points than can be drawn, or in minutes that are not kept any more."""

    code = "step_too_fine"


@dataclass(frozen=True)
class Range:
    """Time from `since` until `until` (ms) in steps of a zone; the first step begins at or before `since`."""

    since: int
    until: int
    zone: str
    step: str

    @cached_property
    def edges(self) -> Sequence[int]:
        """Return where the steps begin, and where the last one is cut off (ms)."""
        zone, edges = ZoneInfo(self.zone), [_floor(self.since, self.step, ZoneInfo(self.zone))]
        grain = MINUTE if self.step in _FINE else 15 * MINUTE
        end = -(-max(self.until, self.since + 1) // grain) * grain
        while (following := _after(edges[-1], self.step, zone)) < end:
            edges.append(following)
            if len(edges) > POINTS:
                raise StepTooFine(
                    f"These are more than {POINTS} points. Choose a shorter range or a longer step."
                )
        return (*edges, end)

    @property
    def starts(self) -> Sequence[int]:
        """Return where the steps begin (ms)."""
        return self.edges[:-1]

    def place(self, at: int) -> int:
        """Return the number of the step a moment (ms) within the range belongs to."""
        return bisect_right(self.edges, at) - 1

    @cached_property
    def pieces(self) -> Sequence[Piece]:
        """Return the stored spans the range is made of: (minutes, from, until), as few and as long as can be."""
        pieces: list[Piece] = []
        for start, end in pairwise(self.edges):
            for span, since, until in _cut(start, end, SPANS):
                if pieces and pieces[-1][0] == span and pieces[-1][2] == since:
                    since = pieces.pop()[1]  # noqa: PLW2901  goes on where the one before ends
                pieces.append((span, since, until))
        return pieces

    @cached_property
    def whole(self) -> Sequence[Piece]:
        """Return the same for sums over all of it."""
        return list(_cut(self.edges[0], self.edges[-1], SPANS))

    def before(self) -> "Range":
        """Return the period before, of as many steps and as far into its last one."""
        zone = ZoneInfo(self.zone)
        starts, earlier = self.starts, self.edges[0]
        for _ in starts:
            earlier = _floor(earlier - 1, self.step, zone)
        last = earlier
        for _ in starts[1:]:
            last = _after(last, self.step, zone)
        into = self.edges[-1] - starts[-1]
        return Range(earlier, min(last + into, self.edges[0]), self.zone, self.step)


def choose(since: int, until: int, zone: str, now: int, step: str = "") -> Range:
    """Return a range in the step that fits it, or in the one asked for.

    Raises StepTooFine for minutes that are not kept any more, or too many points.
    """
    kept = since >= now - MINUTES_KEPT
    fitting = (name for name, most in STEPS.items() if until - since <= most and (kept or name not in _FINE))
    chosen = step or next(fitting, "month")
    if chosen in _FINE and not kept:
        raise StepTooFine("Minutes are kept for two days. Choose hours or longer steps for what is older.")
    made = Range(since, until, zone, chosen)
    _ = made.edges
    return made


def _cut(start: int, end: int, spans: Sequence[int]) -> "list[Piece]":
    """Cut a stretch into stored spans, the longest in the middle."""
    if start >= end:
        return []
    length = spans[-1] * MINUTE
    low, high = -(-start // length) * length, end // length * length
    if len(spans) == 1:
        return [(spans[0], low, high)]
    if low >= high:
        return _cut(start, end, spans[:-1])
    return [*_cut(start, low, spans[:-1]), (spans[-1], low, high), *_cut(high, end, spans[:-1])]


def _floor(at: int, step: str, zone: ZoneInfo) -> int:
    """Return when the step began that a moment belongs to."""
    if step in _FINE:
        return at - at % _FINE[step]
    local = datetime.fromtimestamp(at // 1000, zone)
    if step == "hour":
        offset = int((local.utcoffset() or timedelta()).total_seconds() * 1000)
        return (at + offset) // HOUR * HOUR - offset
    return midnight(_first_day(local.date(), step), zone)


def _after(start: int, step: str, zone: ZoneInfo) -> int:
    """Return when the step after the one that begins at `start` begins."""
    if step in _FINE:
        return start + _FINE[step]
    if step == "hour":
        # A clock that is put forward by half an hour makes one step short.
        following = _floor(start + HOUR, step, zone)
        return following if following > start else start + HOUR
    day = datetime.fromtimestamp(start // 1000, zone).date()
    if step == "month":
        day = day.replace(day=1) + timedelta(days=32)
    else:
        day += timedelta(days=7 if step == "week" else 1)
    return midnight(_first_day(day, step), zone)


def _first_day(day: date, step: str) -> date:
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def midnight(day: date, zone: ZoneInfo) -> int:
    """Return when a day begins; where its midnight does not exist, at the first moment after it."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(local.astimezone(UTC).timestamp() * 1000)
