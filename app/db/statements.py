"""Hot statements: built by SQLAlchemy, compiled once a dialect, run on the driver itself.

SQLAlchemy's execution costs 60 to 100 us a statement beside the 5 to 10 us of the driver; the pipeline runs some
twenty statements for every group of messages. Everything that is not on the message's way uses SQLAlchemy as it is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Dialect, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import JSON, BigInteger, Boolean, String

from app.db import to_json

Rows = list[dict[str, Any]]


class among(ColumnElement[bool]):  # noqa: N801  reads as an operator in a statement
    """`column` is in a list given at run time as one parameter, so that the statement's text never changes."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        self.column = column
        # A plain parameter: the drivers get a JSON text (SQLite) or an array (PostgreSQL).
        self.bind: BindParameter[Any] = bindparam(f"list_{name}", type_=String())
        self.numbers = isinstance(column.type, BigInteger)

    def self_group(self, against: Any = None) -> "among":  # noqa: ARG002  SQLAlchemy's signature
        """Stand alone: SQLite needs no `= 1` behind a comparison."""
        return self


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column, bind = compiler.process(element.column, **kw), compiler.process(element.bind, **kw)
    return f"{column} IN (SELECT value FROM json_each({bind}))"  # noqa: S608  both are the compiler's own words


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **kw: Any) -> str:
    column = compiler.process(element.column, **kw)
    # Registers the parameter; its own text would cast an array to text.
    compiler.process(element.bind, **kw)
    kind = "BIGINT[]" if element.numbers else "VARCHAR[]"
    return f"{column} = ANY(%({element.bind.key})s::{kind})"


class _Compiled:
    """A statement in one dialect's words: text, order of parameters, names and JSON columns of its rows."""

    def __init__(self, statement: Any, dialect: Dialect, columns: Sequence[str] | None) -> None:
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
        names = list(dict.fromkeys(self.order)) if self.order is not None else list(compiled.params)
        self.names_bound = names
        self.json = {name for name in names if isinstance(compiled.binds[name].type, JSON)}
        returned = list(
            getattr(statement, "selected_columns", None) or getattr(statement, "_returning", ()) or ()
        )
        if not returned:
            returned = list(getattr(statement, "exported_columns", None) or ())
        self.names = [column.key for column in returned]
        self.parsed = [column.key for column in returned if isinstance(column.type, JSON)]
        self.array = dialect.name == "postgresql"

    def bind(self, given: Mapping[str, Any]) -> Any:
        values = {**self.fixed, **given}
        for name in self.json:
            values[name] = to_json(values[name])
        if self.order is not None:
            return [values.get(name) for name in self.order]
        return {name: values.get(name) for name in self.names_bound}

    def rows(self, found: Sequence[Sequence[Any]]) -> Rows:
        rows: Rows = [dict(zip(self.names, row, strict=True)) for row in found]
        for name in self.parsed:
            for row in rows:
                if isinstance(row[name], str):
                    row[name] = json.loads(row[name])
        return rows


class Hot:
    """One hot statement; `columns` are those an insert sets, `sqlite` what that dialect says differently."""

    def __init__(self, statement: Any, columns: Sequence[str] | None = None, *, sqlite: Any = None) -> None:
        self._statement = statement
        self._sqlite = statement if sqlite is None else sqlite
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, db: Connection, given: Mapping[str, Any] | None = None, **lists: Sequence[Any]) -> Rows:
        """Run once and return the rows; `lists` fill what `among` names."""
        compiled = self._in(db)
        values = dict(given or {})
        for name, items in lists.items():
            values[f"list_{name}"] = list(items) if compiled.array else json.dumps(list(items))
        with _cursor(db, compiled.text) as cursor:
            cursor.execute(compiled.text, compiled.bind(values))
            return compiled.rows(cursor.fetchall()) if compiled.names else []

    def each(self, db: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run once for each of `rows`."""
        compiled = self._in(db)
        with _cursor(db, compiled.text) as cursor:
            if len(rows) == 1:
                # psycopg opens a pipeline for many, which for one is a detour.
                cursor.execute(compiled.text, compiled.bind(rows[0]))
            else:
                cursor.executemany(compiled.text, [compiled.bind(row) for row in rows])

    def each_returning(self, db: Connection, rows: Sequence[Mapping[str, Any]]) -> Rows:
        """Run once for each of `rows` and return all the rows they return."""
        compiled = self._in(db)
        found: list[Sequence[Any]] = []
        with _cursor(db, compiled.text) as cursor:
            if not compiled.array or len(rows) == 1:
                for row in rows:
                    found += cursor.execute(compiled.text, compiled.bind(row)).fetchall()
                return compiled.rows(found)
            cursor.executemany(compiled.text, [compiled.bind(row) for row in rows], returning=True)
            while True:
                found += cursor.fetchall()
                if not cursor.nextset():
                    return compiled.rows(found)

    def _in(self, db: Connection) -> _Compiled:
        name = db.dialect.name
        if name not in self._compiled:
            statement = self._sqlite if name == "sqlite" else self._statement
            self._compiled[name] = _Compiled(statement, db.dialect, self._columns)
        return self._compiled[name]


@contextmanager
def _cursor(db: Connection, text: str) -> Iterator[Any]:
    """Give the driver's cursor; its errors come out as SQLAlchemy's, without parameters: they hold message bodies."""
    dialect = db.dialect
    cursor = db.connection.cursor()
    try:
        yield cursor
    except dialect.loaded_dbapi.Error as error:
        lost = dialect.is_disconnect(error, db.connection.dbapi_connection, cursor)
        if lost:
            db.invalidate(error)
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
