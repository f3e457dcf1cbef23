"""Quarter-hours that are over are packed: a row a day holds them, and their sum is added to the day's four weeks.

A row for each of them would be as many rows as there are messages, where few come (specs: durability 6.1). What still
changes a packed day is stored as quarter-hours again, which are packed in their turn: packed and loose rows never hold
the same change, so whoever reads takes both, at any moment.
"""

from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, tuple_
from sqlalchemy import Connection as Db

from app.bot import rollups
from app.bot.models import Rollup
from app.bot.rollups import MINUTE, SPANS, Cells, Tally

QUARTER: Final = 15 * MINUTE
DAY: Final = 96 * QUARTER
WEEKS: Final = 28 * DAY
_LOOSE, _DAY, _WEEKS = SPANS[1:]


def loose_since(now: int) -> int:
    """Return from when on (ms) quarter-hours stay loose: since yesterday."""
    return now - now % DAY - DAY


def pack(db: Db, before: int, most: int) -> int:
    """Pack the loose quarter-hours of the oldest day before a moment (ms), about `most` of them; returns how many."""
    rollups.lock(db)
    loose = (Rollup.span == _LOOSE) & (Rollup.at < before)
    first = db.scalar(select(func.min(Rollup.at)).where(loose))
    if first is None:
        return 0
    batch = _some(db, loose & (Rollup.at < first - first % DAY + DAY), most)
    found = rollups.read(db, batch)
    db.execute(delete(Rollup).where(batch))
    rollups.store(db, packed(found))
    return len(found)


def unpack(db: Db, day: int, most: int) -> int:
    """Keep a packed day (ms) as loose quarter-hours again, about `most` of its rows; returns of how many."""
    rollups.lock(db)
    batch = _some(db, _whole(day), most)
    found = rollups.read(db, batch)
    _replace(db, batch, found, loosened(found))
    return len(found)


def _some(db: Db, rows: ColumnElement[bool], most: int) -> ColumnElement[bool]:
    """Return the condition for about `most` of these rows: all that some keys have, so that a day is written once."""
    last = db.execute(select(*_KEY).where(rows).order_by(*_KEY).offset(most).limit(1)).first()
    return rows if last is None else rows & (tuple_(*_KEY) <= tuple_(*last))


_KEY = (Rollup.gone, Rollup.connection_id, Rollup.brain_id, Rollup.version_id, Rollup.command_id)


def _whole(day: int) -> ColumnElement[bool]:
    return (Rollup.span == _DAY) & (Rollup.at == day)


def _replace(db: Db, days: ColumnElement[bool], found: Cells, others: Cells) -> None:
    """Store other numbers instead of what was found packed."""
    for (gone, _, key, at), tally in found.items():
        weeks = others.setdefault((gone, _WEEKS, key, at - at % WEEKS), Tally())
        weeks.merge(tally.counts, tally.times, -1)
    db.execute(delete(Rollup).where(days))
    rollups.store(db, others)


def packed(loose: Cells) -> Cells:
    """Return quarter-hours as days with their parts, and as four weeks."""
    cells: Cells = {}
    for (gone, _, key, at), tally in loose.items():
        day = cells.setdefault((gone, _DAY, key, at - at % DAY), Tally())
        weeks = cells.setdefault((gone, _WEEKS, key, at - at % WEEKS), Tally())
        for cell in (day, weeks):
            cell.merge(tally.counts, tally.times)
        day.merge_part(at % DAY // QUARTER, tally.counts, tally.times)
    return cells


def take_out(db: Db, since: int, until: int) -> None:
    """Forget what is packed of a stretch within a day (ms)."""
    whole = _whole(since - since % DAY)
    found = rollups.read(db, whole)
    rest = {place: part for place, part in loosened(found).items() if not since <= place[3] < until}
    _replace(db, whole, found, packed(rest))


def loosened(days: Cells) -> Cells:
    """Return the quarter-hours of packed days."""
    cells: Cells = {}
    for (gone, _, key, day), tally in days.items():
        for number, part in tally.parts.items():
            cells[gone, _LOOSE, key, day + number * QUARTER] = part
    return cells


def summed(db: Db, weeks: int) -> Cells:
    """Add up the packed days of four weeks (ms)."""
    days = (Rollup.span == _DAY) & (Rollup.at >= weeks) & (Rollup.at < weeks + WEEKS)
    cells: Cells = {}
    for (gone, _, key, _at), tally in rollups.read(db, days, parts=False).items():
        cells.setdefault((gone, _WEEKS, key, weeks), Tally()).merge(tally.counts, tally.times)
    return cells


def sum_up(db: Db, weeks: int) -> None:
    """Put the sum of four weeks (ms) right."""
    rollups.lock(db)
    rollups.replace(db, _WEEKS, weeks, weeks + 1, summed(db, weeks))
