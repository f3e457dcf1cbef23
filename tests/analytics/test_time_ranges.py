"""Ranges in an operator's own hours, days and weeks, also where the clocks change or stand askew."""

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.analytics.time_ranges import (
    MAX_RANGE_MS_BY_STEP,
    StepTooFineError,
    TimeRange,
    build_range,
)
from app.clock import DAY_MS, HOUR_MS, MINUTE_MS

ZONES = (
    "Europe/Berlin",
    "Asia/Kolkata",
    "Africa/Accra",
    "Asia/Kathmandu",
    "America/Santiago",
    "Australia/Lord_Howe",
)


def at(zone: str, *local: int) -> int:
    return int(datetime(*local, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def hours(made: TimeRange) -> list[float]:
    return [(end - start) / HOUR_MS for start, end in pairwise(made.edges)]


@pytest.mark.parametrize(
    ("zone", "first", "last", "expected"),
    [
        ("Europe/Berlin", (3, 28), (3, 31), [24, 23, 24]),
        ("Europe/Berlin", (10, 24), (10, 27), [24, 25, 24]),
        ("Asia/Kolkata", (3, 28), (3, 31), [24, 24, 24]),
        ("Africa/Accra", (3, 28), (3, 31), [24, 24, 24]),
        # Here the day the clocks go forward has no midnight.
        ("America/Santiago", (9, 5), (9, 8), [24, 23, 24]),
        ("Australia/Lord_Howe", (10, 4), (10, 6), [23.5, 24]),
    ],
)
def test_days_are_as_long_as_the_zone_makes_them(
    zone: str, first: tuple[int, int], last: tuple[int, int], expected: list[float]
):
    made = TimeRange(at(zone, 2026, *first), at(zone, 2026, *last), zone, "day")
    assert hours(made) == expected


def test_a_kolkata_week_is_made_of_days_between_quarter_hours():
    made = TimeRange(at("Asia/Kolkata", 2026, 5, 4), at("Asia/Kolkata", 2026, 5, 11), "Asia/Kolkata", "week")
    assert [(span, (end - start) // MINUTE_MS) for span, start, end in made.step_spans] == [
        (15, 330),
        (1440, 6 * 1440),
        (15, 1110),
    ]


def test_days_of_accra_are_days_as_they_are_stored():
    made = TimeRange(at("Africa/Accra", 2026, 5, 1), at("Africa/Accra", 2026, 6, 1), "Africa/Accra", "day")
    assert made.step_spans == [(1440, made.edges[0], made.edges[-1])]
    year = TimeRange(at("Africa/Accra", 2026, 1, 1), at("Africa/Accra", 2027, 1, 1), "Africa/Accra", "month")
    assert [span for span, _, _ in year.total_spans] == [1440, 40_320, 1440]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("step", MAX_RANGE_MS_BY_STEP)
def test_pieces_cover_a_range_without_gap_or_overlap(zone: str, step: str):
    start = at(zone, 2026, 3, 20, 7, 13)
    made = TimeRange(
        start, start + MAX_RANGE_MS_BY_STEP[step] // (1000 if step == "month" else 3), zone, step
    )
    for pieces in (made.step_spans, made.total_spans):
        assert pieces[0][1] == made.edges[0] <= start
        assert pieces[-1][2] == made.edges[-1]
        assert all(one[2] == two[1] for one, two in pairwise(pieces))
        assert all(start % (span * MINUTE_MS) == end % (span * MINUTE_MS) == 0 for span, start, end in pieces)
    assert all(one < two for one, two in pairwise(made.edges))
    assert [made.get_step_index(edge) for edge in made.starts] == list(range(len(made.starts)))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("step", ["hour", "day", "week", "month"])
def test_each_step_begins_on_the_clock(zone: str, step: str):
    start = at(zone, 2026, 6, 20, 7, 13)
    for edge in TimeRange(
        start, start + MAX_RANGE_MS_BY_STEP[step] // (100 if step == "month" else 4), zone, step
    ).starts:
        local = datetime.fromtimestamp(edge / 1000, ZoneInfo(zone))
        assert local.minute == 0
        assert step == "hour" or local.hour in {0, 1}  # the day without a midnight
        assert step != "week" or local.weekday() == 0
        assert step != "month" or local.day == 1


def test_the_period_before_is_as_long_and_reaches_as_far():
    zone = "Europe/Berlin"
    made = TimeRange(at(zone, 2026, 11, 16), at(zone, 2026, 11, 22, 18), zone, "day")
    before = made.get_previous()
    assert before.edges[0] == at(zone, 2026, 11, 9)
    assert before.edges[-1] == at(zone, 2026, 11, 15, 18)
    month = TimeRange(at(zone, 2026, 3, 1), at(zone, 2026, 4, 1), zone, "month").get_previous()
    assert month.edges == (at(zone, 2026, 2, 1), at(zone, 2026, 3, 1))


@pytest.mark.parametrize(
    ("length", "step"),
    [
        (HOUR_MS, "minute"),
        (6 * HOUR_MS, "5 minutes"),
        (DAY_MS, "hour"),
        (30 * DAY_MS, "day"),
        (365 * DAY_MS, "week"),
    ],
)
def test_the_step_fits_the_range(length: int, step: str):
    now = at("Africa/Accra", 2026, 11, 22, 12)
    assert build_range(now - length, now, "Africa/Accra", now).step == step


def test_an_old_hour_is_one_point_since_its_minutes_are_gone():
    now = at("Africa/Accra", 2026, 11, 22, 12)
    assert build_range(now - 30 * DAY_MS, now - 30 * DAY_MS + HOUR_MS, "Africa/Accra", now).step == "hour"
    with pytest.raises(StepTooFineError, match="kept for two days"):
        build_range(now - 30 * DAY_MS, now, "Africa/Accra", now, "minute")
    with pytest.raises(StepTooFineError, match="750 points"):
        build_range(now - 365 * DAY_MS, now, "Africa/Accra", now, "hour")
