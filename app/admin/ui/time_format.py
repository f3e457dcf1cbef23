"""Moments in the operator's time zone, always with the exact time on hover."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask
from flask_login import current_user
from markupsafe import Markup

from app.web import house

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def init_app(app: Flask) -> None:
    """Give templates the filters `clock`, `precise`, `ago`, `short`, `day` and `span`."""
    for name, words in {"clock": _clock, "ago": _ago, "short": _short, "precise": _precise}.items():
        app.jinja_env.filters[name] = _stamped(words)
    app.jinja_env.filters.update(day=day, span=span, exact=exact)


def known_zone(name: str) -> str:
    """Return the zone's name, or UTC when there is no such zone."""
    # Opening a zone is remembered by ZoneInfo; listing all zones reads a thousand files each time.
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def zone() -> ZoneInfo:
    """Return the operator's zone."""
    name = current_user.timezone if current_user and current_user.is_authenticated else "UTC"
    return ZoneInfo(known_zone(name))


def local(ms: int) -> datetime:
    """Return a moment in the operator's zone."""
    return datetime.fromtimestamp(ms / 1000, zone())


def day(ms: int) -> str:
    """Return the day of a moment: Today, Yesterday or a date."""
    moment, today = local(ms), local(house().clock())
    if moment.date() == today.date():
        return "Today"
    if moment.date() == (today - timedelta(days=1)).date():
        return "Yesterday"
    return moment.strftime("%A, %-d %B") if moment.year == today.year else moment.strftime("%-d %B %Y")


def exact(ms: int) -> str:
    """Return a moment to the second, with its zone."""
    return local(ms).strftime("%a %-d %b %Y, %H:%M:%S %Z")


def span(ms: int) -> str:
    """Return a duration in one or two units."""
    if ms < 1000:
        return f"{ms} ms"
    if ms < MINUTE:
        return f"{ms / 1000:.0f} s"
    if ms < HOUR:
        return f"{ms // MINUTE} min"
    if ms < DAY:
        minutes = ms % HOUR // MINUTE
        return f"{ms // HOUR} h {minutes} min" if minutes else f"{ms // HOUR} h"
    return f"{ms // DAY} d"


def _stamped(words):  # noqa: ANN001, ANN202  a filter made of a function ms -> words
    def stamp(ms: int | None) -> Markup:
        if not ms:
            return Markup("")
        utc = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")
        return Markup('<time datetime="{}" title="{}">{}</time>').format(utc, exact(ms), words(ms))

    return stamp


def _clock(ms: int) -> str:
    return local(ms).strftime("%H:%M")


def _precise(ms: int) -> str:
    return f"{local(ms):%H:%M:%S}.{ms % 1000:03}"


def _ago(ms: int) -> str:
    age = house().clock() - ms
    if age < 5000:
        return "just now"
    return f"{span(age)} ago" if age < 7 * DAY else local(ms).strftime("%-d %b %Y")


def _short(ms: int) -> str:
    name = day(ms)
    if name == "Today":
        return _clock(ms)
    moment = local(ms)
    if name == "Yesterday":
        return name
    return (
        moment.strftime("%-d %b")
        if moment.year == local(house().clock()).year
        else moment.strftime("%-d %b %Y")
    )


def greeting(ms: int) -> str:
    """Return the greeting of the hour."""
    hour = local(ms).hour
    return "Good morning" if 4 <= hour < 12 else "Good afternoon" if 12 <= hour < 18 else "Good evening"
