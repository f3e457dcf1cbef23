"""Imports of a script: allowed modules, `datetime` in the brain's time zone, `random` with the run's seed."""

from __future__ import annotations

import datetime as dt
import zoneinfo

from .facades import JSON, MATH, Random
from .patterns import RE
from .shapes import Module, TypeFacade
from .zones import LOCAL, UnknownZoneError, get_zone

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Clock:
    """Time of a job; every datetime made with it is in the brain's zone unless another is given."""

    __slots__ = ("_moment",)

    def __init__(self, clock: Any) -> None:
        self._moment = dt.datetime.fromtimestamp(clock[0], LOCAL.zone)

    def now(self, tz: Any = None) -> dt.datetime:
        """Return the job's time; raises TypeError, UnknownZoneError."""
        return self._moment if tz is None else self._moment.astimezone(LOCAL.resolve(tz))

    def _make(self, *args: Any, **named: Any) -> dt.datetime:
        return LOCAL.localise(dt.datetime(*args, **named))  # noqa: DTZ001  its zone comes right behind

    def _parse(self, text: str, pattern: str) -> dt.datetime:
        return LOCAL.localise(dt.datetime.strptime(text, pattern))  # noqa: DTZ007  the same

    def _from_iso(self, text: str) -> dt.datetime:
        return LOCAL.localise(dt.datetime.fromisoformat(text))

    def _from_stamp(self, stamp: float, tz: Any = None) -> dt.datetime:
        return dt.datetime.fromtimestamp(stamp, LOCAL.resolve(tz))

    def _combine(self, *args: Any) -> dt.datetime:
        return LOCAL.localise(dt.datetime.combine(*args))

    def _today(self) -> dt.date:
        return self._moment.date()

    def build_module(self) -> Module:
        """Return the `datetime` module of a script."""
        kind, day = dt.datetime, dt.date
        moments = {
            "now": self.now,
            "today": self.now,
            "utcnow": lambda: self._moment.astimezone(dt.UTC),
            "strptime": self._parse,
            "fromisoformat": self._from_iso,
            "fromtimestamp": self._from_stamp,
            "combine": self._combine,
        }
        days = {"today": self._today, "fromisoformat": day.fromisoformat, "fromordinal": day.fromordinal}
        return Module(
            "datetime",
            {
                "datetime": TypeFacade("datetime", kind, self._make, moments),
                "date": TypeFacade("date", day, day, days),
                "time": TypeFacade("time", dt.time, dt.time, {}),
                "timedelta": TypeFacade("timedelta", dt.timedelta, dt.timedelta, {}),
                "timezone": TypeFacade("timezone", dt.timezone, dt.timezone, {"utc": dt.UTC}),
                "UTC": dt.UTC,
            },
        )


ZONES = Module(
    "zoneinfo",
    {
        "ZoneInfo": TypeFacade("ZoneInfo", zoneinfo.ZoneInfo, get_zone, {}),
        "ZoneInfoNotFoundError": UnknownZoneError,
    },
)
_SHARED = {"json": JSON, "re": RE, "math": MATH, "zoneinfo": ZONES}


class Imports:
    """Modules of one run: those with a clock or a seed are its own."""

    __slots__ = ("_clock", "_data", "_random")

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._clock: Clock | None = None
        self._random: Random | None = None

    def get_clock(self) -> Clock:
        """Return the job's clock."""
        if self._clock is None:
            self._clock = Clock(self._data["clock"])
        return self._clock

    def get_random(self) -> Random:
        """Return the job's random number generator."""
        if self._random is None:
            self._random = Random(self._data["seed"])
        return self._random

    def load(self, name: str) -> Any:
        """Return the module for `import name`; raises ImportError."""
        if name == "random":
            return self.get_random()
        if name == "datetime":
            return self.get_clock().build_module()
        if name in _SHARED:
            return _SHARED[name]
        raise ImportError(f"{name} cannot be imported")
