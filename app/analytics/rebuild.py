"""Rebuild of the rollups from the rows, in small transactions during traffic; comparison of both."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, text
from sqlalchemy import Connection as Db

from app.analytics import compaction, rollup
from app.analytics.compaction import FOUR_WEEKS_MS
from app.analytics.models import Rollup
from app.analytics.rollup import (
    FINE_SPAN_MINUTES,
    MINUTE_RETENTION_MS,
    SPAN_MINUTES,
    CellKey,
    Cells,
    MetricSums,
)
from app.analytics.triggers import SOURCES, build_recount_query
from app.bot.models import Message, Run
from app.brains.ai.models import AiCall
from app.clock import DAY_MS, HOUR_MS, MINUTE_MS
from app.db.lookups import find_first_since
from app.db.writer import Database
from app.immutable import immutable
from app.text import to_json

# Ids grow with time but for what is stored at once and clocks set back: rows are looked for this far around.
ID_MARGIN_MS: Final = 15 * MINUTE_MS
# A day of more rows is gone through by the hour: messages wait for the writer meanwhile.
MAX_DAY_ROWS: Final = 10_000
# Packed days, and quarter-hours, written in one transaction.
EXPAND_BATCH_SIZE: Final = 20
COMPACT_BATCH_SIZE: Final = 2_000


@immutable
class RollupMismatch:
    """Stored number that differs from the count of the rows."""

    cell_key: CellKey
    stored: dict[str, Any]
    counted: dict[str, Any]

    def __str__(self) -> str:
        gone, span, key, at = self.cell_key
        what = ", of rows deleted since" if gone else ""
        return (
            f"{at}, {span} min, {key}{what}: stored {to_json(self.stored)}, counted {to_json(self.counted)}"
        )


class RollupRebuild:
    """Rebuild of all hours with numbers or rows; `since` (ms) leaves out earlier ones."""

    def __init__(self, database: Database, now: int, since: int = 0) -> None:
        self._database = database
        self._now = now
        self._since = since

    def rebuild(self) -> Iterator[int]:
        """Recount every number, one range a transaction; yields the finished days (ms). May be interrupted."""
        writer = self._database.writer
        days = list(self._days())
        for day in days:
            stretches = self._list_ranges(day)
            if len(stretches) > 1:
                self._run_until_done(lambda db, day=day: compaction.expand(db, day, EXPAND_BATCH_SIZE))
            for since, until in stretches:
                writer.run(lambda db, one=(since, until): self._rebuild_range(db, *one))
            if len(stretches) > 1:
                over = min(day + DAY_MS, compaction.get_compaction_cutoff(self._now))
                self._run_until_done(lambda db, over=over: compaction.compact(db, over, COMPACT_BATCH_SIZE))
            if day == days[-1] or (day + DAY_MS) % FOUR_WEEKS_MS == 0:
                writer.run(lambda db, day=day: compaction.rebuild_four_weeks(db, day - day % FOUR_WEEKS_MS))
            yield day

    def _run_until_done(self, batch: Callable[[Db], int]) -> None:
        while self._database.writer.run(batch):
            pass

    def check(self) -> Iterator[RollupMismatch]:
        """Yield every number that differs from the count of the rows."""
        for day in self._days():
            for since, until in self._list_ranges(day):
                with self._database.engine.connect() as db:
                    _one_snapshot(db)
                    yield from self._differences(db, since, until)
            with self._database.engine.connect() as db:
                _one_snapshot(db)
                yield from _check_compacted(db, day)

    def _days(self) -> Iterator[int]:
        with self._database.engine.connect() as db:
            first, last = _extent(db)
        if first is not None:
            first = max(first, self._since)
            yield from range(first - first % DAY_MS, max(self._now, last) + 1, DAY_MS)

    def _list_ranges(self, day: int) -> list[tuple[int, int]]:
        with self._database.engine.connect() as db:
            rows = sum(high - low for _, low, high in _ids(db, day, day + DAY_MS))
        length = DAY_MS if rows <= MAX_DAY_ROWS else HOUR_MS
        return [(since, since + length) for since in range(day, day + DAY_MS, length)]

    def _rebuild_range(self, db: Db, since: int, until: int) -> None:
        _one_snapshot(db)
        rollup.lock(db)
        cells = self._count_rows(db, since, until)
        # What this snapshot holds of waiting deltas is in its rows too; what comes later is added later.
        db.execute(
            text("DELETE FROM rollup_delta WHERE at >= :since AND at < :until"), _bind_range(since, until)
        )
        # By the hour it is packed when the day is through: a packed day is too much to be written 24 times.
        packed = until - since == DAY_MS and since < compaction.get_compaction_cutoff(self._now)
        for span in self._spans(since):
            rollup.replace(db, span, since, until, {} if packed and span == FINE_SPAN_MINUTES[1] else cells)
        compaction.remove_range(db, since, until)
        if packed:
            quarters = {place: sums for place, sums in cells.items() if place[1] == FINE_SPAN_MINUTES[1]}
            rollup.store(db, compaction.compact_cells(quarters))

    def _spans(self, since: int) -> Sequence[int]:
        """Return the spans that are stored for a range."""
        return FINE_SPAN_MINUTES if since >= self._now - MINUTE_RETENTION_MS else FINE_SPAN_MINUTES[1:]

    def _count_rows(self, db: Db, since: int, until: int) -> Cells:
        """Count the rows of a range, and add what deleted rows had counted."""
        spans = self._spans(since)
        rows = list(_read_recount(db, since, until))
        gone = {place: sums for place, sums in _read_stored(db, since, until, spans).items() if place[0]}
        rollup.merge(
            gone, rollup.aggregate((row for row in _read_pending_deltas(db, since, until) if row[1]), spans)
        )
        cells = rollup.aggregate(((row[0], False, *row[1:]) for row in rows), spans)
        rollup.merge(cells, {(False, *place[1:]): sums for place, sums in gone.items()})
        return cells | gone

    def _differences(self, db: Db, since: int, until: int) -> Iterator[RollupMismatch]:
        spans = self._spans(since)
        stored = _read_stored(db, since, until, spans)
        rollup.merge(stored, rollup.aggregate(_read_pending_deltas(db, since, until), spans))
        yield from _compare(stored, self._count_rows(db, since, until))


def _compare(stored: Cells, counted: Cells) -> Iterator[RollupMismatch]:
    for place in sorted(stored.keys() | counted.keys()):
        known, found = (_numbers(cells.get(place, MetricSums())) for cells in (stored, counted))
        if known != found:
            yield RollupMismatch(place, known, found)


def _numbers(sums: MetricSums) -> dict[str, Any]:
    stored = sums.to_row()
    return {"counts": stored["counts"], "times": stored["times"]}


def _one_snapshot(db: Db) -> None:
    """Use one snapshot for all reads of this transaction; SQLite does that anyway."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _extent(db: Db) -> tuple[int | None, int]:
    """Return the first and last time (ms) with a row or a number; None when there is none."""
    ends = [_SELECT_EXTENT.format(table=source.table) for source in SOURCES]
    ends.append("SELECT MIN(at), MAX(at) FROM rollup WHERE span = 1440")
    found = [row for end in ends for row in db.exec_driver_sql(end) if row[0] is not None]
    return (min(row[0] for row in found), max(row[1] for row in found)) if found else (None, 0)


