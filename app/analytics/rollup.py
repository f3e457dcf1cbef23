"""Rollups: what was counted is added up by quarter-hour, and for the last days by minute.

Deltas (app.bot.counting) are folded about once a second. Whoever reads adds those that are still waiting, so a number
is true whenever it is read and late folding only makes reading dearer. Days that are over are packed (app.bot.packing).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, select, text
from sqlalchemy import Connection as Db
from sqlalchemy.dialects import postgresql, sqlite

from app.bot.rollup_models import ANY, ANY_COMMAND, Rollup
from app.db import table_of
from app.sql import Hot

MINUTE: Final = 60_000
# Lengths kept, in minutes: the first two loose, the others packed. Days are of UTC; the quarters let a day begin
# wherever a zone says so, +05:45 included.
SPANS: Final = (1, 15, 1440, 40_320)
LOOSE: Final = SPANS[:2]
MINUTES_KEPT: Final = 2 * 86_400_000
# What one fold takes at most: messages wait for the writer meanwhile.
BATCH: Final = 20_000

# Connection, brain, version and command.
Key = tuple[int, int, int, str]
EVERYTHING: Final[Key] = (ANY, ANY, ANY, ANY_COMMAND)


@dataclass(slots=True)
class Tally:
    """Numbers that can be added: counts by `metric` or `metric:label`, and times by metric and bucket.

    `parts` are the quarter-hours of a packed day, by their number.
    """

    counts: dict[str, int] = field(default_factory=dict)
    times: dict[str, dict[int, int]] = field(default_factory=dict)
    parts: "dict[int, Tally]" = field(default_factory=dict)

    def add(self, metric: str, label: str, value: int | None, n: int) -> None:
        """Add one change."""
        name = f"{metric}:{label}" if label else metric
        self.counts[name] = self.counts.get(name, 0) + n
        if value is not None:
            times = self.times.setdefault(metric, {})
            at = bucket(value)
            times[at] = times.get(at, 0) + n

    def merge(self, counts: Mapping[str, int], times: Mapping[str, Mapping[Any, int]], sign: int = 1) -> None:
        """Add numbers as they are stored, or take them away (`sign` -1)."""
        for name, n in counts.items():
            self.counts[name] = self.counts.get(name, 0) + sign * n
        for metric, found in times.items():
            mine = self.times.setdefault(metric, {})
            for at, n in found.items():
                mine[int(at)] = mine.get(int(at), 0) + sign * n

    def merge_part(
        self, number: int, counts: Mapping[str, int], times: Mapping[str, Mapping[Any, int]]
    ) -> None:
        """Add to a quarter-hour of a day."""
        self.parts.setdefault(number, Tally()).merge(counts, times)

    def stored(self) -> dict[str, Any]:
        """Return the numbers as columns of a row, without what came to nothing."""
        times = {metric: {str(at): n for at, n in found.items() if n} for metric, found in self.times.items()}
        return {
            "counts": {name: n for name, n in sorted(self.counts.items()) if n},
            "times": {metric: found for metric, found in sorted(times.items()) if found},
            "parts": self._stored_parts(),
        }

    def _stored_parts(self) -> dict[str, Any] | None:
        parts = {str(number): part.stored() for number, part in sorted(self.parts.items())}
        kept = {n: [p["counts"], p["times"]] for n, p in parts.items() if p["counts"] or p["times"]}
        return kept or None


# gone, span, key, at
Place = tuple[bool, int, Key, int]
Cells = dict[Place, Tally]


def bucket(value: int) -> int:
    """Return the bucket of a time: each is 5 % wider than the one before (specs: durability 6.2)."""
    return int(math.log(value) * 20) if value > 1 else 0


def middle(at: int) -> float:
    """Return the time a bucket stands for; its own values are at most 2.6 % away."""
    return math.exp((at + 0.5) / 20)


def wider(key: Key) -> Iterator[Key]:
    """Name all that something counts for: itself, and whatever it is part of."""
    connection, brain, version, command = key
    subjects = {(ANY, ANY, ANY_COMMAND)}
    if brain:
        subjects |= {
            (brain, v, c) for v in {ANY, version or ANY} for c in {ANY_COMMAND, command or ANY_COMMAND}
        }
    for where in {ANY, connection or ANY}:
        for subject in subjects:
            yield (where, *subject)


def spread(rows: Iterable[Sequence[Any]], spans: Sequence[int] = LOOSE) -> Cells:
    """Add up changes (minute, gone, key..., metric, label, value, n) for all places they count in."""
    grain = spans[0] * MINUTE
    fine: dict[tuple[int, bool, Key], Tally] = {}
    for minute, gone, connection, brain, version, command, metric, label, value, n in rows:
        place = (minute - minute % grain, bool(gone), (connection, brain, version, command))
        fine.setdefault(place, Tally()).add(metric, label, value, n)
    cells: Cells = {}
    for (minute, gone, key), tally in fine.items():
        for each in wider(key):
            for span in spans:
                at = minute - minute % (span * MINUTE)
                cells.setdefault((gone, span, each, at), Tally()).merge(tally.counts, tally.times)
    return cells


def merge(cells: Cells, others: Mapping[Place, Tally]) -> None:
    """Add numbers to others."""
    for place, tally in others.items():
        cell = cells.setdefault(place, Tally())
        cell.merge(tally.counts, tally.times)
        for number, part in tally.parts.items():
            cell.merge_part(number, part.counts, part.times)


def fold(db: Db, moments: Sequence[int]) -> list[int]:
    """Add the waiting deltas to the rollups; returns how many, for each moment (ms) asked. Called by the writer."""
    lock(db)
    rows = [tuple(row) for row in db.execute(_TAKE[db.dialect.name], {"limit": BATCH})]
    if rows and db.dialect.name == "sqlite":
        db.execute(_TAKEN, {"limit": BATCH})
    store(db, spread(rows))
    return [len(rows)] * len(moments)


def lock(db: Db) -> None:
    """Let one transaction at a time change rollups; on SQLite writing is that already."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("SELECT pg_advisory_xact_lock(5001907)")


