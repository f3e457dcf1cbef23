"""What is counted: each number as a condition on the rows behind it, kept by triggers in the rows' own transaction.

One list serves all three uses: a trigger counts what a new, changed or deleted row makes true, a recount asks the
same of the rows there are. So whatever writes a row, the numbers follow, exactly once (decision record 0012).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, event

from app.db import Base

_NONE = "CAST(NULL AS BIGINT)"


@dataclass(frozen=True, slots=True)
class Fact:
    """One number: `when` it counts, and `n`, `label`, `value` as SQL over the row `{r}`; `fixed` = for good."""

    metric: str
    when: str
    n: str = "1"
    label: str = "''"
    value: str = _NONE
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A table whose rows are counted; `key` is connection, brain, version and command as SQL over the row `{r}`."""

    table: str
    key: tuple[str, str, str, str]
    facts: tuple[Fact, ...]
    # Columns whose change may change a number, and when a change is worth a look.
    changing: tuple[str, ...] = ()
    watch: str = ""


_OURS = "{r}.direction = 'out' AND {r}.author <> 'phone'"
_CODE = "COALESCE({r}.error_code, '')"
_TOOK = "CASE WHEN {r}.asked_at > 0 THEN {r}.accepted_at - {r}.asked_at END"


def _ours(metric: str, states: str, **more: Any) -> Fact:
    return Fact(metric, f"{_OURS} AND {{r}}.state IN ({states})", **more)


MESSAGES = Source(
    "message",
    (
        "{r}.connection_id",
        "COALESCE({r}.brain_id, 0)",
        "COALESCE({r}.version_id, 0)",
        "COALESCE({r}.command_id, '')",
    ),
    (
        Fact("received", "{r}.direction = 'in' AND {r}.kind <> 'schedule'", fixed=True),
        Fact("scheduled", "{r}.direction = 'in' AND {r}.kind = 'schedule'", fixed=True),
        Fact("typed", "{r}.direction = 'out' AND {r}.author = 'phone'", fixed=True),
        Fact("created", _OURS, fixed=True),
        Fact("dropped", "{r}.direction = 'in' AND {r}.state = 'dead'", label=_CODE),
        _ours("sent", "'sent', 'delivered', 'read', 'played'", value=_TOOK),
        _ours("delivered", "'delivered', 'read', 'played'"),
        _ours("read", "'read', 'played'"),
        _ours("failed", "'failed'", label=_CODE),
        _ours("dead", "'dead'", label=_CODE),
        _ours("unknown", "'unknown'"),
        _ours("held", "'held'"),
    ),
    ("state", "error_code", "accepted_at"),
    "NEW.direction = 'out' OR NEW.state = 'dead' OR OLD.state = 'dead'",
)
RUNS = Source(
    "run",
    (
        # A trigger must not name another table: SQLite would not let that one be rebuilt by a migration.
        "COALESCE({r}.connection_id, 0)",
        "COALESCE({r}.brain_id, 0)",
        "COALESCE({r}.version_id, 0)",
        "COALESCE({r}.command_id, '')",
    ),
    (
        Fact("run_answered", "{r}.outcome = 'answered'", value="{r}.micros", fixed=True),
        Fact("run_silent", "{r}.outcome = 'silent'", value="{r}.micros", fixed=True),
        Fact(
            "run_failed",
            "{r}.outcome = 'failed'",
            label="COALESCE({r}.fault, '')",
            value="{r}.micros",
            fixed=True,
        ),
    ),
)
_MODEL = "{r}.provider || '/' || {r}.model"
CALLS = Source(
    "ai_call",
    ("0", "{r}.brain_id", "0", "''"),
    (
        Fact("ai_calls", "1 = 1", label=_MODEL, value="{r}.latency_ms", fixed=True),
        Fact("ai_failed", "{r}.status <> 'ok'", label="{r}.status", fixed=True),
        Fact("tokens_in", "{r}.tokens_in > 0", n="{r}.tokens_in", label=_MODEL, fixed=True),
        Fact("tokens_out", "{r}.tokens_out > 0", n="{r}.tokens_out", label=_MODEL, fixed=True),
        Fact("cost", "{r}.cost > 0", n="{r}.cost", label="{r}.currency", fixed=True),
    ),
)
SOURCES = (MESSAGES, RUNS, CALLS)


def recount(source: Source) -> str:
    """Return the query that counts the rows between ids `low` and `high` created from `since` until `until` (ms).

    Its rows: minute (ms), connection, brain, version, command, metric, label, value, n.
    """
    row = source.table
    key = ", ".join(part.format(r=row) for part in source.key)
    place = (
        f"{row}.id >= :low AND {row}.id < :high AND {row}.created_at >= :since AND {row}.created_at < :until"
    )
    parts = (
        f"SELECT {row}.created_at - {row}.created_at % 60000, {key}, '{fact.metric}', "  # noqa: S608  our own words
        f"{fact.label.format(r=row)}, {fact.value.format(r=row)}, CAST(SUM({fact.n.format(r=row)}) AS BIGINT) "
        f"FROM {row} WHERE {place} AND {fact.when.format(r=row)} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8"
        for fact in source.facts
    )
    return " UNION ALL ".join(parts)


