"""Numbers counted again from the rows, a day or an hour at a time, while messages go on being served."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection as Db
from sqlalchemy import select, text

from app.bot import rollups
from app.bot.counting import SOURCES, recount
from app.bot.figures import first_since
from app.bot.models import Message, Rollup, Run
from app.bot.rollups import MINUTE, MINUTES_KEPT, Cells, Place, Tally
from app.brains.ai.models import AiCall
from app.db import table_of, to_json
from app.writer import Database

HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
# Ids grow with time but for what is stored at once and clocks set back: rows are looked for this far around.
AROUND: Final = 15 * MINUTE
# A day of more rows is gone through by the hour: messages wait for the writer meanwhile.
QUIET: Final = 10_000


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
        for day in self._days():
            for since, until in self._stretches(day):
                self._database.writer.run(lambda db, one=(since, until): self._rebuild(db, *one))
            self._database.writer.run(lambda db, day=day: _sum_up(db, day))
            yield day

    def check(self) -> Iterator[Difference]:
        """Yield every number that is not what the rows say."""
        for day in self._days():
            for since, until in self._stretches(day):
                with self._database.engine.connect() as db:
                    _one_snapshot(db)
                    yield from self._differences(db, since, until)
            with self._database.engine.connect() as db:
                _one_snapshot(db)
                yield from _compared(_read(db, "span = 1440", day, day + 1), _summed(db, day))

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
        for span in (1, 15, 60):
            if span > 1 or since >= self._now - MINUTES_KEPT:
                rollups.replace(db, span, since, until, cells)

    def _counted(self, db: Db, since: int, until: int) -> Cells:
        """Count the rows of a stretch, and what deleted rows left behind."""
        rows = list(_recounted(db, since, until))
        gone = _read(db, "gone AND span <= 60", since, until)
        rollups.merge(gone, _small(row for row in _waiting(db, since, until) if row[1]))
        cells = _small((row[0], False, *row[1:]) for row in rows)
        rollups.merge(cells, {(False, *place[1:]): tally for place, tally in gone.items()})
        return cells | gone

    def _differences(self, db: Db, since: int, until: int) -> Iterator[Difference]:
        stored = _read(db, "span <= 60", since, until)
        rollups.merge(stored, _small(_waiting(db, since, until)))
        counted = self._counted(db, since, until)
        if since < self._now - MINUTES_KEPT:
            stored, counted = ({p: t for p, t in cells.items() if p[1] > 1} for cells in (stored, counted))
        yield from _compared(stored, counted)


def _compared(stored: Cells, counted: Cells) -> Iterator[Difference]:
    for place in sorted(stored.keys() | counted.keys()):
        known, found = stored.get(place, Tally()).stored(), counted.get(place, Tally()).stored()
        if known != found:
            yield Difference(place, known, found)


def _small(rows: Iterable[Sequence[Any]]) -> Cells:
    """Add up changes for the spans within an hour."""
    return {place: tally for place, tally in rollups.spread(rows).items() if place[1] <= 60}


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


def _summed(db: Db, day: int) -> Cells:
    """Add up the hours of a day (UTC)."""
    cells: Cells = {}
    for (gone, _, key, _at), tally in _read(db, "span = 60", day, day + DAY).items():
        cells.setdefault((gone, 1440, key, day), Tally()).merge(tally.counts, tally.times)
    return cells


def _sum_up(db: Db, day: int) -> None:
    rollups.lock(db)
    rollups.replace(db, 1440, day, day + 1, _summed(db, day))


def _read(db: Db, which: str, since: int, until: int) -> Cells:
    query = select(table_of(Rollup)).where(text(which), Rollup.at >= since, Rollup.at < until)
    cells: Cells = {}
    for row in db.execute(query).mappings():
        cells[rollups.place_of(dict(row))] = tally = Tally()
        tally.merge(row["counts"], row["times"])
    return cells
