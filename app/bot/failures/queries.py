"""Queries of the Failures page: groups by cause, filters, page size, count limit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    UnaryExpression,
    and_,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from app.bot.display import format_contact_name
from app.bot.failures.catalog import CAUSES
from app.bot.failures.causes import PARKING_CODES, classify_failure
from app.bot.health.status import OPEN_FAILURES
from app.bot.models import Attempt, Chat, Connection, Contact, Message, Run
from app.bot.states import UNCERTAIN_STATES, UNDELIVERED_STATES, Direction, MessageState
from app.brains.versions.models import Brain
from app.channels.error_catalog import ErrorCause
from app.db.lookups import find_first_since
from app.immutable import immutable

PAGE_SIZE: Final = 30
# More than this is not counted out in the menu.
COUNT_LIMIT: Final = 999
# Written out: only then do the planners see that the partial index covers it.
_IS_DISMISSED: Final = literal_column("message.aside_at IS NOT NULL")
# Another try is on its way by itself, unless the connection waits for a repair.
_NEEDS_ACTION: Final = or_(
    literal_column("message.state") != MessageState.RETRY, Message.error_code.in_(PARKING_CODES)
)


@immutable
class FailureFilter:
    """Which failures: of a connection, of a brain, stored since a moment (ms); `aside` = those dismissed."""

    connection_id: int | None = None
    brain_id: int | None = None
    since: int | None = None
    aside: bool = False


@dataclass(slots=True)
class FailureGroup:
    """The failures of one cause; `codes` are the error codes among them, `newest` and `oldest` are message ids."""

    cause: ErrorCause
    count: int = 0
    newest: int = 0
    oldest: int = 0
    codes: set[str | None] = field(default_factory=set)


@immutable
class FailureListItem:
    """One failure with what belongs to it; `slug` and `command_id` name the command that sent it."""

    message: Message
    contact_name: str
    connection: str
    slug: str = ""
    command_id: str = ""
    command: str = ""


@immutable
class FailurePage:
    """Failures of one cause, the newest first; the next page begins below `after`, null at the end."""

    items: Sequence[FailureListItem] = ()
    after: int | None = None


def sum_failures(groups: Sequence[FailureGroup]) -> int:
    """Sum the failures that somebody has to act on; what waits for a receipt needs nobody."""
    return sum(group.count for group in groups if group.cause.needs_operator)


def count_open(session: Session) -> int:
    """Count open failures that somebody has to act on, up to one more than the pages show."""
    rows = (
        select(literal_column("1"))
        .select_from(Message)
        .where(OPEN_FAILURES, _NEEDS_ACTION, Message.state != MessageState.UNKNOWN)
    )
    return session.scalar(select(func.count()).select_from(rows.limit(COUNT_LIMIT + 1).subquery())) or 0


def list_groups(session: Session, failure_filter: FailureFilter) -> list[FailureGroup]:
    """Group failures by cause, in the order of the table of causes."""
    query: Any = select(
        Message.error_code, Message.state, func.count(), func.max(Message.id), func.min(Message.id)
    ).group_by(Message.error_code, Message.state)
    found: dict[str, FailureGroup] = {}
    for row in session.execute(_apply_filter(session, query, failure_filter)):
        code, state, count, newest, oldest = tuple(row)
        cause = classify_failure(state, code)
        group = found.setdefault(cause.id, FailureGroup(cause, oldest=oldest))
        group.count += count
        group.newest, group.oldest = max(group.newest, newest), min(group.oldest, oldest)
        group.codes.add(code)
    return [found[name] for name in CAUSES if name in found]


def load_page(
    session: Session,
    failure_filter: FailureFilter,
    group: FailureGroup,
    before: int | None = None,
    limit: int = PAGE_SIZE,
) -> FailurePage:
    """Return failures of a group, below message `before`."""
    below = Message.id < before if before else true()
    ids = list(
        session.scalars(_first(session, _Slice(failure_filter, group, below), limit + 1, Message.id.desc()))
    )
    return FailurePage(_load_items(session, ids[:limit]), ids[limit - 1] if len(ids) > limit else None)


def list_ids_between(
    session: Session,
    failure_filter: FailureFilter,
    group: FailureGroup,
    id_range: tuple[int, int],
    limit: int,
) -> list[int]:
    """Return the ids of a group above the first and up to the second id of `id_range`, in ascending order."""
    low, high = id_range
    between = and_(Message.id > low, Message.id <= high)
    return list(
        session.scalars(_first(session, _Slice(failure_filter, group, between), limit, Message.id.asc()))
    )


@immutable
class _Slice:
    failure_filter: FailureFilter
    group: FailureGroup
    condition: ColumnElement[bool]


def _first(session: Session, part: _Slice, limit: int, order: UnaryExpression[int]) -> Select[int]:
    """Select the first ids of a slice: the first of each code along its index, then of them all."""
    firsts = []
    for code in sorted(part.group.codes, key=str):
        query = select(Message.id).where(
            Message.error_code == code, build_state_condition(part.group.cause), part.condition
        )
        narrowed = _apply_filter(session, query, part.failure_filter).order_by(order).limit(limit).subquery()
        firsts.append(select(narrowed.c.id))
    inner = union_all(*firsts).subquery()
    return select(Message.id).where(Message.id.in_(select(inner.c.id))).order_by(order).limit(limit)


def build_state_condition(cause: ErrorCause) -> ColumnElement[bool]:
    """Return the states a cause has beside its codes."""
    if cause.id in UNCERTAIN_STATES:
        return Message.state == cause.id
    waiting = (MessageState.RETRY,) if cause.needs_connection_repair else ()
    return Message.state.in_((*UNDELIVERED_STATES, *waiting))


def _apply_filter(session: Session, query: Any, failure_filter: FailureFilter) -> Any:
    query = query.where(_IS_DISMISSED) if failure_filter.aside else query.where(OPEN_FAILURES, _NEEDS_ACTION)
    if failure_filter.connection_id:
        query = query.where(Message.connection_id == failure_filter.connection_id)
    if failure_filter.brain_id:
        query = query.where(_of_brain(failure_filter.brain_id))
    if failure_filter.since:
        query = query.where(Message.id >= find_first_since(session, failure_filter.since, Message))
    return query


def _of_brain(brain_id: int) -> ColumnElement[bool]:
    """Return the condition for a brain: what it sent, and what came in on its connections."""
    on = select(Connection.id).where(Connection.brain_id == brain_id)
    return or_(Message.brain_id == brain_id, and_(Message.brain_id.is_(None), Message.connection_id.in_(on)))


def _load_items(session: Session, ids: Sequence[int]) -> list[FailureListItem]:
    query = (
        select(Message, Chat, Contact, Connection)
        .join(Chat, Chat.id == Message.chat_id)
        .join(Connection, Connection.id == Message.connection_id)
        .outerjoin(Contact, Contact.id == Chat.contact_id)
        .where(Message.id.in_(ids))
        .order_by(Message.id.desc())
    )
    rows = session.execute(query).all()
    commands = _commands(session, [(row.Message, row.Connection) for row in rows])
    return [
        FailureListItem(
            row.Message,
            format_contact_name(row.Contact, row.Chat.title),
            row.Connection.name,
            *commands[row.Message.id],
        )
        for row in rows
    ]


def _commands(
    session: Session, rows: Sequence[tuple[Message, Connection]]
) -> dict[int, tuple[str, str, str]]:
    """Return the brain's slug and the command's id and name of each message, as far as they are known."""
    parents = [message.parent_id or message.id for message, _ in rows]
    runs = {run.message_id: run for run in session.scalars(select(Run).where(Run.message_id.in_(parents)))}
    said = {message.id: _find_brain_and_command(message, connection, runs) for message, connection in rows}
    wanted = {brain_id for brain_id, _ in said.values() if brain_id}
    brains = {each.id: each for each in session.scalars(select(Brain).where(Brain.id.in_(wanted)))}
    return {
        message_id: _command(brains.get(brain_id or 0), command_id)
        for message_id, (brain_id, command_id) in said.items()
    }


def _find_brain_and_command(
    message: Message, connection: Connection, runs: Mapping[int, Run]
) -> tuple[int | None, str | None]:
    run = runs.get(message.parent_id or message.id)
    if run:
        return run.brain_id, run.command_id
    return (connection.brain_id if message.direction == Direction.IN else None), None


def _command(brain: Brain | None, command_id: str | None) -> tuple[str, str, str]:
    if brain is None or brain.archived_at is not None:
        return "", "", ""
    commands = brain.draft.get("commands", [])
    names = {str(each.get("id")): str(each.get("name") or "") for each in commands}
    return (brain.slug, command_id, names[command_id]) if command_id in names else (brain.slug, "", "")


def get_quiet_since(session: Session) -> int | None:
    """Return when a try failed last, or else when the first message was stored (ms); null before any."""
    last = session.scalar(select(Attempt.at).order_by(Attempt.id.desc()).limit(1))
    return last or session.scalar(select(Message.created_at).order_by(Message.id).limit(1))
