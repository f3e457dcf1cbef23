"""Prepared statements: built by SQLAlchemy, compiled once a dialect, run on the driver; rows of one insert.

SQLAlchemy's execution costs 60 to 100 us a statement beside the 5 to 10 us of the driver; the pipeline runs some
twenty statements for every group of messages. Everything that is not on the message's way uses SQLAlchemy as it is.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Dialect, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import JSON, BigInteger, Boolean, String

from app.db.engine import remove_values
from app.db.schema import Base
from app.text import to_json

Rows = list[dict[str, Any]]
# SQLite lets go of Python's lock for each execution; inserts of many rows are few executions, in sizes of powers of two
# so that the driver keeps their texts prepared. 64 rows of 40 columns are far below its 32,766 parameters.
MAX_ROWS_PER_INSERT: Final = 64
_VALUES = re.compile(r" VALUES (\([?, ]+\))")


class InList(ColumnElement[bool]):
    """`column` is in a list given at run time as one parameter, so that the statement's text never changes."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        # A plain parameter: the drivers get a JSON text (SQLite) or an array (PostgreSQL).
        self.bind: BindParameter[Any] = bindparam(f"list_{name}", type_=String())
        self.numbers = isinstance(column.type, BigInteger)

    def self_group(self, against: Any = None) -> "InList":  # noqa: ARG002  SQLAlchemy's signature
        """Stand alone: SQLite needs no `= 1` behind a comparison."""
        return self


@compiles(InList, "sqlite")
def _compile_in_list_sqlite(element: InList, compiler: SQLCompiler, **kw: Any) -> str:
    column, bind = compiler.process(element.column, **kw), compiler.process(element.bind, **kw)
    return f"{column} IN (SELECT value FROM json_each({bind}))"  # noqa: S608  both are the compiler's own words


