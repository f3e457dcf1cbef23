"""Reading numbers: the stored spans a range is made of, and the changes that are not added up yet, at one moment."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.bot.models import Rollup
from app.bot.rollup_models import ANY, ANY_COMMAND
from app.bot.rollups import Key, Tally
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
        "pieces": json.dumps(pieces),
        "since": pieces[0][1],
        "until": pieces[-1][2],
        "connection": connection,
        "brain": brain,
        "version": version,
        "command": command,
    }
    query = f"{_stored(session, each)} UNION ALL {_waiting(key, each)}"
    for at, of, counts, times, metric, label, value, n in session.execute(text(query), given):
        if counts is not None:
            yield Row(at, of, json.loads(counts), json.loads(times))
            continue
        change = Tally()
        change.add(metric, label, value, n)
        yield Row(at, of, change.counts, change.times, waiting=True)


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
    span, since, until = (part.format(n=n) for n in range(3))
    which = "r.command_id <> :command" if each else "r.command_id = :command"
    return (
        "SELECT r.at, r.command_id, CAST(r.counts AS TEXT), CAST(r.times AS TEXT), '', '', CAST(NULL AS BIGINT), 0 "  # noqa: S608
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
        "SELECT at - at % 60000, command_id, NULL, NULL, metric, label, value, CAST(SUM(n) AS BIGINT) "  # noqa: S608
        f"FROM rollup_delta WHERE gone = FALSE AND at >= :since AND at < :until{''.join(wanted)}{named} "
        "GROUP BY 1, 2, metric, label, value"
    )


def last(session: Session, key: Key) -> int | None:
    """Return when something was last counted for a key, as exactly as is still kept."""
    place = (Rollup.connection_id, Rollup.brain_id, Rollup.version_id, Rollup.command_id)
    here = [column == part for column, part in zip(place, key, strict=True)]
    newest = [
        session.scalar(select(func.max(Rollup.at)).where(Rollup.gone.is_(False), Rollup.span == span, *here))
        for span in (1, 15)
    ]
    return max((at for at in newest if at is not None), default=None)
