"""Metrics: the row condition of each number, and the database triggers that count it.

One list serves all three uses: a trigger counts what a new, changed or deleted row makes true, a recount asks the
same of the rows there are. So whatever writes a row, the numbers follow, exactly once (decision record 0012).
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, event

from app.bot.states import (
    ACCEPTED_STATES,
    SCHEDULE_KIND,
    Author,
    Direction,
    MessageState,
    RunOutcome,
    sql_any,
    sql_is,
)
from app.db.schema import Base
from app.immutable import immutable

_NONE = "CAST(NULL AS BIGINT)"


@immutable
class Metric:
    """One number: `when` it counts, and `n`, `label`, `value` as SQL over a row `{r}`; `is_fixed`: for good."""

    name: str
    when: str
    n: str = "1"
    label: str = "''"
    value: str = _NONE
    is_fixed: bool = False


@immutable
class MetricSource:
    """A table whose rows are counted; `key` is connection, brain, version and command as SQL over the row `{r}`."""

    table: str
    key: tuple[str, str, str, str]
    metrics: tuple[Metric, ...]
    # Columns whose change may change a number, and when a change is worth a look.
    watched_columns: tuple[str, ...] = ()
    update_condition: str = ""


_IS_INBOUND = sql_is("{r}.direction", Direction.IN)
_IS_OUT = sql_is("{r}.direction", Direction.OUT)
_IS_OUTBOUND = f"{_IS_OUT} AND {{r}}.author <> '{Author.PHONE}'"
_CODE = "COALESCE({r}.error_code, '')"
_RESPONSE_MS = "CASE WHEN {r}.asked_at > 0 THEN {r}.accepted_at - {r}.asked_at END"


def _build_outbound_metric(metric: str, *states: MessageState, **more: Any) -> Metric:
    return Metric(metric, f"{_IS_OUTBOUND} AND {sql_any('{r}.state', states)}", **more)


def _build_run_metric(metric: str, outcome: RunOutcome, **more: Any) -> Metric:
    return Metric(metric, sql_is("{r}.outcome", outcome), value="{r}.micros", is_fixed=True, **more)


MESSAGES = MetricSource(
    "message",
    (
        "{r}.connection_id",
        "COALESCE({r}.brain_id, 0)",
        "COALESCE({r}.version_id, 0)",
        "COALESCE({r}.command_id, '')",
    ),
    (
        Metric("received", f"{_IS_INBOUND} AND {{r}}.kind <> '{SCHEDULE_KIND}'", is_fixed=True),
        Metric("scheduled", f"{_IS_INBOUND} AND {sql_is('{r}.kind', SCHEDULE_KIND)}", is_fixed=True),
        Metric("typed", f"{_IS_OUT} AND {sql_is('{r}.author', Author.PHONE)}", is_fixed=True),
        Metric("created", _IS_OUTBOUND, is_fixed=True),
        Metric("dropped", f"{_IS_INBOUND} AND {sql_is('{r}.state', MessageState.DEAD)}", label=_CODE),
        _build_outbound_metric("sent", *ACCEPTED_STATES, value=_RESPONSE_MS),
        _build_outbound_metric("delivered", *ACCEPTED_STATES[1:]),
        _build_outbound_metric("read", *ACCEPTED_STATES[2:]),
        _build_outbound_metric("failed", MessageState.FAILED, label=_CODE),
        _build_outbound_metric("dead", MessageState.DEAD, label=_CODE),
        _build_outbound_metric("unknown", MessageState.UNKNOWN),
        _build_outbound_metric("held", MessageState.HELD),
    ),
    ("state", "error_code", "accepted_at"),
    " OR ".join(
        (
            sql_is("NEW.direction", Direction.OUT),
            sql_is("NEW.state", MessageState.DEAD),
            sql_is("OLD.state", MessageState.DEAD),
        )
    ),
)
RUNS = MetricSource(
    "run",
    (
        # A trigger must not name another table: SQLite would not let that one be rebuilt by a migration.
        "COALESCE({r}.connection_id, 0)",
        "COALESCE({r}.brain_id, 0)",
        "COALESCE({r}.version_id, 0)",
        "COALESCE({r}.command_id, '')",
    ),
    (
        _build_run_metric("run_answered", RunOutcome.ANSWERED),
        _build_run_metric("run_silent", RunOutcome.SILENT),
        _build_run_metric("run_failed", RunOutcome.FAILED, label="COALESCE({r}.fault, '')"),
    ),
)
_MODEL = "{r}.provider || '/' || {r}.model"
AI_CALLS = MetricSource(
    "ai_call",
    ("0", "{r}.brain_id", "0", "''"),
    (
        Metric("ai_calls", "1 = 1", label=_MODEL, value="{r}.latency_ms", is_fixed=True),
        Metric("ai_failed", "{r}.status <> 'ok'", label="{r}.status", is_fixed=True),
        Metric("tokens_in", "{r}.tokens_in > 0", n="{r}.tokens_in", label=_MODEL, is_fixed=True),
        Metric("tokens_out", "{r}.tokens_out > 0", n="{r}.tokens_out", label=_MODEL, is_fixed=True),
        Metric("cost", "{r}.cost > 0", n="{r}.cost", label="{r}.currency", is_fixed=True),
    ),
)
SOURCES = (MESSAGES, RUNS, AI_CALLS)


def build_recount_query(source: MetricSource) -> str:
    """Return the query that counts the rows with an id from :low below :high, created from :since until :until (ms).

    Its rows: minute (ms), connection, brain, version, command, metric, label, value, n.
    """
    row = source.table
    key = ", ".join(part.format(r=row) for part in source.key)
    place = (
        f"{row}.id >= :low AND {row}.id < :high AND {row}.created_at >= :since AND {row}.created_at < :until"
    )
    parts = (
        f"SELECT {row}.created_at - {row}.created_at % 60000, {key}, '{metric.name}', "  # noqa: S608  our own words
        f"{metric.label.format(r=row)}, {metric.value.format(r=row)}, CAST(SUM({metric.n.format(r=row)}) AS BIGINT) "
        f"FROM {row} WHERE {place} AND {metric.when.format(r=row)} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
        for metric in source.metrics
    )
    return " UNION ALL ".join(parts)


def build_triggers(source: MetricSource, dialect: str) -> Iterator[str]:
    """Return the statements that make a table count itself."""
    inserted = [_build_value(metric, "NEW", _build_case(metric, "NEW")) for metric in source.metrics]
    yield from _trigger(source, dialect, ("new", "INSERT"), _TriggerBody("NEW", inserted))
    deleted = [_build_value(metric, "OLD", _build_case(metric, "OLD")) for metric in source.metrics]
    yield from _trigger(source, dialect, ("gone", "DELETE"), _TriggerBody("OLD", deleted, "TRUE"))
    if source.watched_columns:
        updated = [
            line for metric in source.metrics if not metric.is_fixed for line in _build_update_values(metric)
        ]
        differs = " OR ".join(_differs(column) for column in source.watched_columns)
        when = f"WHEN (({source.update_condition}) AND ({differs}))"
        verb = f"UPDATE OF {', '.join(source.watched_columns)}"
        yield from _trigger(source, dialect, ("moved", verb), _TriggerBody("NEW", updated), when)


@immutable
class _TriggerValue:
    """One number of a trigger, as SQL."""

    metric: str
    label: str
    value: str
    n: str


@immutable
class _TriggerBody:
    """What a trigger counts, and of which row."""

    name: str
    values: list[_TriggerValue]
    gone: str = "FALSE"


def _trigger(
    source: MetricSource, dialect: str, on: tuple[str, str], row: _TriggerBody, when: str = ""
) -> Iterator[str]:
    name = f"{source.table}_{on[0]}"
    head = f"CREATE TRIGGER {name} AFTER {on[1]} ON {source.table} FOR EACH ROW {when}".rstrip()
    if dialect == "sqlite":
        yield f"{head}\nBEGIN\n{_build_single_insert(source, row)};\nEND"
        return
    yield (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"DECLARE amount bigint;\nBEGIN\n{_build_insert_per_metric(source, row)}\nRETURN NULL;\nEND $$"
    )
    yield f"{head}\nEXECUTE FUNCTION {name}()"


def _build_single_insert(source: MetricSource, row: _TriggerBody) -> str:
    """Return one statement for all numbers."""
    facts = "\nUNION ALL ".join(
        f"SELECT '{line.metric}' AS metric, {line.label} AS label, {line.value} AS value, {line.n} AS n"
        for line in row.values
    )
    return (
        f"INSERT INTO rollup_delta ({_COLUMNS})\nSELECT {_build_key_columns(source, row)},\n"
        f"f.metric, f.label, f.value, f.n FROM (\n{facts}\n) AS f WHERE f.n <> 0"
    )


def _build_insert_per_metric(source: MetricSource, row: _TriggerBody) -> str:
    """Return a statement for each number: PostgreSQL is slow to start a large one, and quick to ask twelve times."""
    return "\n".join(
        f"amount := {line.n};\nIF amount <> 0 THEN\nINSERT INTO rollup_delta ({_COLUMNS})\n"
        f"VALUES ({_build_key_columns(source, row)}, '{line.metric}', {line.label}, {line.value}, amount);\nEND IF;"
        for line in row.values
    )


def _build_key_columns(source: MetricSource, row: _TriggerBody) -> str:
    key = ", ".join(part.format(r=row.name) for part in source.key)
    return f"{row.name}.created_at, {row.gone}, {key}"


_COLUMNS = "at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n"


def _build_value(metric: Metric, row: str, n: str) -> _TriggerValue:
    return _TriggerValue(metric.name, metric.label.format(r=row), metric.value.format(r=row), n)


def _build_case(metric: Metric, row: str, *, unless: str = "", sign: str = "") -> str:
    when = metric.when.format(r=row) + (f" AND NOT ({unless})" if unless else "")
    return f"CASE WHEN {when} THEN {sign}{metric.n.format(r=row)} ELSE 0 END"


def _build_update_values(metric: Metric) -> Iterator[_TriggerValue]:
    """Count what a change makes true, and take back what it makes untrue."""
    same = " AND ".join(
        f"COALESCE({part.format(r='NEW')}, {empty}) = COALESCE({part.format(r='OLD')}, {empty})"
        for part, empty in ((metric.label, "''"), (metric.value, "-1"))
        if part not in {"''", _NONE}
    )
    if not same:
        yield _build_value(metric, "NEW", f"{_build_case(metric, 'NEW')} - {_build_case(metric, 'OLD')}")
        return
    for row, other, sign in (("NEW", "OLD", ""), ("OLD", "NEW", "-")):
        unless = f"{metric.when.format(r=other)} AND {same}"
        yield _build_value(metric, row, _build_case(metric, row, unless=unless, sign=sign))


def _differs(column: str) -> str:
    # `IS DISTINCT FROM` came to SQLite with 3.39 only.
    return f"COALESCE(CAST(NEW.{column} AS TEXT), '') <> COALESCE(CAST(OLD.{column} AS TEXT), '')"


@event.listens_for(Table, "after_create")
def _create_triggers(table: Table, db: Connection, **_: object) -> None:
    """Make a table count itself from its beginning."""
    for source in SOURCES:
        if table.name == source.table and table.metadata is Base.metadata:
            for statement in build_triggers(source, db.dialect.name):
                db.exec_driver_sql(statement)
