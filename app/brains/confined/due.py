"""Moment at which a scheduled command is due, from what a script gives."""

from __future__ import annotations

import datetime as dt

from .. import limits  # noqa: TID252  the package has another name in the child
from .language import LimitReachedError
from .plain import describe_type, to_number
from .zones import LOCAL

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from typing import Any


def compute_due(after: Any, at: Any, now: dt.datetime) -> float:
    """Return the due time in seconds since 1970 UTC; raises TypeError, ValueError, LimitReachedError.

    `after` is a number of seconds or a timedelta, `at` a moment, or a time such as "09:00" on the brain's clock.
    """
    if (after is None) == (at is None):
        raise ValueError("it is not clear when; give either after=seconds or at=a moment")
    began = now.timestamp()
    if after is None:
        due = _read_moment(at, now).timestamp()
    else:
        due = began + (after.total_seconds() if type(after) is dt.timedelta else to_number(after, "“after”"))
    if due < began:
        raise ValueError("this moment is in the past; give one that is still to come")
    if due > began + limits.SCHEDULE_SECONDS:
        raise LimitReachedError("A command can be scheduled at most a year ahead.")
    return float(due)


def _read_moment(at: Any, now: dt.datetime) -> dt.datetime:
    if type(at) is str:
        return _find_next(at, now)
    if type(at) is dt.datetime:
        return LOCAL.localise(at)
    raise TypeError(
        f"“at” is {describe_type(at)}; give a moment, such as ctx.now, or a time, such as '09:00'"
    )


def _find_next(clock_time: str, now: dt.datetime) -> dt.datetime:
    """Return when the clock next shows a time: later today, else tomorrow, however long that day is."""
    wanted = dt.time.fromisoformat(clock_time)
    if wanted.tzinfo:
        raise ValueError(f"'{clock_time}' has a zone; write the time alone, such as '09:00'")
    today = dt.datetime.combine(now.date(), wanted, now.tzinfo)
    return today if today.timestamp() > now.timestamp() else today + dt.timedelta(days=1)
