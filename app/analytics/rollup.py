"""Rollups: deltas folded into minutes, quarter-hours and days; batch size, retention of minutes, time buckets.

Deltas (app.analytics.triggers) are folded about once a second. Whoever reads adds those that are still waiting, so a
number is true whenever it is read and late folding only makes reading dearer. Days that are over are packed
(app.analytics.compaction).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from sqlalchemy import ColumnElement, bindparam, delete, select, text
from sqlalchemy import Connection as Db
from sqlalchemy.dialects import postgresql, sqlite

from app.analytics.models import ANY, ANY_COMMAND, Rollup
from app.clock import MINUTE_MS
from app.db.schema import get_table
from app.db.statements import Statement

# Lengths kept, in minutes: the first two loose, the others packed. Days are of UTC; the quarters let a day begin
# wherever a zone says so, +05:45 included.
SPAN_MINUTES: Final = (1, 15, 1440, 40_320)
FINE_SPAN_MINUTES: Final = SPAN_MINUTES[:2]
MINUTE_RETENTION_MS: Final = 2 * 86_400_000
# What one fold takes at most: messages wait for the writer meanwhile.
BATCH: Final = 20_000

# Connection, brain, version and command.
MetricKey = tuple[int, int, int, str]


class RollupNumbers(TypedDict):
    """Columns of a rollup row: counts by metric, times by metric and bucket, quarter-hours of a day by number."""

    counts: dict[str, int]
    times: dict[str, dict[str, int]]
    parts: dict[str, list[Any]] | None


@dataclass(slots=True)
class MetricSums:
    """Sums of metrics: counts by `metric` or `metric:label`, times by metric and bucket.

    `parts` are the quarter-hours of a packed day, by their number.
    """

    counts: dict[str, int] = field(default_factory=dict)
    times: dict[str, dict[int, int]] = field(default_factory=dict)
    parts: "dict[int, MetricSums]" = field(default_factory=dict)

    def add(self, metric: str, label: str, value: int | None, n: int) -> None:
        """Add one delta."""
        name = f"{metric}:{label}" if label else metric
        self.counts[name] = self.counts.get(name, 0) + n
        if value is not None:
            times = self.times.setdefault(metric, {})
            at = get_bucket(value)
            times[at] = times.get(at, 0) + n

    def merge(self, counts: Mapping[str, int], times: Mapping[str, Mapping[Any, int]], sign: int = 1) -> None:
        """Add stored numbers, or subtract them (`sign` -1)."""
        for name, n in counts.items():
            self.counts[name] = self.counts.get(name, 0) + sign * n
        for metric, found in times.items():
            durations = self.times.setdefault(metric, {})
            for at, n in found.items():
                durations[int(at)] = durations.get(int(at), 0) + sign * n

    def merge_part(
        self, number: int, counts: Mapping[str, int], times: Mapping[str, Mapping[Any, int]]
    ) -> None:
        """Add stored numbers to one quarter-hour of a day."""
        self.parts.setdefault(number, MetricSums()).merge(counts, times)

    def to_row(self) -> RollupNumbers:
        """Return the numbers as columns of a row, without zeros."""
        times = {metric: {str(at): n for at, n in found.items() if n} for metric, found in self.times.items()}
        return {
            "counts": {name: n for name, n in sorted(self.counts.items()) if n},
            "times": {metric: found for metric, found in sorted(times.items()) if found},
            "parts": self._to_parts(),
        }

    def _to_parts(self) -> dict[str, list[Any]] | None:
        parts = {str(number): part.to_row() for number, part in sorted(self.parts.items())}
        kept: dict[str, list[Any]] = {
            n: [p["counts"], p["times"]] for n, p in parts.items() if p["counts"] or p["times"]
        }
        return kept or None


# gone, span, key, at
CellKey = tuple[bool, int, MetricKey, int]
Cells = dict[CellKey, MetricSums]


def get_bucket(value: int) -> int:
    """Return the bucket of a time: each is 5 % wider than the one before (specs: durability 6.2)."""
    return int(math.log(value) * 20) if value > 1 else 0


def get_bucket_midpoint(at: int) -> float:
    """Return the time a bucket stands for; its values are at most 2.6 % away."""
    return math.exp((at + 0.5) / 20)


def expand_key(key: MetricKey) -> Iterator[MetricKey]:
    """Return all keys a delta counts for: its own, and those it is part of."""
    connection, brain, version, command = key
    subjects = {(ANY, ANY, ANY_COMMAND)}
    if brain:
        subjects |= {
            (brain, v, c) for v in {ANY, version or ANY} for c in {ANY_COMMAND, command or ANY_COMMAND}
        }
    for where in {ANY, connection or ANY}:
        for subject in subjects:
            yield (where, *subject)


def aggregate(rows: Iterable[Sequence[Any]], spans: Sequence[int] = FINE_SPAN_MINUTES) -> Cells:
    """Aggregate deltas (minute, gone, key..., metric, label, value, n) by all keys they count for."""
    grain = spans[0] * MINUTE_MS
    fine: dict[tuple[int, bool, MetricKey], MetricSums] = {}
    for minute, gone, connection, brain, version, command, metric, label, value, n in rows:
        place = (minute - minute % grain, bool(gone), (connection, brain, version, command))
        fine.setdefault(place, MetricSums()).add(metric, label, value, n)
    cells: Cells = {}
    for (minute, gone, key), sums in fine.items():
        for each in expand_key(key):
            for span in spans:
                at = minute - minute % (span * MINUTE_MS)
                cells.setdefault((gone, span, each, at), MetricSums()).merge(sums.counts, sums.times)
    return cells


def merge(cells: Cells, others: Mapping[CellKey, MetricSums]) -> None:
    """Add cells to others."""
    for place, sums in others.items():
        cell = cells.setdefault(place, MetricSums())
        cell.merge(sums.counts, sums.times)
        for number, part in sums.parts.items():
            cell.merge_part(number, part.counts, part.times)


def fold(db: Db, moments: Sequence[int]) -> list[int]:
    """Fold waiting deltas into the rollups; return how many, for each time (ms) passed. Called by the writer."""
    lock(db)
    rows = [tuple(row) for row in db.execute(_TAKE_DELTAS[db.dialect.name], {"limit": BATCH})]
    if rows and db.dialect.name == "sqlite":
        db.execute(_DELETE_TAKEN_DELTAS, {"limit": BATCH})
    store(db, aggregate(rows))
    return [len(rows)] * len(moments)


def lock(db: Db) -> None:
    """Lock the rollups for one transaction at a time; on SQLite writing does that already."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("SELECT pg_advisory_xact_lock(5001907)")


