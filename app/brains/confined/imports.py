"""The clock of a job and the imports of one run: `datetime` and `random` are the run's own."""

from __future__ import annotations

import datetime as dt

from .facades import JSON, MATH, Random
from .patterns import RE
from .shapes import Module, TypeFacade

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Clock:
    """The job's moment and its zone; every moment made with it has that zone unless another is given."""

    __slots__ = ("_moment",)

    def __init__(self, clock: Any) -> None:
        stamp, offset, name = clock
        zone = dt.timezone(dt.timedelta(seconds=offset), name) if offset or name else dt.UTC
        self._moment = dt.datetime.fromtimestamp(stamp, zone)

    def now(self, tz: dt.tzinfo | None = None) -> dt.datetime:
        """Return the job's moment; raises TypeError."""
        return self._moment.astimezone(tz) if tz else self._moment

    def _local(self, moment: dt.datetime) -> dt.datetime:
        return moment if moment.tzinfo else moment.replace(tzinfo=self._moment.tzinfo)

    def _make(self, *args: Any, **named: Any) -> dt.datetime:
        return self._local(dt.datetime(*args, **named))  # noqa: DTZ001  its zone comes right behind

    def _parse(self, text: str, pattern: str) -> dt.datetime:
        return self._local(dt.datetime.strptime(text, pattern))  # noqa: DTZ007  the same

    def _from_iso(self, text: str) -> dt.datetime:
        return self._local(dt.datetime.fromisoformat(text))

    def _from_stamp(self, stamp: float, tz: dt.tzinfo | None = None) -> dt.datetime:
        return dt.datetime.fromtimestamp(stamp, tz or self._moment.tzinfo)

    def _combine(self, *args: Any) -> dt.datetime:
        return self._local(dt.datetime.combine(*args))

    def _today(self) -> dt.date:
        return self._moment.date()

    def module(self) -> Module:
        """Return what `import datetime` gives."""
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


_SHARED = {"json": JSON, "re": RE, "math": MATH}


class Imports:
    """The modules of one run: those with a clock or a seed are its own."""

    __slots__ = ("_clock", "_data", "_random")

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._clock: Clock | None = None
        self._random: Random | None = None

    def clock(self) -> Clock:
        """Return the job's clock."""
        if self._clock is None:
            self._clock = Clock(self._data["clock"])
        return self._clock

    def random(self) -> Random:
        """Return the job's random numbers."""
        if self._random is None:
            self._random = Random(self._data["seed"])
        return self._random

    def load(self, name: str) -> Any:
        """Return what `import name` gives; raises ImportError."""
        if name == "random":
            return self.random()
        if name == "datetime":
            return self.clock().module()
        if name in _SHARED:
            return _SHARED[name]
        raise ImportError(f"{name} cannot be imported")
