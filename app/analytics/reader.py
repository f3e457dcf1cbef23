"""Reading numbers: the stored spans a range is made of, and the changes that are not added up yet, at one moment."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.bot.models import Rollup
from app.bot.packing import DAY, QUARTER
from app.bot.rollup_models import ANY, ANY_COMMAND
from app.bot.rollups import LOOSE, SPANS, Key, Tally
from app.realtime.ranges import Piece


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers of a stored span, or of a change that is still `waiting` to be added."""

    at: int
    command_id: str
    counts: Mapping[str, int]
    times: Mapping[str, Mapping[Any, int]]
    waiting: bool = False


def read(session: Session, pieces: Sequence[Piece], key: Key, *, each: bool = False) -> Iterable[Row]:
    """Read the numbers of a key; `each`: of every command it has."""
    connection, brain, version, command = key
    given = {
        "pieces": json.dumps(_lookups(pieces)),
        "since": pieces[0][1],
        "until": pieces[-1][2],
        "connection": connection,
        "brain": brain,
        "version": version,
        "command": command,
    }
    query = f"{_stored(session, each)} UNION ALL {_waiting(key, each)}"
    for at, of, counts, times, parts, since, until, *change in session.execute(text(query), given):
        if parts is not None:
            yield from _unpacked(at, of, json.loads(parts), range(since, until))
        elif counts is not None:
            yield Row(at, of, json.loads(counts), json.loads(times))
        elif change[0]:
            tally = Tally()
            tally.add(*change)
            yield Row(at, of, tally.counts, tally.times, waiting=True)


def _unpacked(day: int, command_id: str, parts: Mapping[str, Any], within: range) -> Iterable[Row]:
    for number, (counts, times) in parts.items():
        at = day + int(number) * QUARTER
        if at in within:
            yield Row(at, command_id, counts, times)


def _lookups(pieces: Sequence[Piece]) -> list[tuple[int, int, int, int]]:
    """Return which rows to look for: span, from, until, and from when on for their quarter-hours (-1: for the whole).

    What changed since a day was packed is still loose: quarter-hours are looked for whatever a piece's length.
    """
    found: list[tuple[int, int, int, int]] = []
    loose: list[tuple[int, int, int, int]] = []
    for span, since, until in pieces:
        if span == SPANS[0]:
            found.append((span, since, until, -1))
            continue
        packed = span == LOOSE[1]
        found.append((SPANS[2], since - since % DAY, until, since) if packed else (span, since, until, -1))
        begin = loose.pop()[1] if loose and loose[-1][2] == since else since
        loose.append((LOOSE[1], begin, until, -1))
    return found + loose


_PIECES = {
    # CROSS JOIN: SQLite keeps the order then, and looks each piece up by the key.
    "sqlite": ("json_each(:pieces) AS p CROSS JOIN rollup AS r", "json_extract(p.value, '$[{n}]')"),
    "postgresql": (
        "json_array_elements(CAST(:pieces AS JSON)) AS p(value) CROSS JOIN rollup AS r",
        "CAST(p.value ->> {n} AS BIGINT)",
    ),
}


def _stored(session: Session, each: bool) -> str:
    source, part = _PIECES[session.get_bind().dialect.name]
    span, since, until, quarters = (part.format(n=n) for n in range(4))
    which = "r.command_id <> :command" if each else "r.command_id = :command"
    return (
        f"SELECT r.at, r.command_id, CASE WHEN {quarters} < 0 THEN CAST(r.counts AS TEXT) END, "  # noqa: S608
        f"CASE WHEN {quarters} < 0 THEN CAST(r.times AS TEXT) END, "
        f"CASE WHEN {quarters} >= 0 THEN CAST(r.parts AS TEXT) END, {quarters}, {until}, "
        "'', '', CAST(NULL AS BIGINT), 0 "
        f"FROM {source} WHERE r.gone = FALSE AND r.span = {span} AND r.connection_id = :connection "
        f"AND r.brain_id = :brain AND r.version_id = :version AND {which} AND r.at >= {since} AND r.at < {until}"
    )


def _waiting(key: Key, each: bool) -> str:
    names = ("connection_id", "brain_id", "version_id", "command_id")
    given = ("connection", "brain", "version", "command")
    wanted = [
        f" AND {name} = :{word}"
        for name, word, part in zip(names, given, key, strict=True)
        if part not in {ANY, ANY_COMMAND}
    ]
    named = " AND command_id <> ''" if each else ""
    return (
        "SELECT at - at % 60000, command_id, NULL, NULL, NULL, 0, 0, metric, label, value, CAST(SUM(n) AS BIGINT) "  # noqa: S608
        f"FROM rollup_delta WHERE gone = FALSE AND at >= :since AND at < :until{''.join(wanted)}{named} "
        "GROUP BY 1, 2, metric, label, value"
    )


def last(session: Session, key: Key) -> int | None:
    """Return when something was last counted for a key, as exactly as is still kept."""
    place = (Rollup.connection_id, Rollup.brain_id, Rollup.version_id, Rollup.command_id)
    here = [Rollup.gone.is_(False), *(column == part for column, part in zip(place, key, strict=True))]
    newest = [session.scalar(select(func.max(Rollup.at)).where(Rollup.span == span, *here)) for span in LOOSE]
    days = select(Rollup.at, Rollup.parts).where(Rollup.span == SPANS[2], *here)
    packed = session.execute(days.order_by(Rollup.at.desc()).limit(1)).first()
    # What is loose may be a late change of a day before the last one that is packed.
    if packed:
        newest.append(packed.at + max(map(int, packed.parts or [0])) * QUARTER)
    return max((at for at in newest if at is not None), default=None)
