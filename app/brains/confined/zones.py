"""Time zones by name from tables read before confinement, the run's own zone, and patterns of times."""

from __future__ import annotations

import _io
import datetime as dt
import re
import sys
import zoneinfo

from .language import LimitReachedError

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from typing import Any

_PACKAGE = "tzdata"
_LIST = "zones"  # file with the names of all zones, one a line
_ALIKE = 2  # letters by which a misspelt name is looked up
_CODE_CHARS = 100
_WIDE = re.compile(r"%[^a-zA-Z%]")
_tables: dict[str, bytes] = {}
_zones: dict[str, dt.tzinfo] = {"UTC": dt.UTC}


class UnknownZoneError(ValueError):
    """Name of no time zone; `known` are names alike."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"there is no time zone “{wanted[:40]}”")
        self.wanted = wanted
        start = _cut_place(wanted)[:_ALIKE]
        self.known = [name for name in _tables if _cut_place(name).startswith(start)]


def _cut_place(name: str) -> str:
    return name.rpartition("/")[2].casefold()


def load_tables() -> None:
    """Read the tables of all zones, in the order of the host's `zoneinfo`: the system's folder, then tzdata."""
    packages = [f"{folder}/{_PACKAGE}" for folder in sys.path]
    listed = next((read for each in packages if (read := _read(f"{each}/{_LIST}"))), b"")
    folders = [*zoneinfo.TZPATH, *(f"{each}/zoneinfo" for each in packages)]
    for name in listed.decode().split():
        found = (_read(f"{folder}/{name}") for folder in folders)
        table = next((read for read in found if read), None)
        if table:
            _tables[name] = table


def _read(path: str) -> bytes | None:
    try:
        with _io.FileIO(path) as file:
            return file.readall()
    except OSError:
        return None


def get_zone(name: Any) -> dt.tzinfo:
    """Return the zone of a name such as Africa/Accra; raises TypeError, UnknownZoneError."""
    if type(name) is not str:
        raise TypeError("a time zone is named by a text such as 'Africa/Accra'")
    if name not in _zones:
        if not _tables:
            load_tables()
        if name not in _tables:
            raise UnknownZoneError(name)
        _zones[name] = zoneinfo.ZoneInfo.from_file(_io.BytesIO(_tables[name]), key=name)
    return _zones[name]


class LocalZone:
    """Zone of the brain whose code runs now; a child has one job at a time."""

    __slots__ = ("_name", "_offset", "_zone")

    def __init__(self) -> None:
        self.begin("UTC")

    def begin(self, name: str, offset: int = 0) -> None:
        """Begin a job; `offset` (seconds) stands in for a name that no table has."""
        self._offset, self._name = offset, name
        self._zone: dt.tzinfo | None = None

    @property
    def zone(self) -> dt.tzinfo:
        """The zone, built when it is first asked for: most runs never do."""
        if self._zone is None:
            try:
                self._zone = get_zone(self._name)
            except UnknownZoneError:
                self._zone = dt.timezone(dt.timedelta(seconds=self._offset), self._name)
        return self._zone

    def resolve(self, wanted: Any) -> dt.tzinfo:
        """Return a zone given as None (the brain's), a name or a zone; raises TypeError, UnknownZoneError."""
        if wanted is None:
            return self.zone
        return wanted if isinstance(wanted, dt.tzinfo) else get_zone(wanted)

    def localise(self, moment: dt.datetime) -> dt.datetime:
        """Return a moment with this zone unless it has one."""
        return moment if moment.tzinfo else moment.replace(tzinfo=self.zone)


LOCAL = LocalZone()


def format_time(moment: Any, pattern: Any) -> str:
    """Return `moment.strftime(pattern)`; raises TypeError, LimitReachedError."""
    if type(pattern) is not str:
        raise TypeError("strftime() takes a text such as '%d.%m.%Y'")
    if len(pattern) > _CODE_CHARS or _WIDE.search(pattern):
        raise LimitReachedError(
            f"strftime() takes a short pattern of simple codes such as %d, {_CODE_CHARS} characters"
        )
    return moment.strftime(pattern)


def read_moment(value: Any) -> dt.datetime:
    """Return the moment of a time stamp (seconds) or of an ISO text, in the brain's zone unless the text has one.

    Raises TypeError, ValueError.
    """
    if type(value) is str:
        return LOCAL.localise(dt.datetime.fromisoformat(value))
    if type(value) is not int and type(value) is not float:
        raise TypeError("a time is a number of seconds, or a text such as '2026-07-01T09:00'")
    try:
        return dt.datetime.fromtimestamp(value, LOCAL.zone)
    except OverflowError:
        raise ValueError("this number of seconds is beyond all calendars") from None


def strftime(value: Any, pattern: Any = "%Y-%m-%d %H:%M", tz: Any = None) -> str:
    """Return a time of a template as text: brain's zone unless another is named; raises TypeError, ValueError."""
    return format_time(read_moment(value).astimezone(LOCAL.resolve(tz)), pattern)
