"""Compaction: quarter-hours of past days packed into one row a day, and summed by four weeks.

A row for each of them would be as many rows as there are messages, where few come (specs: durability 6.1). What still
changes a packed day is stored as quarter-hours again, which are packed in their turn: packed and loose rows never hold
the same change, so whoever reads takes both, at any moment.
"""

from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, tuple_
from sqlalchemy import Connection as Db

from app.analytics import rollup
from app.analytics.models import Rollup
from app.analytics.rollup import SPAN_MINUTES, Cells, MetricSums
from app.clock import DAY_MS, MINUTE_MS

QUARTER_HOUR_MS: Final = 15 * MINUTE_MS
FOUR_WEEKS_MS: Final = 28 * DAY_MS
_QUARTER_SPAN, _DAY_SPAN, _FOUR_WEEK_SPAN = SPAN_MINUTES[1:]


def get_compaction_cutoff(now: int) -> int:
    """Return the time (ms) from which quarter-hours stay uncompacted: the start of yesterday."""
    return now - now % DAY_MS - DAY_MS


def compact(db: Db, before: int, limit: int) -> int:
    """Compact the quarter-hours of the oldest day before a time (ms), about `limit` of them; return how many."""
    rollup.lock(db)
    loose = (Rollup.span == _QUARTER_SPAN) & (Rollup.at < before)
    first = db.scalar(select(func.min(Rollup.at)).where(loose))
    if first is None:
        return 0
    batch = _limit_batch(db, loose & (Rollup.at < first - first % DAY_MS + DAY_MS), limit)
    found = rollup.read(db, batch)
    db.execute(delete(Rollup).where(batch))
    rollup.store(db, compact_cells(found))
    return len(found)


def expand(db: Db, day: int, limit: int) -> int:
    """Expand a compacted day (ms) to quarter-hours, about `limit` of its rows; return how many rows."""
    rollup.lock(db)
    batch = _limit_batch(db, _match_day(day), limit)
    found = rollup.read(db, batch)
    _replace(db, batch, found, expand_cells(found))
    return len(found)


def _limit_batch(db: Db, rows: ColumnElement[bool], limit: int) -> ColumnElement[bool]:
    """Return a condition for about `limit` of these rows, all rows of a key at once, so that a day is written once."""
    last = db.execute(select(*_KEY).where(rows).order_by(*_KEY).offset(limit).limit(1)).first()
    return rows if last is None else rows & (tuple_(*_KEY) <= tuple_(*last))


_KEY = (Rollup.gone, Rollup.connection_id, Rollup.brain_id, Rollup.version_id, Rollup.command_id)


def _match_day(day: int) -> ColumnElement[bool]:
    return (Rollup.span == _DAY_SPAN) & (Rollup.at == day)


def _replace(db: Db, days: ColumnElement[bool], found: Cells, replacement: Cells) -> None:
    """Replace compacted cells by others."""
    for (gone, _, key, at), sums in found.items():
        weeks = replacement.setdefault((gone, _FOUR_WEEK_SPAN, key, at - at % FOUR_WEEKS_MS), MetricSums())
        weeks.merge(sums.counts, sums.times, -1)
    db.execute(delete(Rollup).where(days))
    rollup.store(db, replacement)


def compact_cells(loose: Cells) -> Cells:
    """Return quarter-hours as days with their parts, and as four weeks."""
    cells: Cells = {}
    for (gone, _, key, at), sums in loose.items():
        day = cells.setdefault((gone, _DAY_SPAN, key, at - at % DAY_MS), MetricSums())
        weeks = cells.setdefault((gone, _FOUR_WEEK_SPAN, key, at - at % FOUR_WEEKS_MS), MetricSums())
        for cell in (day, weeks):
            cell.merge(sums.counts, sums.times)
        day.merge_part(at % DAY_MS // QUARTER_HOUR_MS, sums.counts, sums.times)
    return cells


def remove_range(db: Db, since: int, until: int) -> None:
    """Delete the compacted numbers of a range within a day (ms)."""
    whole = _match_day(since - since % DAY_MS)
    found = rollup.read(db, whole)
    rest = {place: part for place, part in expand_cells(found).items() if not since <= place[3] < until}
    _replace(db, whole, found, compact_cells(rest))


def expand_cells(days: Cells) -> Cells:
    """Return the quarter-hours of compacted days."""
    cells: Cells = {}
    for (gone, _, key, day), sums in days.items():
        for number, part in sums.parts.items():
            cells[gone, _QUARTER_SPAN, key, day + number * QUARTER_HOUR_MS] = part
    return cells


def sum_days(db: Db, weeks: int) -> Cells:
    """Return the sum of the compacted days of four weeks (ms)."""
    days = (Rollup.span == _DAY_SPAN) & (Rollup.at >= weeks) & (Rollup.at < weeks + FOUR_WEEKS_MS)
    cells: Cells = {}
    for (gone, _, key, _at), sums in rollup.read(db, days, parts=False).items():
        cells.setdefault((gone, _FOUR_WEEK_SPAN, key, weeks), MetricSums()).merge(sums.counts, sums.times)
    return cells


def rebuild_four_weeks(db: Db, weeks: int) -> None:
    """Recompute the sum of four weeks (ms)."""
    rollup.lock(db)
    rollup.replace(db, _FOUR_WEEK_SPAN, weeks, weeks + 1, sum_days(db, weeks))
