"""Follower of one session's job: which audited rows it changes, and what they were before and are after."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Delete, Insert, Table, Update, and_, event, inspect, or_, select
from sqlalchemy.orm import Session

from app.db.change_notes import ChangeNotes
from app.db.schema import Base
from app.logs.audit.policies import AUDITED, UNAUDITED, TablePolicy

# Rows of one table read with one statement.
_CHUNK: Final = 200

Key = tuple[Any, ...]
Row = Mapping[Any, Any]


class UnfollowedChange(TypeError):
    """A statement whose rows cannot be told; the text says what to write instead."""


class RowFollower:
    """Rows that a job changes: those of the unit of work, of statements, of the ORM and of SQLAlchemy's core.

    What is updated or deleted is read before its statement runs, everything once more at the end. Statements on the
    driver are not seen (app.db.statements): none of them changes what is audited but in columns of no account.
    """

    def __init__(self, session: Session, notes: ChangeNotes) -> None:
        self._session = session
        self._notes = notes
        self._is_flushing = False
        # By table, in the order in which the job touched them; None = it was not there.
        self._before: dict[str, dict[Key, Row | None]] = {}

    @contextmanager
    def follow(self, connection: Connection) -> Iterator[None]:
        """Follow what happens on the session and its connection meanwhile."""
        listeners = (
            (connection, "before_execute", self._note_statement),
            (self._session, "before_flush", self._begin_flush),
            (self._session, "after_flush", self._end_flush),
        )
        for target, name, listener in listeners:
            event.listen(target, name, listener)
        try:
            yield
        finally:
            for target, name, listener in listeners:
                event.remove(target, name, listener)

    def list_changes(self) -> Iterator[tuple[str, Key, Row | None, Row | None]]:
        """Return table, primary key and both states of each row that was touched, changed or not."""
        connection = self._session.connection()
        for name, rows in self._before.items():
            table = Base.metadata.tables[name]
            after = {_get_key(table, row): row for row in _read_rows(connection, table, list(rows))}
            for key, before in rows.items():
                yield name, key, before, after.get(key)

    def _begin_flush(self, *_: Any) -> None:
        self._is_flushing = True

    def _end_flush(self, session: Session, _context: Any) -> None:
        """Note the new rows of the unit of work: only now have they their keys."""
        self._is_flushing = False
        for row in session.new if self._notes.are_rows_followed else ():
            mapper = inspect(row).mapper
            if mapper.local_table.name in AUDITED:
                key = tuple(mapper.primary_key_from_instance(row))
                self._before.setdefault(mapper.local_table.name, {}).setdefault(key, None)

    def _note_statement(
        self, connection: Connection, statement: Any, many: Sequence[Any], one: Any, _options: Any
    ) -> None:
        if not isinstance(statement, Update | Delete | Insert) or not self._notes.are_rows_followed:
            return
        table = statement.table
        policy = AUDITED.get(getattr(table, "name", ""))
        if policy is None or not isinstance(table, Table):
            _refuse_unknown(table)
            return
        parameters: list[Mapping[str, Any]] = list(many) or [one or {}]
        if isinstance(statement, Insert):
            if not self._is_flushing:
                self._note_rows(connection, table, _list_insert_keys(statement, table, parameters))
            return
        if isinstance(statement, Update) and _is_noise(statement, policy, table, parameters):
            return
        self._note_matches(connection, statement, table, parameters)

    def _note_matches(
        self, connection: Connection, statement: Any, table: Table, parameters: Sequence[Mapping[str, Any]]
    ) -> None:
        """Read the rows that a statement is about to change."""
        query = select(table).with_for_update(of=table)
        if statement.whereclause is not None:
            query = query.where(statement.whereclause)
        known = self._before.setdefault(table.name, {})
        for each in parameters:
            for row in connection.execute(query, each).mappings():
                known.setdefault(_get_key(table, row), dict(row))

    def _note_rows(self, connection: Connection, table: Table, keys: Sequence[Key]) -> None:
        known = self._before.setdefault(table.name, {})
        unknown = [key for key in keys if key not in known]
        there = {_get_key(table, row): dict(row) for row in _read_rows(connection, table, unknown)}
        known.update({key: there.get(key) for key in unknown})


def _refuse_unknown(table: Any) -> None:
    """Raise UnfollowedChange for a table of ours without a policy: nothing is left out by being new."""
    name = getattr(table, "name", "")
    if name not in UNAUDITED and Base.metadata.tables.get(name) is table:
        raise UnfollowedChange(f"Say in app.logs.audit.policies whether {name} is audited.")


def _get_key(table: Table, row: Row) -> Key:
    return tuple(row[column.name] for column in table.primary_key)


def _read_rows(connection: Connection, table: Table, keys: Sequence[Key]) -> Iterator[Row]:
    columns = list(table.primary_key)
    for start in range(0, len(keys), _CHUNK):
        some = keys[start : start + _CHUNK]
        if len(columns) == 1:
            where = columns[0].in_([key[0] for key in some])
        else:
            where = or_(
                *(and_(*(column == part for column, part in zip(columns, key, strict=True))) for key in some)
            )
        yield from connection.execute(select(table).where(where)).mappings()


def _is_noise(
    statement: Update, policy: TablePolicy, table: Table, parameters: Sequence[Mapping[str, Any]]
) -> bool:
    """Tell whether an update sets nothing but columns that do not count."""
    # SQLAlchemy has no public way to ask an update what it sets.
    values: Mapping[Any, Any] = statement._values or {}  # noqa: SLF001
    names = {getattr(column, "key", column) for column in values}
    names.update(name for each in parameters for name in each if name in table.columns)
    return names <= set(policy.noise)


def _list_insert_keys(statement: Insert, table: Table, parameters: Sequence[Mapping[str, Any]]) -> list[Key]:
    """Return the primary keys that an insert gives its rows; raises UnfollowedChange where it gives none."""
    rows: list[Any] = [each for many in statement._multi_values for each in many]  # noqa: SLF001  as above
    if not rows:
        own: Mapping[Any, Any] = statement._values or {}  # noqa: SLF001  as above
        rows = [{**own, **each} for each in parameters]
    keys = []
    for row in rows:
        named = {getattr(name, "key", name): getattr(value, "value", value) for name, value in row.items()}
        key = tuple(named.get(column.key) for column in table.primary_key)
        if None in key:
            raise UnfollowedChange(
                f"The audit cannot tell which rows this insert into {table.name} makes. "
                "Add objects to the session instead, or give each row its primary key."
            )
        keys.append(key)
    return keys