_SELECT_EXTENT = (
    "SELECT (SELECT created_at FROM {table} ORDER BY id LIMIT 1), "
    "(SELECT created_at FROM {table} ORDER BY id DESC LIMIT 1)"
)


def _bind_range(since: int, until: int) -> dict[str, int]:
    return {"since": since, "until": until}


def _ids(db: Db, since: int, until: int) -> Iterator[tuple[str, int, int]]:
    """Yield each table with the range of ids that may hold rows of a time range."""
    for table, model in _MODELS.items():
        yield (
            table,
            find_first_since(db, since - ID_MARGIN_MS, model),
            find_first_since(db, until + ID_MARGIN_MS, model),
        )


def _read_recount(db: Db, since: int, until: int) -> Iterator[Sequence[Any]]:
    for table, low, high in _ids(db, since, until):
        if low < high:
            yield from db.execute(_QUERIES[table], {"low": low, "high": high, **_bind_range(since, until)})


_MODELS: dict[str, Any] = {"message": Message, "run": Run, "ai_call": AiCall}
_QUERIES = {source.table: text(build_recount_query(source)) for source in SOURCES}


def _read_pending_deltas(db: Db, since: int, until: int) -> list[Sequence[Any]]:
    return list(db.execute(_SELECT_PENDING_DELTAS, _bind_range(since, until)))


_SELECT_PENDING_DELTAS = text(
    f"SELECT {rollup.DELTA_COLUMNS}, CAST(SUM(n) AS BIGINT) FROM rollup_delta WHERE at >= :since AND at < :until "  # noqa: S608  our own words
    "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
)


def _read_stored(db: Db, since: int, until: int, spans: Sequence[int]) -> Cells:
    """Read the stored numbers of a range within a day, compacted or not."""
    place = Rollup.span.in_(spans) & (Rollup.at >= since) & (Rollup.at < until)
    cells = rollup.read(db, place)
    packed = compaction.expand_cells(rollup.read(db, _match_day(since - since % DAY_MS)))
    rollup.merge(cells, {place: sums for place, sums in packed.items() if since <= place[3] < until})
    return cells


def _match_day(day: int) -> ColumnElement[bool]:
    return (Rollup.span == SPAN_MINUTES[2]) & (Rollup.at == day)


def _check_compacted(db: Db, day: int) -> Iterator[RollupMismatch]:
    """Yield days that differ from the sum of their quarter-hours, and four weeks from that of their days."""
    packed = rollup.read(db, _match_day(day))
    parts: Cells = {}
    for (gone, _, key, _at), sums in compaction.expand_cells(packed).items():
        parts.setdefault((gone, SPAN_MINUTES[2], key, day), MetricSums()).merge(sums.counts, sums.times)
    yield from _compare(packed, parts)
    weeks = day - day % FOUR_WEEKS_MS
    if day == weeks:
        whole = (Rollup.span == SPAN_MINUTES[3]) & (Rollup.at == weeks)
        yield from _compare(rollup.read(db, whole), compaction.sum_days(db, weeks))
