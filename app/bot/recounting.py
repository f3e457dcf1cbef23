"""Numbers counted again from the rows, a day or an hour at a time, while messages go on being served."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, text
from sqlalchemy import Connection as Db

from app.bot import packing, rollups
from app.bot.counting import SOURCES, recount
from app.bot.figures import first_since
from app.bot.models import Message, Rollup, Run
from app.bot.packing import DAY, WEEKS
from app.bot.rollups import LOOSE, MINUTE, MINUTES_KEPT, SPANS, Cells, Place, Tally
from app.brains.ai.models import AiCall
from app.db import to_json
from app.writer import Database

HOUR: Final = 60 * MINUTE
# Ids grow with time but for what is stored at once and clocks set back: rows are looked for this far around.
AROUND: Final = 15 * MINUTE
# A day of more rows is gone through by the hour: messages wait for the writer meanwhile.
QUIET: Final = 10_000
# Packed days, and quarter-hours, written in one transaction.
UNPACKED: Final = 20
PACKED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A number that does not equal what the rows say."""

    place: Place
    stored: dict[str, Any]
    counted: dict[str, Any]

    def __str__(self) -> str:
        gone, span, key, at = self.place
        what = ", of rows deleted since" if gone else ""
        return (
            f"{at}, {span} min, {key}{what}: stored {to_json(self.stored)}, counted {to_json(self.counted)}"
        )


class Recount:
    """Goes through all hours there are numbers or rows of; `since` (ms) leaves out earlier ones."""

    def __init__(self, database: Database, now: int, since: int = 0) -> None:
        self._database = database
        self._now = now
        self._since = since

    def rebuild(self) -> Iterator[int]:
        """Put every number right, a stretch a transaction; yields the days (ms) done. May be broken off."""
        writer = self._database.writer
        days = list(self._days())
        for day in days:
            stretches = self._stretches(day)
            if len(stretches) > 1:
                self._all_of(lambda db, day=day: packing.unpack(db, day, UNPACKED))
            for since, until in stretches:
                writer.run(lambda db, one=(since, until): self._rebuild(db, *one))
            if len(stretches) > 1:
                over = min(day + DAY, packing.loose_since(self._now))
                self._all_of(lambda db, over=over: packing.pack(db, over, PACKED))
            if day == days[-1] or (day + DAY) % WEEKS == 0:
                writer.run(lambda db, day=day: packing.sum_up(db, day - day % WEEKS))
            yield day

    def _all_of(self, batch: Callable[[Db], int]) -> None:
        while self._database.writer.run(batch):
            pass

    def check(self) -> Iterator[Difference]:
        """Yield every number that is not what the rows say."""
        for day in self._days():
            for since, until in self._stretches(day):
                with self._database.engine.connect() as db:
                    _one_snapshot(db)
                    yield from self._differences(db, since, until)
            with self._database.engine.connect() as db:
                _one_snapshot(db)
                yield from _packed_wrong(db, day)

    def _days(self) -> Iterator[int]:
        with self._database.engine.connect() as db:
            first, last = _extent(db)
        if first is not None:
            first = max(first, self._since)
            yield from range(first - first % DAY, max(self._now, last) + 1, DAY)

    def _stretches(self, day: int) -> list[tuple[int, int]]:
        with self._database.engine.connect() as db:
            rows = sum(high - low for _, low, high in _ids(db, day, day + DAY))
        length = DAY if rows <= QUIET else HOUR
        return [(since, since + length) for since in range(day, day + DAY, length)]

    def _rebuild(self, db: Db, since: int, until: int) -> None:
        _one_snapshot(db)
        rollups.lock(db)
        cells = self._counted(db, since, until)
        # What this snapshot holds of waiting deltas is in its rows too; what comes later is added later.
        db.execute(
            text("DELETE FROM rollup_delta WHERE at >= :since AND at < :until"), _between(since, until)
        )
        # By the hour it is packed when the day is through: a packed day is too much to be written 24 times.
        packed = until - since == DAY and since < packing.loose_since(self._now)
        for span in self._spans(since):
            rollups.replace(db, span, since, until, {} if packed and span == LOOSE[1] else cells)
        packing.take_out(db, since, until)
        if packed:
            quarters = {place: tally for place, tally in cells.items() if place[1] == LOOSE[1]}
            rollups.store(db, packing.packed(quarters))

    def _spans(self, since: int) -> Sequence[int]:
        """Return the lengths that are kept of a stretch."""
        return LOOSE if since >= self._now - MINUTES_KEPT else LOOSE[1:]

    def _counted(self, db: Db, since: int, until: int) -> Cells:
        """Count the rows of a stretch, and what deleted rows left behind."""
        spans = self._spans(since)
        rows = list(_recounted(db, since, until))
        gone = {place: tally for place, tally in _stored(db, since, until, spans).items() if place[0]}
        rollups.merge(gone, rollups.spread((row for row in _waiting(db, since, until) if row[1]), spans))
        cells = rollups.spread(((row[0], False, *row[1:]) for row in rows), spans)
        rollups.merge(cells, {(False, *place[1:]): tally for place, tally in gone.items()})
        return cells | gone

    def _differences(self, db: Db, since: int, until: int) -> Iterator[Difference]:
        spans = self._spans(since)
        stored = _stored(db, since, until, spans)
        rollups.merge(stored, rollups.spread(_waiting(db, since, until), spans))
        yield from _compared(stored, self._counted(db, since, until))