@compiles(InList, "postgresql")
def _compile_in_list_postgresql(element: InList, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    # Registers the parameter; its own text would cast an array to text.
    compiler.process(element.bind, **kw)
    kind = "BIGINT[]" if element.numbers else "VARCHAR[]"
    return f"{column} = ANY(%({element.bind.key})s::{kind})"


class CompiledStatement:
    """A statement compiled for one dialect: text, order of parameters, names and JSON columns of its rows."""

    def __init__(self, statement: Any, dialect: Dialect, columns: Sequence[str] | None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.text: str = compiled.string
        self.order: list[str] | None = compiled.positiontup
        self._texts: dict[int, str] = {}
        self.fixed = {
            name: bind.value
            for name, bind in compiled.binds.items()
            if not bind.required and bind.value is not None
        }
        for column in compiled.insert_prefetch:
            if column.default is not None and column.default.is_scalar:
                self.fixed[column.key] = column.default.arg
        names = list(compiled.params) if self.order is None else self.order
        # What is not given is null.
        self._defaults = {**dict.fromkeys(names), **self.fixed}
        self._pick = itemgetter(*names) if len(names) > 1 else lambda values: tuple(values[n] for n in names)
        self.json = {name for name in names if isinstance(compiled.binds[name].type, JSON)}
        returned = list(
            getattr(statement, "selected_columns", None) or getattr(statement, "_returning", ()) or ()
        )
        if not returned:
            returned = list(getattr(statement, "exported_columns", None) or ())
        self.names = [column.key for column in returned]
        self.parsed = [column.key for column in returned if isinstance(column.type, JSON)]
        self.array = dialect.name == "postgresql"
        # Where all parameters stand in one list of values, an insert can take many rows at once.
        found = _VALUES.search(self.text) if self.order is not None else None
        self._row_values = found[1] if found and found[1].count("?") == self.text.count("?") else None

    def bind(self, given: Mapping[str, Any]) -> Any:
        """Return the parameters of one execution, in the order of the text, JSON columns as text."""
        values = {**self._defaults, **given}
        for name in self.json:
            values[name] = to_json(values[name])
        return values if self.order is None else self._pick(values)

    def split_rows(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Yield texts that insert the rows, many at a time where that can be, each with its parameters."""
        first = 0
        while first < len(rows):
            left = len(rows) - first if self._row_values else 1
            size = min(MAX_ROWS_PER_INSERT, 1 << (left.bit_length() - 1))
            values = chain.from_iterable(map(self.bind, rows[first : first + size]))
            yield self._repeat_values(size), list(values)
            first += size

    def _repeat_values(self, count: int) -> str:
        if count == 1 or self._row_values is None:
            return self.text
        if count not in self._texts:
            many = ", ".join([self._row_values] * count)
            self._texts[count] = self.text.replace(self._row_values, many, 1)
        return self._texts[count]

    @property
    def takes_many_rows(self) -> bool:
        """Whether one execution can insert several rows."""
        return self._row_values is not None

    def parse_rows(self, found: Sequence[Sequence[Any]]) -> Rows:
        """Return rows as dictionaries by column name, JSON columns read."""
        rows: Rows = [dict(zip(self.names, row, strict=True)) for row in found]
        for name in self.parsed:
            for row in rows:
                if isinstance(row[name], str):
                    row[name] = json.loads(row[name])
        return rows


class Statement:
    """A statement of the hot path; `columns` are those an insert sets, `sqlite` is that dialect's variant."""

    def __init__(self, statement: Any, columns: Sequence[str] | None = None, *, sqlite: Any = None) -> None:
        self._statement = statement
        self._sqlite = statement if sqlite is None else sqlite
        self._columns = columns
        self._compiled: dict[str, CompiledStatement] = {}

    def execute(self, db: Connection, given: Mapping[str, Any] | None = None, **lists: Sequence[Any]) -> Rows:
        """Run once and return the rows; `lists` fill the InList of each name."""
        compiled = self.compile_for(db)
        values = dict(given or {})
        for name, items in lists.items():
            values[f"list_{name}"] = list(items) if compiled.array else json.dumps(list(items))
        with _cursor(db, compiled.text) as cursor:
            cursor.execute(compiled.text, compiled.bind(values))
            return compiled.parse_rows(cursor.fetchall()) if compiled.names else []

    def execute_many(self, db: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each of `rows`."""
        compiled = self.compile_for(db)
        with _cursor(db, compiled.text) as cursor:
            if compiled.takes_many_rows:
                for text, values in compiled.split_rows(rows):
                    cursor.execute(text, values)
            elif len(rows) == 1:
                # psycopg opens a pipeline for many, which for one is a detour.
                cursor.execute(compiled.text, compiled.bind(rows[0]))
            else:
                cursor.executemany(compiled.text, [compiled.bind(row) for row in rows])

    def execute_many_returning(self, db: Connection, rows: Sequence[Mapping[str, Any]]) -> Rows:
        """Run once for each of `rows` and return all the rows they return."""
        compiled = self.compile_for(db)
        found: list[Sequence[Any]] = []
        with _cursor(db, compiled.text) as cursor:
            if not compiled.array:
                for text, values in compiled.split_rows(rows):
                    found += cursor.execute(text, values).fetchall()
                return compiled.parse_rows(found)
            if len(rows) == 1:
                found += cursor.execute(compiled.text, compiled.bind(rows[0])).fetchall()
                return compiled.parse_rows(found)
            cursor.executemany(compiled.text, [compiled.bind(row) for row in rows], returning=True)
            while True:
                found += cursor.fetchall()
                if not cursor.nextset():
                    return compiled.parse_rows(found)

    def compile_for(self, db: Connection) -> CompiledStatement:
        """Return the text and the order of values that `execute` uses on this database; compiled once a dialect."""
        name = db.dialect.name
        if name not in self._compiled:
            statement = self._sqlite if name == "sqlite" else self._statement
            self._compiled[name] = CompiledStatement(statement, db.dialect, self._columns)
        return self._compiled[name]


def build_insert(db: Connection | Session, model: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT in the dialect of a database, for `on_conflict_do_update` and `on_conflict_do_nothing`."""
    bind = db.get_bind() if isinstance(db, Session) else db
    return (postgresql if bind.dialect.name == "postgresql" else sqlite).insert(model)


@contextmanager
def _cursor(db: Connection, text: str) -> Iterator[Any]:
    """Yield the driver's cursor; its errors come out as SQLAlchemy's, without parameters: they hold message bodies."""
    dialect = db.dialect
    cursor = db.connection.cursor()
    try:
        yield cursor
    except dialect.loaded_dbapi.Error as error:
        lost = dialect.is_disconnect(error, db.connection.dbapi_connection, cursor)
        if lost:
            db.invalidate(error)
        remove_values(error)
        raise DBAPIError.instance(
            text,
            None,
            error,
            dialect.loaded_dbapi.Error,
            hide_parameters=True,
            connection_invalidated=lost,
            dialect=dialect,
        ) from error
    finally:
        cursor.close()
