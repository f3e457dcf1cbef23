"""Format of times in the operator's time zone, with the exact time as tooltip."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask
from flask_login import current_user
from markupsafe import Markup

from app.clock import DAY_MS, HOUR_MS, MINUTE_MS
from app.services import services


def init_app(app: Flask) -> None:
    """Give templates the filters `clock`, `precise`, `ago`, `short`, `day` and `span`."""
    for name, words in {
        "clock": _format_clock,
        "ago": _format_age,
        "short": _format_short,
        "precise": _format_precise,
    }.items():
        app.jinja_env.filters[name] = _build_time_filter(words)
    app.jinja_env.filters.update(day=format_day, span=format_duration, exact=format_exact)


def normalise_zone(name: str) -> str:
    """Return the zone's name, or UTC when there is no such zone."""
    # Opening a zone is remembered by ZoneInfo; listing all zones reads a thousand files each time.
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def get_zone() -> ZoneInfo:
    """Return the operator's zone."""
    name = current_user.timezone if current_user and current_user.is_authenticated else "UTC"
    return ZoneInfo(normalise_zone(name))


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
        return Markup('<time datetime="{}" title="{}">{}</time>').format(utc, format_exact(ms), words(ms))

    return stamp


def _format_clock(ms: int) -> str:
    return to_local(ms).strftime("%H:%M")


def _format_precise(ms: int) -> str:
    return f"{to_local(ms):%H:%M:%S}.{ms % 1000:03}"


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