def store(db: Db, cells: Cells) -> None:
    """Add to the stored numbers."""
    places = sorted(cells)
    for known in _known.each_returning(db, [_where(place) for place in places]) if places else ():
        add_stored(cells, known)
    rows = [_where(place) | cells[place].stored() for place in places]
    if rows:
        _upsert.each(db, rows)


def read(db: Db, which: ColumnElement[bool], *, parts: bool = True) -> Cells:
    """Read stored numbers, without the `parts` of days if they are not needed."""
    cells: Cells = {}
    query = select(*(column for column in _columns if parts or column.name != "parts")).where(which)
    for row in db.execute(query).mappings():
        add_stored(cells, dict(row))
    return cells


def add_stored(cells: Cells, row: Mapping[str, Any]) -> None:
    """Add a stored row to numbers."""
    tally = cells.setdefault(place_of(row), Tally())
    tally.merge(row["counts"], row["times"])
    for number, part in (row.get("parts") or {}).items():
        tally.merge_part(int(number), *part)


def replace(db: Db, span: int, since: int, until: int, cells: Cells) -> None:
    """Let these be the numbers of a span between two moments (ms), whatever was stored."""
    gone = delete(Rollup).where(Rollup.span == span, Rollup.at >= since, Rollup.at < until)
    db.execute(gone)
    rows = [_where(place) | cells[place].stored() for place in sorted(cells) if place[1] == span]
    if rows:
        _upsert.each(db, rows)


def prune(db: Db, now: int, most: int) -> int:
    """Forget minutes older than MINUTES_KEPT, about `most` rows of them; returns how many."""
    old = (Rollup.span == LOOSE[0]) & (Rollup.at < now - MINUTES_KEPT)
    last = db.scalar(select(Rollup.at).where(old).order_by(Rollup.at).offset(most).limit(1))
    return db.execute(delete(Rollup).where(old if last is None else old & (Rollup.at <= last))).rowcount


def _where(place: Place) -> dict[str, Any]:
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


def place_of(row: Mapping[str, Any]) -> Place:
    """Return where the numbers of a stored row belong."""
    key = (row["connection_id"], row["brain_id"], row["version_id"], row["command_id"])
    return bool(row["gone"]), row["span"], key, row["at"]


_KEY = ("gone", "span", "connection_id", "brain_id", "version_id", "command_id", "at")
_NUMBERS = ("counts", "times", "parts")
_columns = table_of(Rollup).c
_known = Hot(select(*_columns).where(*(_columns[name] == bindparam(f"{name}") for name in _KEY)))


def _upserting(dialect: Any) -> Any:
    query = dialect.insert(Rollup)
    new = query.excluded
    return query.inline().on_conflict_do_update(
        index_elements=list(_KEY), set_={name: new[name] for name in _NUMBERS}
    )


_upsert = Hot(_upserting(postgresql), [*_KEY, *_NUMBERS], sqlite=_upserting(sqlite))

# A change as `spread` takes it, but for its number.
CHANGE = "at - at % 60000, gone, connection_id, brain_id, version_id, command_id, metric, label, value"
_NEXT = "SELECT id FROM rollup_delta ORDER BY id LIMIT :limit"
_TAKE = {
    # Never by "id above the last seen": PostgreSQL's ids are committed in another order (specs: durability 6.3).
    "postgresql": text(
        f"WITH d AS (DELETE FROM rollup_delta WHERE id IN ({_NEXT}) RETURNING *) "  # noqa: S608  our own words
        f"SELECT {CHANGE}, SUM(n)::BIGINT FROM d GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    ),
    "sqlite": text(
        f"SELECT {CHANGE}, SUM(n) FROM rollup_delta WHERE id IN ({_NEXT}) "  # noqa: S608  the same
        "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
    ),
}
_TAKEN = text(f"DELETE FROM rollup_delta WHERE id IN ({_NEXT})")  # noqa: S608  the same
