"""Guards of attribute and item access: which attributes of which types a script may read or change."""

from __future__ import annotations

import datetime as dt
import re
import types
import zoneinfo

from . import operators
from .shapes import KNOWN, MissingKeyError, Module, Namespace, Record, TypeFacade
from .texts import find_index
from .zones import LOCAL, format_time

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn


class UnknownAttributeError(AttributeError):
    """Access to a name an object does not have; `known` lists the names it has."""

    def __init__(self, message: str, wanted: str, known: Iterable[str]) -> None:
        super().__init__(message)
        self.wanted = wanted
        self.known = sorted(known)[:KNOWN]


def name_methods(kind: type) -> None:
    """Set the names of the methods of a type as errors show them: ctx.reply()."""
    for name in ATTRIBUTES[kind]:
        function = kind.__dict__.get(name)
        if isinstance(function, types.FunctionType):
            function.__qualname__ = f"{kind.title}.{name}"


def split_words(listed: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(listed.split())


_SET = (
    "copy difference intersection isdisjoint issubset issuperset symmetric_difference union"  # of both kinds
)
_DATE = "year month day weekday isoweekday isoformat isocalendar replace toordinal"
_CLOCK = "hour minute second microsecond tzinfo utcoffset tzname fold"
_MATCH = type(re.match("", ""))
# Attributes by exact type; whatever is not listed does not exist. No str.format, format_map, expandtabs,
# translate, encode: formatting walks attributes, the others multiply or leave plain data.
ATTRIBUTES: dict[type, frozenset[str]] = {
    str: split_words(
        "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit isidentifier "
        "islower isnumeric isprintable isspace istitle isupper join lower lstrip partition removeprefix "
        "removesuffix rfind rindex rpartition rsplit rstrip split splitlines startswith strip swapcase title upper"
    ),
    int: split_words("bit_length bit_count"),
    float: split_words("is_integer"),
    list: split_words("append clear copy count extend insert pop remove reverse sort"),
    dict: split_words("clear copy get items keys pop popitem setdefault update values"),
    tuple: split_words("count index"),
    set: split_words(
        f"{_SET} add clear discard pop remove update difference_update intersection_update symmetric_difference_update"
    ),
    frozenset: split_words(_SET),
    range: split_words("count index start stop step"),
    _MATCH: split_words("group groups groupdict start end span lastindex lastgroup string"),
    dt.date: split_words(_DATE),
    dt.time: split_words(f"{_CLOCK} isoformat replace"),
    dt.datetime: split_words(f"{_DATE} {_CLOCK} date time timetz"),
    dt.timedelta: split_words("days seconds microseconds total_seconds"),
    type(dt.date(2000, 1, 1).isocalendar()): split_words("year week weekday"),
    zoneinfo.ZoneInfo: split_words("key"),
}
# Exact types whose objects have a dictionary `members`: those, too, can be read as attributes.
MEMBERED: set[type] = {Module, Namespace, TypeFacade}
_ITERABLE = frozenset(
    {str, list, tuple, dict, set, frozenset, range, map, filter, zip, enumerate, reversed, Record}
    | {type({}.keys()), type({}.values()), type({}.items()), type(_ for _ in ()), type(iter(int, 0))}
    | {type(reversed([])), type(reversed({})), type(reversed({}.items())), type(reversed({}.values()))}
    | {type(iter(())), type(iter([])), type(iter({})), type(iter(range(0))), type(iter("a")), type(iter("é"))}
)
_INDEXED = frozenset({str, list, tuple, range})
_KEYED = frozenset({dict, Record, _MATCH})


def read_attribute(obj: Any, name: str) -> Any:
    """Read `obj.name`; raises UnknownAttributeError for names outside the tables."""
    names = ATTRIBUTES.get(type(obj))
    if names is not None and name in names:
        return getattr(obj, name)
    return _read_otherwise(obj, name)


def _read_otherwise(obj: Any, name: str) -> Any:
    kind = type(obj)
    if kind is Record:
        if name in obj.fields:
            return obj.fields[name]
        if name in _RECORD:
            return getattr(obj.fields, name)
    elif kind in MEMBERED and name in obj.members:
        return obj.members[name]
    elif name in GUARDED.get(kind, ()):
        return _bound(GUARDED[kind][name], obj)
    elif name == "args" and isinstance(obj, BaseException):
        return obj.args
    raise build_attribute_error(obj, name)


_RECORD = split_words("get keys values items")


def _bound(function: Callable[..., Any], obj: Any) -> Callable[..., Any]:
    def method(*args: Any, **named: Any) -> Any:
        return function(obj, *args, **named)

    return method


def build_attribute_error(obj: Any, name: str) -> UnknownAttributeError:
    """Build the error for a name an object does not have."""
    kind = type(obj)
    if kind is Record:
        known = {*obj.fields, "get"}
    elif kind in MEMBERED:
        known = {*obj.members, *ATTRIBUTES.get(kind, ())}
    elif issubclass(kind, BaseException):
        known = {"args"}
    else:
        known = {*ATTRIBUTES.get(kind, ()), *GUARDED.get(kind, ())}
    title = obj.title if kind is Record or kind in MEMBERED else _title(kind)
    return UnknownAttributeError(f"{title} has no {name}", name, known)


def _title(kind: type) -> str:
    return getattr(kind, "title", kind.__name__) if kind.__module__ != "builtins" else kind.__name__


def guard_getattr(obj: Any, name: Any, *default: Any) -> Any:
    """Return `getattr(...)` within the tables; raises TypeError, UnknownAttributeError."""
    if type(name) is not str:
        raise TypeError("getattr() takes the name as a text")
    try:
        return read_attribute(obj, name)
    except UnknownAttributeError:
        if default:
            return default[0]
        raise


def guard_hasattr(obj: Any, name: Any) -> bool:
    """Tell whether the tables hold a name for this object; raises TypeError."""
    if type(name) is not str:
        raise TypeError("hasattr() takes the name as a text")
    try:
        read_attribute(obj, name)
    except UnknownAttributeError:
        return False
    return True


def guard_isinstance(obj: Any, kinds: Any) -> bool:
    """Tell whether `obj` is of these types, which may be facades; raises TypeError."""
    if type(kinds) is tuple:
        return any(guard_isinstance(obj, kind) for kind in kinds)
    if type(kinds) is TypeFacade:
        kinds = kinds.kind
    elif kinds is operators.guard_range:
        kinds = range
    return isinstance(obj, kinds)


def read_item(obj: Any, key: Any) -> Any:
    """Read `obj[key]` of plain data; raises MissingKeyError, IndexError, TypeError."""
    kind = type(obj)
    if kind in _INDEXED:
        try:
            return obj[key]
        except IndexError:
            raise IndexError(f"there is no entry {key}: this {kind.__name__} has {len(obj)}") from None
    if kind in _KEYED:
        try:
            return obj[key]
        except KeyError:
            raise MissingKeyError(key, obj) from None
    raise TypeError(f"'{kind.__name__}' object is not subscriptable")


def check_iterable(obj: Any) -> Any:
    """Return the object if a loop may iterate over it; raises TypeError."""
    if type(obj) in _ITERABLE:
        return obj
    raise TypeError(f"'{type(obj).__name__}' object is not iterable")


def check_writable(obj: Any) -> Any:
    """Return the object if its items may be set or deleted; raises TypeError."""
    if type(obj) is list or type(obj) is dict:
        return obj
    raise TypeError(f"'{type(obj).__name__}' object does not support item assignment")


def change_item(op: str, obj: Any, key: Any, value: Any) -> None:
    """Execute `obj[key] op value`, such as `counts["a"] += 1`."""
    check_writable(obj)[key] = operators.apply_in_place(op, read_item(obj, key), value)


def _no_zone() -> NoReturn:
    raise ValueError("this moment has no time zone; ctx.now and datetime.now() have one")


def _timestamp(moment: dt.datetime) -> float:
    return moment.timestamp() if moment.tzinfo else _no_zone()


def _astimezone(moment: dt.datetime, tz: Any = None) -> dt.datetime:
    return moment.astimezone(LOCAL.resolve(tz)) if moment.tzinfo else _no_zone()


# Methods that need a look at what they are given, or that import lazily: from a frame of ours Python can.
GUARDED: dict[type, dict[str, Callable[..., Any]]] = {
    str: operators.TEXT_METHODS,
    list: {"index": find_index},
    dt.date: {"strftime": format_time},
    dt.time: {"strftime": format_time},
    dt.datetime: {"strftime": format_time, "timestamp": _timestamp, "astimezone": _astimezone},
}
