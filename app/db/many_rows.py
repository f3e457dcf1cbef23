"""Texts that write many rows in one execution, made from those that write one: for SQLite and for PostgreSQL.

SQLite's driver lets go of Python's lock for each execution and then stands in line for it; PostgreSQL plans, binds and
answers each. What an execution costs is paid for many rows at once.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any, Final

import orjson
from sqlalchemy import Column, Integer

from app.text import to_json

_VALUES: Final = re.compile(r" VALUES (\([?, ]+\))")
_SET_OF_VALUES: Final = re.compile(r" VALUES \(((?:[^()]|%\(\w+\)s)+)\)")
# SQLAlchemy's names of types have more words where a single one of these does not do.
_PARAMETER: Final = re.compile(r"%\((\w+)\)s(?:::([A-Z]+))?")
_JSON: Final = "JSON"
_KINDS: Final = frozenset({"BIGINT", "INTEGER", "BOOLEAN", "VARCHAR", "TEXT", _JSON})
_ROWS: Final = "rows"


# Of SQLite, in sizes of powers of two, so that the driver keeps their texts prepared; 64 rows of 40 columns are far
# below its 32,766 parameters.
MAX_ROWS_AT_ONCE: Final = 64


class RepeatedValues:
    """How a text of SQLite's takes several rows: `row_values` is what stands for one of them.

    `key_width` of a row's last values say which stored row an update changes; 0 for an insert.
    """

    def __init__(self, before: str, row_values: str, after: str, key_width: int = 0) -> None:
        self._parts = before, row_values, after
        self._texts: dict[int, str] = {}
        self._key_width = key_width

    def has_distinct_keys(self, rows: Sequence[Sequence[Any]]) -> bool:
        """Tell whether no two of the rows change the same."""
        width = self._key_width
        return not width or len({row[-width:] for row in rows}) == len(rows)

    def split(self, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
        """Yield texts that write the rows, each with its parameters."""
        first = 0
        while first < len(rows):
            size = min(MAX_ROWS_AT_ONCE, 1 << ((len(rows) - first).bit_length() - 1))
            yield self._build_text(size), list(chain.from_iterable(rows[first : first + size]))
            first += size

    def _build_text(self, count: int) -> str:
        if count not in self._texts:
            before, row_values, after = self._parts
            self._texts[count] = f"{before}{', '.join([row_values] * count)}{after}"
        return self._texts[count]


def find_repeated_values(text: str) -> RepeatedValues | None:
    """Return how a text of SQLite's takes several rows; None when it takes one."""
    values = _VALUES.search(text)
    if values and values[1].count("?") == text.count("?"):
        # All parameters stand in one list of values.
        return RepeatedValues(text[: values.start(1)], values[1], text[values.end(1) :])
    if not text.startswith("UPDATE ") or text.count(" WHERE ") != 1 or " RETURNING " in text:
        return None
    # SQLite names the columns of a list of values column1, column2, …
    places = (f"given.column{place}" for place in count(1))
    changes, condition = text.split(" WHERE ")
    changed, wanted = (re.sub(r"\?", lambda _: next(places), part) for part in (changes, condition))
    row_values = f"({', '.join('?' * text.count('?'))})"
    return RepeatedValues(
        f"{changed} FROM (VALUES ", row_values, f") AS given WHERE {wanted}", condition.count("?")
    )


class RecordSet:
    """How a text of PostgreSQL's takes several rows: as one JSON array, whatever their number.

    One parameter: its text stays prepared, and neither driver nor server handles each value by itself; its
    arrays are built by the driver in Python. `keys` say which stored row an update changes.
    """

    def __init__(self, text: str, keys: frozenset[str] = frozenset()) -> None:
        self._text = text
        self._keys = keys

    def has_distinct_keys(self, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether no two of the rows change the same."""
        keys = self._keys
        return not keys or len({tuple(row[key] for key in keys) for row in rows}) == len(rows)

    def split(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the one text with its only parameter; JSON columns are texts already."""
        try:
            encoded = orjson.dumps(rows).decode()
        except TypeError:  # lone surrogates, integers beyond 64 bits: the database refuses them
            encoded = to_json(rows)
        yield self._text, {_ROWS: encoded}


def find_record_set(text: str, columns: Mapping[str, Column[Any]]) -> RecordSet | None:
    """Return how a text of PostgreSQL's takes several rows of a table with these columns; None when it takes one."""
    kinds = {name: kind for name, kind in _PARAMETER.findall(text) if kind}
    names = _list_names(text)
    for name in names:
        if name not in kinds and name in columns and isinstance(columns[name].type, Integer):
            kinds[name] = "BIGINT"
    if not names <= kinds.keys() or not set(kinds.values()) <= _KINDS:
        return None
    given = _list_given(kinds)
    if text.startswith("INSERT "):
        return _find_inserted(text, kinds, given)
    if not text.startswith("UPDATE ") or text.count(" WHERE ") != 1 or " RETURNING " in text:
        return None
    changes, condition = text.split(" WHERE ")
    changed, wanted = _name_given(changes, kinds), _name_given(condition, kinds)
    return RecordSet(f"{changed} FROM {given} WHERE {wanted}", _list_names(condition))


def _find_inserted(text: str, kinds: Mapping[str, str], given: str) -> RecordSet | None:
    values = _SET_OF_VALUES.search(text)
    if not values or _PARAMETER.search(text[: values.start()] + text[values.end() :]):
        return None
    # Numbered as they came: what a sequence gives follows that order.
    before, after = text[: values.start()], text[values.end() :]
    return RecordSet(
        f"{before} SELECT {_name_given(values[1], kinds)} FROM {given} ORDER BY given.place{after}"  # noqa: S608  SQLAlchemy's own words
    )


def _list_names(text: str) -> frozenset[str]:
    return frozenset(name for name, _ in _PARAMETER.findall(text))


def _list_given(kinds: Mapping[str, str]) -> str:
    # Without lengths: a cast to one would cut what the column itself refuses.
    typed = ", ".join(f'"{name}" {"TEXT" if kind == _JSON else kind}' for name, kind in kinds.items())
    names = ", ".join(f'"{name}"' for name in kinds)
    found = f"ROWS FROM (json_to_recordset(%({_ROWS})s::json) AS ({typed}))"
    return f"{found} WITH ORDINALITY AS given({names}, place)"


def _name_given(part: str, kinds: Mapping[str, str]) -> str:
    def name(found: re.Match[str]) -> str:
        return f'given."{found[1]}"' + ("::JSON" if kinds[found[1]] == _JSON else "")

    return _PARAMETER.sub(name, part)