def triggers(source: Source, dialect: str) -> Iterator[str]:
    """Return the statements that make a table count itself."""
    born = [_line(fact, "NEW", _true(fact, "NEW")) for fact in source.facts]
    yield from _trigger(source, dialect, ("new", "INSERT"), _Row("NEW", born))
    died = [_line(fact, "OLD", _true(fact, "OLD")) for fact in source.facts]
    yield from _trigger(source, dialect, ("gone", "DELETE"), _Row("OLD", died, "TRUE"))
    if source.changing:
        moved = [line for fact in source.facts if not fact.fixed for line in _moved(fact)]
        differs = " OR ".join(_differs(column) for column in source.changing)
        when = f"WHEN (({source.watch}) AND ({differs}))"
        verb = f"UPDATE OF {', '.join(source.changing)}"
        yield from _trigger(source, dialect, ("moved", verb), _Row("NEW", moved), when)


@dataclass(frozen=True, slots=True)
class _Line:
    """One number of a trigger, as SQL."""

    metric: str
    label: str
    value: str
    n: str


@dataclass(frozen=True, slots=True)
class _Row:
    """What a trigger counts, and of which row."""

    name: str
    lines: list[_Line]
    gone: str = "FALSE"


def _trigger(source: Source, dialect: str, on: tuple[str, str], row: _Row, when: str = "") -> Iterator[str]:
    name = f"{source.table}_{on[0]}"
    head = f"CREATE TRIGGER {name} AFTER {on[1]} ON {source.table} FOR EACH ROW {when}".rstrip()
    if dialect == "sqlite":
        yield f"{head}\nBEGIN\n{_at_once(source, row)};\nEND"
        return
    yield (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"DECLARE amount bigint;\nBEGIN\n{_each(source, row)}\nRETURN NULL;\nEND $$"
    )
    yield f"{head}\nEXECUTE FUNCTION {name}()"


def _at_once(source: Source, row: _Row) -> str:
    """Return one statement for all numbers."""
    facts = "\nUNION ALL ".join(
        f"SELECT '{line.metric}' AS metric, {line.label} AS label, {line.value} AS value, {line.n} AS n"
        for line in row.lines
    )
    return (
        f"INSERT INTO rollup_delta ({_COLUMNS})\nSELECT {_whose(source, row)},\n"
        f"f.metric, f.label, f.value, f.n FROM (\n{facts}\n) AS f WHERE f.n <> 0"
    )


def _each(source: Source, row: _Row) -> str:
    """Return a statement for each number: PostgreSQL is slow to start a large one, and quick to ask twelve times."""
    return "\n".join(
        f"amount := {line.n};\nIF amount <> 0 THEN\nINSERT INTO rollup_delta ({_COLUMNS})\n"
        f"VALUES ({_whose(source, row)}, '{line.metric}', {line.label}, {line.value}, amount);\nEND IF;"
        for line in row.lines
    )


def _whose(source: Source, row: _Row) -> str:
    key = ", ".join(part.format(r=row.name) for part in source.key)
    return f"{row.name}.created_at, {row.gone}, {key}"


_COLUMNS = "at, gone, connection_id, brain_id, version_id, command_id, metric, label, value, n"


def _line(fact: Fact, row: str, n: str) -> _Line:
    return _Line(fact.metric, fact.label.format(r=row), fact.value.format(r=row), n)


def _true(fact: Fact, row: str, *, unless: str = "", sign: str = "") -> str:
    when = fact.when.format(r=row) + (f" AND NOT ({unless})" if unless else "")
    return f"CASE WHEN {when} THEN {sign}{fact.n.format(r=row)} ELSE 0 END"


def _moved(fact: Fact) -> Iterator[_Line]:
    """Count what a change makes true, and take back what it makes untrue."""
    same = " AND ".join(
        f"COALESCE({part.format(r='NEW')}, {empty}) = COALESCE({part.format(r='OLD')}, {empty})"
        for part, empty in ((fact.label, "''"), (fact.value, "-1"))
        if part not in {"''", _NONE}
    )
    if not same:
        yield _line(fact, "NEW", f"{_true(fact, 'NEW')} - {_true(fact, 'OLD')}")
        return
    for row, other, sign in (("NEW", "OLD", ""), ("OLD", "NEW", "-")):
        unless = f"{fact.when.format(r=other)} AND {same}"
        yield _line(fact, row, _true(fact, row, unless=unless, sign=sign))


def _differs(column: str) -> str:
    # `IS DISTINCT FROM` came to SQLite with 3.39 only.
    return f"COALESCE(CAST(NEW.{column} AS TEXT), '') <> COALESCE(CAST(OLD.{column} AS TEXT), '')"


@event.listens_for(Table, "after_create")
def _install(table: Table, db: Connection, **_: object) -> None:
    """Make a table count itself from its beginning."""
    for source in SOURCES:
        if table.name == source.table and table.metadata is Base.metadata:
            for statement in triggers(source, db.dialect.name):
                db.exec_driver_sql(statement)
