"""Clock of scripts and templates: every offset, sum and format as the time zone database has it."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brains.confined import zones
from tests.brains.confined.test_script import run

# Both halves of the world, half hours, Easter rules, a day that was skipped, changes at midnight, none at all.
ZONES = (
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/St_Johns",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Asia/Jerusalem",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "UTC",
)
_FIRST, _LAST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
_SOURCE = """
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

def show(moment):
    return [moment.isoformat(), moment.timestamp(), moment.strftime("%a %d.%m.%Y %H:%M %Z %z"), moment.fold]

found = []
for stamp, wall in ctx.args["cases"]:
    there = datetime.fromtimestamp(stamp)
    made = datetime(*wall)
    found.append([
        show(there),
        show(made),
        show(datetime(*wall, fold=1)),
        show(datetime.strptime("-".join(str(part) for part in wall), "%Y-%m-%d-%H-%M")),
        show(datetime.fromisoformat(made.isoformat()[:19])),
        show(datetime.combine(date(*wall[:3]), time(*wall[3:]))),
        show(there + timedelta(days=1)),
        show(there + timedelta(hours=1)),
        show(made.astimezone("Asia/Tokyo")),
        show(datetime(*wall, tzinfo=ZoneInfo("America/New_York")).astimezone()),
        (made - there).total_seconds(),
        made.astimezone("UTC").isoformat(),
    ])
ctx.result(found)
"""


def _find_changes(zone: ZoneInfo) -> list[int]:
    """Return the seconds at which the clocks of a zone change."""
    found, at = [], int(_FIRST.timestamp())
    while at < _LAST.timestamp():
        step = 86_400
        if _offset(zone, at) != _offset(zone, at + step):
            low, high = at, at + step
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(zone, middle) == _offset(zone, at) else (low, middle)
            found.append(high)
        at += step
    return found


def _offset(zone: ZoneInfo, stamp: int) -> timedelta | None:
    return datetime.fromtimestamp(stamp, zone).utcoffset()


def _show(moment: datetime) -> list[Any]:
    return [
        moment.isoformat(),
        moment.timestamp(),
        moment.strftime("%a %d.%m.%Y %H:%M %Z %z"),
        moment.fold,
    ]


def _expect(stamp: int, wall: list[int], zone: ZoneInfo) -> list[Any]:
    year, month, day, hour, minute = wall
    there = datetime.fromtimestamp(stamp, zone)
    made = datetime(year, month, day, hour, minute, tzinfo=zone)
    elsewhere = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo("America/New_York"))
    return [
        _show(there),
        _show(made),
        _show(made.replace(fold=1)),
        _show(made),
        _show(made),
        _show(datetime.combine(date(year, month, day), time(hour, minute), zone)),
        _show(there + timedelta(days=1)),
        _show(there + timedelta(hours=1)),
        _show(made.astimezone(ZoneInfo("Asia/Tokyo"))),
        _show(elsewhere.astimezone(zone)),
        (made - there).total_seconds(),
        made.astimezone(UTC).isoformat(),
    ]


def _check(name: str, now: int, stamps: list[int]) -> None:
    zone = ZoneInfo(name)
    walls = [datetime.fromtimestamp(stamp, zone) for stamp in stamps]
    cases = [
        [stamp, [wall.year, wall.month, wall.day, wall.hour, wall.minute]]
        for stamp, wall in zip(stamps, walls, strict=True)
    ]
    # Whatever the offset is at the moment of the run: no other moment has anything of it.
    made = run(_SOURCE, clock=[now, 12_345, name], args={"cases": cases})["ret"]
    assert made == [_expect(stamp, wall, zone) for stamp, wall in cases]


@pytest.mark.parametrize("name", ZONES)
def test_moments_about_every_change_of_clocks_are_as_in_the_time_zone_database(name: str):
    changes = _find_changes(ZoneInfo(name))
    assert changes or name in {"UTC", "America/Sao_Paulo", "Asia/Kolkata"}
    near = [-86_400, -7200, -3600, -1800, -60, 0, 60, 1800, 3600, 7200, 86_400]
    for change in changes:
        _check(name, change - 86_400 * 40, [change + by for by in near])


@given(
    st.sampled_from(ZONES),
    st.integers(int(_FIRST.timestamp()), int(_LAST.timestamp())),
    st.lists(st.integers(0, 4_000_000_000), min_size=1, max_size=5),
)
def test_any_moment_has_the_offset_of_its_own_day(name: str, now: int, stamps: list[int]):
    _check(name, now, [stamp - stamp % 60 for stamp in stamps])


@pytest.mark.parametrize("name", ZONES)
def test_a_daily_schedule_at_nine_is_at_nine_on_every_day_of_the_clock(name: str):
    zone = ZoneInfo(name)
    at = datetime(2025, 1, 1, 8, 30, tzinfo=zone).timestamp()
    for number in range(1, 3 * 365):
        ((_, plan),) = run('ctx.schedule("hello", at="09:00")', clock=[at, 0, name])["fx"]
        due = datetime.fromtimestamp(plan["due"], zone)
        assert (due.hour, due.minute) == (9, 0)
        assert due.date() == date(2024, 12, 31) + timedelta(days=number)
        at = plan["due"]


def test_a_time_that_the_clock_skips_comes_as_much_later_as_the_clock_jumps():
    start = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    source = 'ctx.schedule("hello", at="02:30")'
    ((_, plan),) = run(source, clock=[start, 3600, "Europe/Berlin"])["fx"]
    assert datetime.fromtimestamp(plan["due"], UTC) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_a_moment_without_a_zone_is_scheduled_on_the_brains_clock():
    source = (
        "import datetime\nctx.schedule('hello', at=datetime.datetime(2026, 7, 1, 9, 0).replace(tzinfo=None))"
    )
    ((_, plan),) = run(source, clock=[1_767_268_800, 3600, "Europe/Berlin"])["fx"]
    assert datetime.fromtimestamp(plan["due"], UTC) == datetime(2026, 7, 1, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "source",
    [
        'ctx.schedule("hello", at="9 o\'clock")',
        'ctx.schedule("hello", at="09:00+02:00")',
        'ctx.now.astimezone("Europe/Nowhere")',
        'from zoneinfo import ZoneInfo\nZoneInfo("../../etc/passwd")',
        'from zoneinfo import ZoneInfo\nZoneInfo("")',
    ],
)
def test_what_is_no_time_and_no_zone_is_an_error_in_words(source: str):
    with pytest.raises(ValueError, match=r"zone|isoformat"):
        run(source)


def test_a_misspelt_zone_names_those_alike():
    with pytest.raises(zones.UnknownZoneError) as caught:
        zones.get_zone("Europe/Berln")
    assert "Europe/Berlin" in caught.value.known


def test_every_zone_that_settings_take_is_known_to_the_child():
    zones.load_tables()
    missing = [
        name for name in ("Africa/Accra", "Europe/Kyiv", "Etc/GMT+5", "EST5EDT") if not zones.get_zone(name)
    ]
    assert missing == []


def test_a_zone_shows_its_name_and_nothing_of_the_machine():
    shown = run(
        "ctx.result([str(ctx.now.tzinfo), repr(ctx.now.tzinfo), ctx.now.tzinfo.key])",
        clock=[0, 0, "Asia/Tokyo"],
    )
    assert shown["ret"] == ["Asia/Tokyo", "zoneinfo.ZoneInfo(key='Asia/Tokyo')", "Asia/Tokyo"]
