"""Time ranges cut into minutes to months of a time zone; longest range of each step, number of points."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from app.analytics.rollup import MINUTE_RETENTION_MS, SPAN_MINUTES
from app.clock import DAY_MS, HOUR_MS, MINUTE_MS
from app.signals import DomainError

# Steps from fine to coarse, each with the longest range (ms) it is chosen for.
MAX_RANGE_MS_BY_STEP: Final = {
    "minute": 2 * HOUR_MS,
    "5 minutes": 12 * HOUR_MS,
    "hour": 4 * DAY_MS,
    "day": 100 * DAY_MS,
    "week": 800 * DAY_MS,
    "month": 40_000 * DAY_MS,
}
_FINE_STEPS_MS: Final = {"minute": MINUTE_MS, "5 minutes": 5 * MINUTE_MS}
MAX_POINTS: Final = 750

StoredSpan = tuple[int, int, int]


class StepTooFineError(DomainError):
    """Range with more points than can be drawn, or in minutes that are no longer stored."""

    code = "step_too_fine"


@dataclass(frozen=True)
class TimeRange:
    """Time from `since` until `until` (ms) in steps of a time zone; the first step begins at or before `since`."""

    since: int
    until: int
    zone: str
    step: str

    @cached_property
    def edges(self) -> Sequence[int]:
        """Return the starts of the steps, and the end of the last one (ms)."""
        zone, edges = ZoneInfo(self.zone), [_floor(self.since, self.step, ZoneInfo(self.zone))]
        grain = MINUTE_MS if self.step in _FINE_STEPS_MS else 15 * MINUTE_MS
        end = -(-max(self.until, self.since + 1) // grain) * grain
        while (following := _get_next_start(edges[-1], self.step, zone)) < end:
            edges.append(following)
            if len(edges) > MAX_POINTS:
                raise StepTooFineError(
                    f"These are more than {MAX_POINTS} points. Choose a shorter range or a longer step."
                )
        return (*edges, end)

    @property
    def starts(self) -> Sequence[int]:
        """Return the starts of the steps (ms)."""
        return self.edges[:-1]

    def get_step_index(self, at: int) -> int:
        """Return the index of the step that holds a time (ms) of the range."""
        return bisect_right(self.edges, at) - 1

    @cached_property
    def step_spans(self) -> Sequence[StoredSpan]:
        """Return the stored spans of the steps: (minutes, from, until), as few and as long as possible."""
        pieces: list[StoredSpan] = []
        for start, end in pairwise(self.edges):
            for span, since, until in _split_into_spans(start, end, SPAN_MINUTES):
                if pieces and pieces[-1][0] == span and pieces[-1][2] == since:
                    since = pieces.pop()[1]  # noqa: PLW2901  goes on where the one before ends
                pieces.append((span, since, until))
        return pieces

    @cached_property
    def total_spans(self) -> Sequence[StoredSpan]:
        """Return the stored spans for sums over the whole range."""
        return list(_split_into_spans(self.edges[0], self.edges[-1], SPAN_MINUTES))

    def get_previous(self) -> "TimeRange":
        """Return the previous period, of as many steps and as far into its last one."""
        zone = ZoneInfo(self.zone)
        starts, earlier = self.starts, self.edges[0]
        for _ in starts:
            earlier = _floor(earlier - 1, self.step, zone)
        last = earlier
        for _ in starts[1:]:
            last = _get_next_start(last, self.step, zone)
        into = self.edges[-1] - starts[-1]
        return TimeRange(earlier, min(last + into, self.edges[0]), self.zone, self.step)


def build_range(since: int, until: int, zone: str, now: int, step: str = "") -> TimeRange:
    """Return a range in the step that fits it, or in the one asked for.

    Raises StepTooFineError for minutes that are not kept any more, or too many points.
    """
    is_kept = since >= now - MINUTE_RETENTION_MS
    fitting = (
        name
        for name, max_ms in MAX_RANGE_MS_BY_STEP.items()
        if until - since <= max_ms and (is_kept or name not in _FINE_STEPS_MS)
    )
    chosen = step or next(fitting, "month")
    if chosen in _FINE_STEPS_MS and not is_kept:
        raise StepTooFineError(
            "Minutes are kept for two days. Choose hours or longer steps for what is older."
        )
    found = TimeRange(since, until, zone, chosen)
    _ = found.edges
    return found


def _split_into_spans(start: int, end: int, spans: Sequence[int]) -> "list[StoredSpan]":
    """Split a range into stored spans, the longest in the middle."""
    if start >= end:
        return []
    length = spans[-1] * MINUTE_MS
    low, high = -(-start // length) * length, end // length * length
    if len(spans) == 1:
        return [(spans[0], low, high)]
    if low >= high:
        return _split_into_spans(start, end, spans[:-1])
    return [
        *_split_into_spans(start, low, spans[:-1]),
        (spans[-1], low, high),
        *_split_into_spans(high, end, spans[:-1]),
    ]


def _floor(at: int, step: str, zone: ZoneInfo) -> int:
    """Return the start of the step that holds a time."""
    if step in _FINE_STEPS_MS:
        return at - at % _FINE_STEPS_MS[step]
    local = datetime.fromtimestamp(at // 1000, zone)
    if step == "hour":
        offset = int((local.utcoffset() or timedelta()).total_seconds() * 1000)
        return (at + offset) // HOUR_MS * HOUR_MS - offset
    return compute_midnight(_first_day(local.date(), step), zone)


def _get_next_start(start: int, step: str, zone: ZoneInfo) -> int:
    """Return the start of the step after the one that begins at `start`."""
    if step in _FINE_STEPS_MS:
        return start + _FINE_STEPS_MS[step]
    if step == "hour":
        # A clock that is put forward by half an hour makes one step short.
        following = _floor(start + HOUR_MS, step, zone)
        return following if following > start else start + HOUR_MS
    day = datetime.fromtimestamp(start // 1000, zone).date()
    if step == "month":
        day = day.replace(day=1) + timedelta(days=32)
    else:
        day += timedelta(days=7 if step == "week" else 1)
    return compute_midnight(_first_day(day, step), zone)


def _first_day(day: date, step: str) -> date:
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def compute_midnight(day: date, zone: ZoneInfo) -> int:
    """Return the start of a day; where its midnight does not exist, the first time after it."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(local.astimezone(UTC).timestamp() * 1000)
