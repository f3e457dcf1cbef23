"""Format of times in the operator's time zone, with the exact time as tooltip."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from flask import Flask, g
from flask_login import current_user
from markupsafe import Markup

from app.clock import DAY_MS, HOUR_MS, MINUTE_MS, is_timezone
from app.services import services


def init_app(app: Flask) -> None:
    """Give templates the filters `clock`, `precise`, `dated`, `ago`, `short`, `day` and `span`."""
    for name, words in {
        "clock": _format_clock,
        "ago": _format_age,
        "short": _format_short,
        "precise": _format_precise,
        "dated": _format_dated,
    }.items():
        app.jinja_env.filters[name] = _build_time_filter(words)
    app.jinja_env.filters.update(day=format_day, span=format_duration, exact=format_exact)


def normalise_zone(name: str) -> str:
    """Return the zone's name, or UTC when there is no such zone."""
    return name if is_timezone(name) else "UTC"


@cache
def list_zones() -> Sequence[str]:
    """List the names of all zones; of the one file that has them, for zoneinfo reads a thousand."""
    return resources.files("tzdata").joinpath("zones").read_text().split()


def get_zone() -> ZoneInfo:
    """Return the operator's zone, as it was when this request first asked."""
    if "zone" not in g:
        name = current_user.timezone if current_user and current_user.is_authenticated else "UTC"
        g.zone = ZoneInfo(normalise_zone(name))
    return g.zone


def to_local(ms: int) -> datetime:
    """Return a moment in the operator's zone."""
    return datetime.fromtimestamp(ms / 1000, get_zone())


def format_day(ms: int) -> str:
    """Return the day of a moment: Today, Yesterday or a date."""
    moment, today = to_local(ms), to_local(services().clock())
    if moment.date() == today.date():
        return "Today"
    if moment.date() == (today - timedelta(days=1)).date():
        return "Yesterday"
    return moment.strftime("%A, %-d %B") if moment.year == today.year else moment.strftime("%-d %B %Y")


def format_exact(ms: int) -> str:
    """Return a moment to the second, with its zone."""
    return to_local(ms).strftime("%a %-d %b %Y, %H:%M:%S %Z")


def format_duration(ms: int) -> str:
    """Return a duration in one or two units."""
    if ms < 1000:
        return f"{ms} ms"
    if ms < MINUTE_MS:
        return f"{ms / 1000:.0f} s"
    if ms < HOUR_MS:
        return f"{ms // MINUTE_MS} min"
    if ms < DAY_MS:
        minutes = ms % HOUR_MS // MINUTE_MS
        return f"{ms // HOUR_MS} h {minutes} min" if minutes else f"{ms // HOUR_MS} h"
    return f"{ms // DAY_MS} d"


def _build_time_filter(words):  # noqa: ANN001, ANN202  a filter made of a function ms -> words
    def stamp(ms: int | None) -> Markup:
        if not ms:
            return Markup("")
        utc = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
        # Nothing here comes from outside; a page has a hundred of these.
        return Markup(f'<time datetime="{utc}" title="{format_exact(ms)}">{words(ms)}</time>')  # noqa: S704

    return stamp


def _format_clock(ms: int) -> str:
    return to_local(ms).strftime("%H:%M")


def _format_precise(ms: int) -> str:
    return f"{to_local(ms):%H:%M:%S}.{ms % 1000:03}"


def _format_dated(ms: int) -> str:
    """Return a moment to the millisecond, with its date unless that is today."""
    moment, today = to_local(ms), to_local(services().clock())
    if moment.date() == today.date():
        return _format_precise(ms)
    return f"{moment.strftime('%-d %b' if moment.year == today.year else '%-d %b %Y')} {_format_precise(ms)}"


def _format_age(ms: int) -> str:
    age = services().clock() - ms
    if age < 5000:
        return "just now"
    return f"{format_duration(age)} ago" if age < 7 * DAY_MS else to_local(ms).strftime("%-d %b %Y")


def _format_short(ms: int) -> str:
    name = format_day(ms)
    if name == "Today":
        return _format_clock(ms)
    moment = to_local(ms)
    if name == "Yesterday":
        return name
    return (
        moment.strftime("%-d %b")
        if moment.year == to_local(services().clock()).year
        else moment.strftime("%-d %b %Y")
    )


def get_greeting(ms: int) -> str:
    """Return the greeting of the hour."""
    hour = to_local(ms).hour
    return "Good morning" if 4 <= hour < 12 else "Good afternoon" if 12 <= hour < 18 else "Good evening"