def _compared(stored: Cells, counted: Cells) -> Iterator[Difference]:
    for place in sorted(stored.keys() | counted.keys()):
        known, found = (_numbers(cells.get(place, Tally())) for cells in (stored, counted))
        if known != found:
            yield Difference(place, known, found)


def _numbers(tally: Tally) -> dict[str, Any]:
    stored = tally.stored()
    return {"counts": stored["counts"], "times": stored["times"]}


def _one_snapshot(db: Db) -> None:
    """Let all that is read in this transaction be of one moment; on SQLite it is that anyway."""
    if db.dialect.name == "postgresql":
        db.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _extent(db: Db) -> tuple[int | None, int]:
    """Return the first and the last moment (ms) there is a row or a number of; None when there is none."""
    ends = [_EXTENT.format(table=source.table) for source in SOURCES]
    ends.append("SELECT MIN(at), MAX(at) FROM rollup WHERE span = 1440")
    found = [row for end in ends for row in db.exec_driver_sql(end) if row[0] is not None]
    return (min(row[0] for row in found), max(row[1] for row in found)) if found else (None, 0)


_EXTENT = (
    "SELECT (SELECT created_at FROM {table} ORDER BY id LIMIT 1), "
    "(SELECT created_at FROM {table} ORDER BY id DESC LIMIT 1)"
)


def _between(since: int, until: int) -> dict[str, int]:
    return {"since": since, "until": until}


def _ids(db: Db, since: int, until: int) -> Iterator[tuple[str, int, int]]:
    """Yield each table with the ids between which rows of a stretch can be."""
    for table, model in _MODELS.items():
        yield table, first_since(db, since - AROUND, model), first_since(db, until + AROUND, model)


def _recounted(db: Db, since: int, until: int) -> Iterator[Sequence[Any]]:
    for table, low, high in _ids(db, since, until):
        if low < high:
            yield from db.execute(_QUERIES[table], {"low": low, "high": high, **_between(since, until)})


_MODELS: dict[str, Any] = {"message": Message, "run": Run, "ai_call": AiCall}
_QUERIES = {source.table: text(recount(source)) for source in SOURCES}


def _waiting(db: Db, since: int, until: int) -> list[Sequence[Any]]:
    return list(db.execute(_WAITING, _between(since, until)))


_WAITING = text(
    f"SELECT {rollups.CHANGE}, CAST(SUM(n) AS BIGINT) FROM rollup_delta WHERE at >= :since AND at < :until "  # noqa: S608  our own words
    "GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
)


def _stored(db: Db, since: int, until: int, spans: Sequence[int]) -> Cells:
    """Read what is stored of a stretch within a day, loose and packed."""
    place = Rollup.span.in_(spans) & (Rollup.at >= since) & (Rollup.at < until)
    cells = rollups.read(db, place)
    packed = packing.loosened(rollups.read(db, _packed(since - since % DAY)))
    rollups.merge(cells, {place: tally for place, tally in packed.items() if since <= place[3] < until})
    return cells


def _packed(day: int) -> ColumnElement[bool]:
    return (Rollup.span == SPANS[2]) & (Rollup.at == day)


def _packed_wrong(db: Db, day: int) -> Iterator[Difference]:
    """Yield days that are not the sum of their quarter-hours, and four weeks that are not the sum of their days."""
    packed = rollups.read(db, _packed(day))
    parts: Cells = {}
    for (gone, _, key, _at), tally in packing.loosened(packed).items():
        parts.setdefault((gone, SPANS[2], key, day), Tally()).merge(tally.counts, tally.times)
    yield from _compared(packed, parts)
    weeks = day - day % WEEKS
    if day == weeks:
        whole = (Rollup.span == SPANS[3]) & (Rollup.at == weeks)
        yield from _compared(rollups.read(db, whole), packing.summed(db, weeks))
