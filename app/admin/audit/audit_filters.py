"""Filters of the audit from its query string: actor, kind of subject, action, days in the operator's zone, names."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from app.admin.ui.time_format import get_zone
from app.analytics.time_ranges import compute_midnight
from app.immutable import immutable
from app.logs.audit.reading import AuditActor, AuditFilter
from app.text import parse_index

ACTOR_KINDS: Final = {
    "person": "Person",
    "token": "Token",
    "command_line": "Command line",
    "system": "System",
}
# A person of whom the request knew nothing, such as a stranger who is locked out.
NOBODY: Final = "Not signed in"
_NAMES: Final = ("q", "actor", "kind", "subject", "action", "from", "to", "request")
_MAX_CHARS: Final = 200
_EARLIEST: Final = date(2009, 1, 1)
_LATEST: Final = date(9000, 1, 1)
INVALID_DAYS: Final = "Choose days such as 2026-05-28, the first not after the second, or leave them empty."


@immutable
class AuditFilters:
    """What is asked for, as it was typed; `args` is the address of the same list, without the place in it."""

    query: AuditFilter
    args: Mapping[str, str]
    problem: str = ""

    @property
    def is_live(self) -> bool:
        """Whether the newest entries are shown, so that new ones may join them."""
        return self.query.before is None and self.query.until is None


def read(given: Mapping[str, str]) -> AuditFilters:
    """Read an address; days that are none are told, and left out."""
    args = {name: given[name].strip()[:_MAX_CHARS] for name in _NAMES if given.get(name, "").strip()}
    actor_kind, actor_id = _parse_actor(args.get("actor", ""))
    if not actor_kind:
        args.pop("actor", None)
    days = {name: _parse_day(args.get(name, "")) for name in ("from", "to")}
    is_wrong = any(args.get(name) and day is None for name, day in days.items())
    first, last = days["from"], days["to"]
    if first and last and first > last:
        first, last, is_wrong = None, None, True
    query = AuditFilter(
        actor_kind=actor_kind,
        actor_id=actor_id,
        action=args.get("action", ""),
        subject_kind=args.get("kind", ""),
        subject_id=args.get("subject", ""),
        request_id=args.get("request", ""),
        text=args.get("q", ""),
        since=compute_midnight(first, get_zone()) if first else None,
        until=compute_midnight(last + timedelta(days=1), get_zone()) if last else None,
        before=parse_index(given.get("before", "")) or None,
    )
    return AuditFilters(query, args, INVALID_DAYS if is_wrong else "")


def format_actor(actor: AuditActor) -> str:
    """Return the value of the filter that selects what an actor did."""
    return actor.kind if actor.id is None else f"{actor.kind}:{actor.id}"


def name_actor(kind: str, name: str) -> str:
    """Return an actor in words; what acts without a person or token is told by its kind."""
    word = ACTOR_KINDS.get(kind, kind)
    if kind in {"person", "token"}:
        return name or (NOBODY if kind == "person" else word)
    return f"{word}: {name}" if name else word


def _parse_actor(text: str) -> tuple[str, int | None]:
    kind, _, number = text.partition(":")
    return (kind, parse_index(number)) if kind in ACTOR_KINDS else ("", None)


def _parse_day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if _EARLIEST <= day <= _LATEST else None
