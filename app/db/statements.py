"""Prepared statements: built by SQLAlchemy, compiled once a dialect, run on the driver; rows of one insert.

SQLAlchemy's execution costs 60 to 100 us a statement beside the 5 to 10 us of the driver; the pipeline runs some
twenty statements for every group of messages. Everything that is not on the message's way uses SQLAlchemy as it is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Dialect, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import JSON, BigInteger, Boolean, String

from app.db.engine import remove_values
from app.db.many_rows import RecordSet, RepeatedValues, find_record_set, find_repeated_values
from app.db.schema import Base
from app.text import to_json

Rows = list[dict[str, Any]]
# SQLite's driver lets go of Python's lock for each row it reads, and then stands in line for it: what is read comes as
# one row of JSON.


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


def _pack_rows(text: str, width: int) -> str:
    """Return the text of a query whose only row holds all rows as JSON."""
    names = ", ".join(f"c{place}" for place in range(width))
    return f"WITH found({names}) AS ({text}) SELECT json_group_array(json_array({names})) FROM found"  # noqa: S608


class CompiledStatement:
    """A statement compiled for one dialect: text, order of parameters, names and JSON columns of its rows."""

    def __init__(
        self, statement: Any, dialect: Dialect, columns: Sequence[str] | None, *, is_locked: bool = False
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.text: str = compiled.string
        self.order: list[str] | None = compiled.positiontup
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
        self._many: RepeatedValues | RecordSet | None = None
        if self.order is not None:
            self._many = find_repeated_values(self.text)
        elif is_locked or self.text.startswith("INSERT "):
            self._many = find_record_set(self.text, statement.table.c)
        self._is_packed = self.order is not None and self.text.startswith("SELECT ")
        if self._is_packed:
            self.text = _pack_rows(self.text, len(self.names))

    def bind(self, given: Mapping[str, Any]) -> Any:
        """Return the parameters of one execution, in the order of the text, JSON columns as text."""
        values = {**self._defaults, **given}
        for name in self.json:
            values[name] = to_json(values[name])
        return values if self.order is None else self._pick(values)

    def split_rows(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
        """Yield texts that write the rows, many at a time where that can be, each with its parameters."""
        bound, many = [self.bind(row) for row in rows], self._many
        if many and len(bound) > 1 and many.has_distinct_keys(bound):
            yield from many.split(bound)
        else:
            # One after the other: one may change what another has changed.
            yield from ((self.text, values) for values in bound)

    @property
    def takes_many_rows(self) -> bool:
        """Whether one execution can write several rows."""
        return self._many is not None

    def fetch_rows(self, cursor: Any) -> Rows:
        """Return the rows a cursor has as dictionaries by column name, JSON columns read."""
        found = cursor.fetchall()
        return self.parse_rows(orjson.loads(found[0][0]) if self._is_packed else found)

    def parse_rows(self, found: Sequence[Sequence[Any]]) -> Rows:
        """Return the driver's rows as dictionaries by column name, JSON columns read."""
        rows: Rows = [dict(zip(self.names, row, strict=True)) for row in found]
        for name in self.parsed:
            for row in rows:
                if isinstance(row[name], str):
                    row[name] = json.loads(row[name])
        return rows


class Statement:
    """A statement of the hot path; `columns` are those an insert sets, `sqlite` is that dialect's variant.

    `is_locked`: the rows an update changes are locked before, or nobody else's, so that PostgreSQL may change them in
    any order.
    """

    def __init__(
        self,
        statement: Any,
        columns: Sequence[str] | None = None,
        *,
        sqlite: Any = None,
        is_locked: bool = False,
    ) -> None:
        self._statement = statement
        self._sqlite = statement if sqlite is None else sqlite
        self._columns = columns
        self._is_locked = is_locked
        self._compiled: dict[str, CompiledStatement] = {}

    def execute(self, db: Connection, given: Mapping[str, Any] | None = None, **lists: Sequence[Any]) -> Rows:
        """Run once and return the rows; `lists` fill the InList of each name."""
        compiled = self.compile_for(db)
        values = dict(given or {})
        for name, items in lists.items():
            values[f"list_{name}"] = list(items) if compiled.array else to_json(list(items))
        with _cursor(db, compiled.text) as cursor:
            cursor.execute(compiled.text, compiled.bind(values))
            return compiled.fetch_rows(cursor) if compiled.names else []

    def execute_many(self, db: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each of `rows`."""
        compiled = self.compile_for(db)
        with _cursor(db, compiled.text) as cursor:
            # psycopg opens a pipeline for many, which for one is a detour.
            if compiled.takes_many_rows or len(rows) == 1:
                for text, values in compiled.split_rows(rows):
                    cursor.execute(text, values)
            else:
                cursor.executemany(compiled.text, [compiled.bind(row) for row in rows])

    def execute_many_returning(self, db: Connection, rows: Sequence[Mapping[str, Any]]) -> Rows:
        """Run once for each of `rows` and return all the rows they return."""
        compiled = self.compile_for(db)
        found: Rows = []
        with _cursor(db, compiled.text) as cursor:
            if len(rows) == 1 or compiled.takes_many_rows or not compiled.array:
                for text, values in compiled.split_rows(rows):
                    cursor.execute(text, values)
                    found += compiled.fetch_rows(cursor)
                return found
            cursor.executemany(compiled.text, [compiled.bind(row) for row in rows], returning=True)
            while True:
                found += compiled.fetch_rows(cursor)
                if not cursor.nextset():
                    return found

    def compile_for(self, db: Connection) -> CompiledStatement:
        """Return the text and the order of values that `execute` uses on this database; compiled once a dialect."""
        name = db.dialect.name
        if name not in self._compiled:
            statement = self._sqlite if name == "sqlite" else self._statement
            self._compiled[name] = CompiledStatement(
                statement, db.dialect, self._columns, is_locked=self._is_locked
            )
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
