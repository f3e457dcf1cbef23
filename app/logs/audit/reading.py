"""Queries of the audit for its pages: filters, pages with the newest first, one entry with its neighbours."""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from app.db.writer import Database
from app.immutable import immutable
from app.logs.audit.models import AuditEntry
from app.logs.audit.stored_values import Unreadable

PAGE_ENTRIES: Final = 100
# Names and actions come from an index, one look-up each; so many are offered at most.
MAX_CHOICES: Final = 200
_BATCH: Final = 500


@immutable
class AuditFilter:
    """Which entries; empty fields filter nothing. Moments in ms: from `since` up to and without `until`.

    `text` is looked for in the names of actors and subjects and in actions; `before` is a number.
    """

    actor_kind: str = ""
    actor_id: int | None = None
    action: str = ""
    subject_kind: str = ""
    subject_id: str = ""
    request_id: str = ""
    text: str = ""
    since: int | None = None
    until: int | None = None
    before: int | None = None


@immutable
class AuditPage:
    """Entries, newest first; `before` is where the next page begins, None at the end."""

    entries: list[AuditEntry]
    before: int | None = None


@immutable
class AuditActor:
    """Who has done something: kind, id, and the name of the newest entry."""

    kind: str
    id: int | None
    name: str


def list_entries(session: Session, query: AuditFilter, limit: int = PAGE_ENTRIES) -> AuditPage:
    """Return a page of what matches, newest first."""
    statement = (
        select(AuditEntry)
        .where(*_build_conditions(query))
        .order_by(AuditEntry.number.desc())
        .limit(limit + 1)
    )
    found = list(session.scalars(statement))
    return AuditPage(found[:limit], found[limit - 1].number if len(found) > limit else None)


def iterate_entries(database: Database, query: AuditFilter) -> Iterator[AuditEntry]:
    """Yield what matches, oldest first, whatever `before` says; a batch in memory at a time, each read on its own.

    Entries are only added: what is read later fits what was read before, and no transaction stays open meanwhile.
    """
    after = 0
    while True:
        statement = (
            select(AuditEntry)
            .where(*_build_conditions(query, has_place=False), AuditEntry.number > after)
            .order_by(AuditEntry.number)
            .limit(_BATCH)
        )
        with database.read() as session:
            batch = list(session.scalars(statement))
            session.expunge_all()
        yield from batch
        if len(batch) < _BATCH:
            return
        after = batch[-1].number


def get_first(session: Session) -> AuditEntry | None:
    """Return the oldest entry."""
    return session.scalar(select(AuditEntry).order_by(AuditEntry.number).limit(1))


def get_last(session: Session, action: str = "") -> AuditEntry | None:
    """Return the newest entry, or the newest of an action."""
    return next(iter(list_entries(session, AuditFilter(action=action), 1).entries), None)


def count_entries(session: Session, query: AuditFilter) -> int:
    """Count what matches, whatever `before` says."""
    conditions = _build_conditions(query, has_place=False)
    return session.scalar(select(func.count()).select_from(AuditEntry).where(*conditions)) or 0


def get_entry(session: Session, number: int) -> AuditEntry | None:
    """Return an entry by its number; None where there is none."""
    return session.get(AuditEntry, number)


def list_actions(session: Session) -> list[str]:
    """List the actions there are entries of, by name."""
    return _list_values(session, AuditEntry.action)


def list_subject_kinds(session: Session) -> list[str]:
    """List the kinds of subjects there are entries of, by name."""
    return _list_values(session, AuditEntry.subject_kind)


def list_actors(session: Session) -> list[AuditActor]:
    """List who has done something, by kind and name."""
    kind, actor_id = AuditEntry.actor_kind, AuditEntry.actor_id
    newest = select(func.max(AuditEntry.number)).group_by(kind, actor_id).limit(MAX_CHOICES)
    rows = session.execute(select(kind, actor_id, AuditEntry.actor_name).where(AuditEntry.number.in_(newest)))
    return sorted(
        (AuditActor(*row) for row in rows),
        key=lambda actor: (actor.kind, actor.name.lower(), str(actor.id or "")),
    )


def _list_values(session: Session, column: Any) -> list[str]:
    found: list[str] = []
    value = session.scalar(select(func.min(column)))
    # Whatever is no text stands after all texts.
    while value is not None and not isinstance(value, Unreadable) and len(found) < MAX_CHOICES:
        found.append(value)
        value = session.scalar(select(func.min(column)).where(column > value))
    return found


def _build_conditions(query: AuditFilter, *, has_place: bool = True) -> list[ColumnElement[bool]]:
    names = ("actor_kind", "action", "subject_kind", "subject_id", "request_id")
    conditions: list[ColumnElement[bool]] = [
        getattr(AuditEntry, name) == getattr(query, name) for name in names if getattr(query, name)
    ]
    if query.actor_id is not None:
        conditions.append(AuditEntry.actor_id == query.actor_id)
    if query.since is not None:
        conditions.append(AuditEntry.at >= query.since)
    if query.until is not None:
        conditions.append(AuditEntry.at < query.until)
    if has_place and query.before is not None:
        conditions.append(AuditEntry.number < query.before)
    if query.text:
        columns = (AuditEntry.actor_name, AuditEntry.subject_name, AuditEntry.action)
        escaped = query.text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(or_(*(func.lower(column).like(f"%{escaped}%", escape="\\") for column in columns)))
    return conditions
