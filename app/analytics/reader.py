"""Queries that read metrics of a time range from rollups plus deltas, in one statement."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.analytics.compaction import QUARTER_HOUR_MS
from app.analytics.models import ANY, ANY_COMMAND
from app.analytics.rollup import FINE_SPAN_MINUTES, SPAN_MINUTES, MetricKey, MetricSums
from app.analytics.time_ranges import StoredSpan
from app.clock import DAY_MS
from app.immutable import immutable


@immutable
class MetricRow:
    """Numbers of a stored span, or of a delta (`is_delta`) that is not folded yet; `sign` -1: to be subtracted."""

    at: int
    command_id: str
    counts: Mapping[str, int]
    times: Mapping[str, Mapping[Any, int]]
    is_delta: bool = False
    sign: int = 1


def read(
    session: Session,
    spans: Sequence[StoredSpan],
    key: MetricKey,
    *,
    each: bool = False,
    excluded: Sequence[int] = (),
) -> Iterable[MetricRow]:
    """Read the numbers of a key; `each`: separately for every command it has.

    `excluded`: ids of connections whose numbers are subtracted from those of all; the key names no connection then.
    """
    connection, brain, version, command = key
    given = {
        "pieces": json.dumps(_lookups(spans)),
        "since": spans[0][1],
        "until": spans[-1][2],
        "connection": connection,
        "brain": brain,
        "version": version,
        "command": command,
    }
    # Stored numbers of all connections hold the excluded ones too: these are read as well, and subtracted.
    given |= {f"excluded_{n}": int(connection_id) for n, connection_id in enumerate(excluded)}
    queries = [
        _build_stored_query(session, each),
        *(_build_stored_query(session, each, f"excluded_{n}") for n in range(len(excluded))),
        _build_delta_query(key, each, len(excluded)),
    ]
    query = " UNION ALL ".join(queries)
    for at, of, counts, times, parts, since, until, sign, *change in session.execute(text(query), given):
        if parts is not None:
            for row in _expand_day(at, of, json.loads(parts), range(since, until)):
                yield replace(row, sign=sign)
        elif counts is not None:
            yield MetricRow(at, of, json.loads(counts), json.loads(times), sign=sign)
        elif change[0]:
            sums = MetricSums()
            sums.add(*change)
            yield MetricRow(at, of, sums.counts, sums.times, is_delta=True)


def _expand_day(day: int, command_id: str, parts: Mapping[str, Any], within: range) -> Iterable[MetricRow]:
    for number, (counts, times) in parts.items():
        at = day + int(number) * QUARTER_HOUR_MS
        if at in within:
            yield MetricRow(at, command_id, counts, times)


def _lookups(spans: Sequence[StoredSpan]) -> list[tuple[int, int, int, int]]:
    """Return the rows to look up: span, from, until, and the start of their quarter-hours (-1: whole rows).

    What changed since a day was packed is still loose: quarter-hours are looked for whatever a piece's length.
    """
    found: list[tuple[int, int, int, int]] = []
    loose: list[tuple[int, int, int, int]] = []
    for span, since, until in spans:
        if span == SPAN_MINUTES[0]:
            found.append((span, since, until, -1))
            continue
        packed = span == FINE_SPAN_MINUTES[1]
        found.append(
            (SPAN_MINUTES[2], since - since % DAY_MS, until, since) if packed else (span, since, until, -1)
        )
        begin = loose.pop()[1] if loose and loose[-1][2] == since else since
        loose.append((FINE_SPAN_MINUTES[1], begin, until, -1))
    return found + loose


_SPAN_SOURCES = {
    # CROSS JOIN: SQLite keeps the order then, and looks each piece up by the key.
    "sqlite": ("json_each(:pieces) AS p CROSS JOIN rollup AS r", "json_extract(p.value, '$[{n}]')"),
    "postgresql": (
        "json_array_elements(CAST(:pieces AS JSON)) AS p(value) CROSS JOIN rollup AS r",
        "CAST(p.value ->> {n} AS BIGINT)",
    ),
}


def _build_stored_query(session: Session, each: bool, connection: str = "connection") -> str:
    source, part = _SPAN_SOURCES[session.get_bind().dialect.name]
    span, since, until, quarters = (part.format(n=n) for n in range(4))
    which = "r.command_id <> :command" if each else "r.command_id = :command"
    return (
        f"SELECT r.at, r.command_id, CASE WHEN {quarters} < 0 THEN CAST(r.counts AS TEXT) END, "  # noqa: S608
        f"CASE WHEN {quarters} < 0 THEN CAST(r.times AS TEXT) END, "
        f"CASE WHEN {quarters} >= 0 THEN CAST(r.parts AS TEXT) END, {quarters}, {until}, "
        f"{1 if connection == 'connection' else -1}, '', '', CAST(NULL AS BIGINT), 0 "
        f"FROM {source} WHERE r.gone = FALSE AND r.span = {span} AND r.connection_id = :{connection} "
        f"AND r.brain_id = :brain AND r.version_id = :version AND {which} AND r.at >= {since} AND r.at < {until}"
    )


def _build_delta_query(key: MetricKey, each: bool, excluded: int) -> str:
    names = ("connection_id", "brain_id", "version_id", "command_id")
    given = ("connection", "brain", "version", "command")
    wanted = [
        f" AND {name} = :{word}"
        for name, word, part in zip(names, given, key, strict=True)
        if part not in {ANY, ANY_COMMAND}
    ]
    wanted += [f" AND connection_id <> :excluded_{n}" for n in range(excluded)]
    named = " AND command_id <> ''" if each else ""
    return (
        "SELECT at - at % 60000, command_id, NULL, NULL, NULL, 0, 0, 1, metric, label, value, CAST(SUM(n) AS BIGINT) "  # noqa: S608
        f"FROM rollup_delta WHERE gone = FALSE AND at >= :since AND at < :until{''.join(wanted)}{named} "
        "GROUP BY 1, 2, metric, label, value"
    )


_KEY_SOURCES = {
    "sqlite": ("json_each(:keys) AS k", "json_extract(k.value, '$[{n}]')"),
    "postgresql": ("json_array_elements(CAST(:keys AS JSON)) AS k(value)", "k.value ->> {n}"),
}


def find_last_times(session: Session, keys: Sequence[MetricKey]) -> list[int | None]:
    """Return when (ms) something was last counted for each of some keys, as exactly as stored."""
    source, part = _KEY_SOURCES[session.get_bind().dialect.name]
    number, connection, brain, version = (f"CAST({part.format(n=n)} AS BIGINT)" for n in range(4))
    of_key = (
        f"FROM rollup AS r WHERE r.gone = FALSE AND r.span = {{span}} AND r.connection_id = {connection} "
        f"AND r.brain_id = {brain} AND r.version_id = {version} AND r.command_id = {part.format(n=4)}"
    )
    newest = [f"(SELECT max(r.at) {of_key.format(span=span)})" for span in FINE_SPAN_MINUTES]
    day = of_key.format(span=SPAN_MINUTES[2]) + " ORDER BY r.at DESC LIMIT 1)"
    columns = [number, *newest, f"(SELECT r.at {day}", f"(SELECT CAST(r.parts AS TEXT) {day}"]
    given = json.dumps([[n, *key] for n, key in enumerate(keys)])
    found: list[int | None] = [None] * len(keys)
    for n, *loose, day_at, parts in session.execute(
        text(f"SELECT {', '.join(columns)} FROM {source}"),  # noqa: S608
        {"keys": given},
    ):
        # What is loose may be a late change of a day before the last one that is packed.
        packed = (
            [] if day_at is None else [day_at + max(map(int, json.loads(parts or "[0]"))) * QUARTER_HOUR_MS]
        )
        found[n] = max((at for at in [*loose, *packed] if at is not None), default=None)
    return found
