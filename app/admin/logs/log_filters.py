"""Filters of the page of log lines from its query string: level, source, words, ids, times in the operator's zone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from app.admin.ui.time_format import get_zone
from app.clock import DAY_MS, HOUR_MS, MINUTE_MS
from app.immutable import immutable
from app.logs.severity import CHOICES
from app.logs.store.event_search import EventQuery
from app.text import parse_index

AGES: Final = {
    "quarter": ("Last 15 minutes", 15 * MINUTE_MS),
    "hour": ("Last hour", HOUR_MS),
    "day": ("Last 24 hours", DAY_MS),
    "week": ("Last 7 days", 7 * DAY_MS),
}
# The ids a line can be found by: their words, and their names in the store.
IDS: Final = {
    "event": ("Event id", "event_id"),
    "request": ("Request id", "request_id"),
    "message": ("Message id", "message_id"),
    "run": ("Run id", "run_id"),
    "chat": ("Chat id", "chat_id"),
}
_LEVELS: Final = {word: level for level, word in CHOICES}
_MAX_CHARS: Final = 200


@immutable
class LogFilters:
    """What is searched for, as it was typed; `args` is the address of the same search, without the place in it."""

    query: EventQuery
    args: Mapping[str, str]
    is_live: bool
    problem: str = ""


def read(given: Mapping[str, str], now: int) -> LogFilters:
    """Read an address; a time that is none is told, and left out."""
    args = {name: given[name].strip()[:_MAX_CHARS] for name in _list_names() if given.get(name, "").strip()}
    args = {name: value for name, value in args.items() if _is_known(name, value)}
    problem = ""
    times: dict[str, int | None] = {}
    for name in ("from", "to"):
        times[name] = _parse_time(args.get(name, ""))
        if args.get(name) and times[name] is None:
            problem = "Write times as 2026-05-28T20:26, or leave them empty."
    since = times["from"]
    if since is None and (age := AGES.get(args.get("age", ""))):
        since = now - age[1]
    before = parse_index(given.get("before", ""))
    query = EventQuery(
        level=_LEVELS.get(args.get("level", ""), 0),
        source=args.get("source", ""),
        text=args.get("q", ""),
        since=since,
        # To the end of the minute that was named.
        until=times["to"] + MINUTE_MS if times["to"] is not None else None,
        before=before,
        **{column: args.get(name, "") for name, (_, column) in IDS.items()},
    )
    is_live = before is None and query.until is None and given.get("live") != "no"
    return LogFilters(query, args, is_live, problem)


def _list_names() -> tuple[str, ...]:
    return ("q", "level", "source", "age", "from", "to", *IDS)


def _is_known(name: str, value: str) -> bool:
    known: Mapping[str, Mapping[str, Any]] = {"level": _LEVELS, "age": AGES}
    return name not in known or value in known[name]


def _parse_time(text: str) -> int | None:
    """Return a moment (ms) of the operator's zone; None for a text that states none."""
    try:
        moment = datetime.fromisoformat(text)
        return int(moment.replace(tzinfo=moment.tzinfo or get_zone()).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