def store(db: Db, cells: Cells) -> None:
    """Add cells to the stored numbers."""
    places = sorted(cells)
    for known in (
        _SELECT_ROW.execute_many_returning(db, [_to_key_columns(place) for place in places]) if places else ()
    ):
        add_row(cells, known)
    rows = [{**_to_key_columns(place), **cells[place].to_row()} for place in places]
    if rows:
        _UPSERT_ROW.execute_many(db, rows)


def read(db: Db, which: ColumnElement[bool], *, parts: bool = True) -> Cells:
    """Read stored numbers, without the `parts` of days if not needed."""
    cells: Cells = {}
    query = select(*(column for column in _columns if parts or column.name != "parts")).where(which)
    for row in db.execute(query).mappings():
        add_row(cells, dict(row))
    return cells


def add_row(cells: Cells, row: Mapping[str, Any]) -> None:
    """Add a stored row to cells."""
    sums = cells.setdefault(build_cell_key(row), MetricSums())
    sums.merge(row["counts"], row["times"])
    for number, part in (row.get("parts") or {}).items():
        sums.merge_part(int(number), *part)


def replace(db: Db, span: int, since: int, until: int, cells: Cells) -> None:
    """Replace the numbers of a span between two times (ms)."""
    gone = delete(Rollup).where(Rollup.span == span, Rollup.at >= since, Rollup.at < until)
    db.execute(gone)
    rows = [
        {**_to_key_columns(place), **cells[place].to_row()} for place in sorted(cells) if place[1] == span
    ]
    if rows:
        _UPSERT_ROW.execute_many(db, rows)


def prune(db: Db, now: int, limit: int) -> int:
    """Delete minutes older than MINUTE_RETENTION_MS, about `limit` rows of them; return how many."""
    old = (Rollup.span == FINE_SPAN_MINUTES[0]) & (Rollup.at < now - MINUTE_RETENTION_MS)
    last = db.scalar(select(Rollup.at).where(old).order_by(Rollup.at).offset(limit).limit(1))
    return db.execute(delete(Rollup).where(old if last is None else old & (Rollup.at <= last))).rowcount


def _to_key_columns(place: CellKey) -> dict[str, Any]:
    gone, span, (connection, brain, version, command), at = place
    return {
        "gone": gone,
        "span": span,
        "connection_id": connection,
        "brain_id": brain,
        "version_id": version,
        "command_id": command,
        "at": at,
    }


def build_cell_key(row: Mapping[str, Any]) -> CellKey:
    """Return the cell key of a stored row."""
    key = (row["connection_id"], row["brain_id"], row["version_id"], row["command_id"])
    return bool(row["gone"]), row["span"], key, row["at"]


_KEY = ("gone", "span", "connection_id", "brain_id", "version_id", "command_id", "at")
_NUMBERS = ("counts", "times", "parts")
_columns = get_table(Rollup).c
_SELECT_ROW = Statement(select(*_columns).where(*(_columns[name] == bindparam(f"{name}") for name in _KEY)))


def _build_upsert(dialect: Any) -> Any:
    query = dialect.insert(Rollup)
    new = query.excluded
    return query.inline().on_conflict_do_update(
        index_elements=list(_KEY), set_={name: new[name] for name in _NUMBERS}
    )


_UPSERT_ROW = Statement(_build_upsert(postgresql), [*_KEY, *_NUMBERS], sqlite=_build_upsert(sqlite))

# A change as `spread` takes it, but for its number.
DELTA_COLUMNS = "at - at % 60000, gone, connection_id, brain_id, version_id, command_id, metric, label, value"
_NEXT_DELTA_IDS = "SELECT id FROM rollup_delta ORDER BY id LIMIT :limit"
_TAKE_DELTAS = {
    # Never by "id above the last seen": PostgreSQL's ids are committed in another order (specs: durability 6.3).
    "postgresql": text(
        f"WITH d AS (DELETE FROM rollup_delta WHERE id IN ({_NEXT_DELTA_IDS}) RETURNING *) "  # noqa: S608  our own words
        f"SELECT {DELTA_COLUMNS}, SUM(n)::BIGINT FROM d GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    ),
    "sqlite": text(
        f"SELECT {DELTA_COLUMNS}, SUM(n) FROM rollup_delta WHERE id IN ({_NEXT_DELTA_IDS}) "  # noqa: S608  the same
        "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    ),
}
_DELETE_TAKEN_DELTAS = text(f"DELETE FROM rollup_delta WHERE id IN ({_NEXT_DELTA_IDS})")  # noqa: S608  the same
