"""The failure desk: what failed or is not known, grouped by cause, read so that it stays quick with many rows."""

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

from app.bot.causes import CAUSES, PARKING, Cause, cause_of
from app.bot.figures import first_since
from app.bot.health import OPEN_FAILURES
from app.bot.models import Attempt, Chat, Connection, Contact, Message, Run
from app.brains.models import Brain

PAGE: Final = 30
# More than this is not counted out in the menu.
MANY: Final = 999
# Written out: only then do the planners see that the partial index covers it.
_ASIDE: Final = literal_column("message.aside_at IS NOT NULL")
# Another try is on its way by itself, unless the connection waits for a repair.
_STANDS: Final = or_(literal_column("message.state") != "retry", Message.error_code.in_(PARKING))


@dataclass(frozen=True, slots=True)
class Wish:
    """Which failures: of a connection, of a brain, stored since a moment (ms); `aside` = those put away."""

    connection_id: int | None = None
    brain_id: int | None = None
    since: int | None = None
    aside: bool = False


@dataclass(slots=True)
class Group:
    """The failures of one cause; `codes` are the error codes among them, `newest` and `oldest` are message ids."""

    cause: Cause
    count: int = 0
    newest: int = 0
    oldest: int = 0
    codes: set[str | None] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Line:
    """One failure with what belongs to it; `slug` and `command_id` name the command whose words it is."""

    message: Message
    name: str
    connection: str
    slug: str = ""
    command_id: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Failures of one cause, the newest first; the next page begins below `after`, null at the end."""

    lines: Sequence[Line] = ()
    after: int | None = None


def waiting(session: Session) -> int:
    """Count what needs a person, up to MANY + 1."""
    rows = (
        select(literal_column("1"))
        .select_from(Message)
        .where(OPEN_FAILURES, _STANDS, Message.state != "unknown")
    )
    return session.scalar(select(func.count()).select_from(rows.limit(MANY + 1).subquery())) or 0


def groups(session: Session, wish: Wish) -> list[Group]:
    """Group failures by cause, in the order of the table of causes."""
    query: Any = select(
        Message.error_code, Message.state, func.count(), func.max(Message.id), func.min(Message.id)
    ).group_by(Message.error_code, Message.state)
    found: dict[str, Group] = {}
    for row in session.execute(_narrowed(session, query, wish)):
        code, state, count, newest, oldest = tuple(row)
        cause = cause_of(state, code)
        group = found.setdefault(cause.id, Group(cause, oldest=oldest))
        group.count += count
        group.newest, group.oldest = max(group.newest, newest), min(group.oldest, oldest)
        group.codes.add(code)
    return [found[name] for name in CAUSES if name in found]


def page(session: Session, wish: Wish, group: Group, before: int | None = None, limit: int = PAGE) -> Page:
    """Return failures of a group, below message `before`."""
    below = Message.id < before if before else true()
    ids = list(session.scalars(_first(session, _Slice(wish, group, below), limit + 1, Message.id.desc())))
    return Page(_lines(session, ids[:limit]), ids[limit - 1] if len(ids) > limit else None)


def following(session: Session, wish: Wish, group: Group, above: tuple[int, int], limit: int) -> list[int]:
    """Return the ids of a group above the first and up to the second number of `above`, the lowest first."""
    low, high = above
    between = and_(Message.id > low, Message.id <= high)
    return list(session.scalars(_first(session, _Slice(wish, group, between), limit, Message.id.asc())))


@dataclass(frozen=True, slots=True)
class _Slice:
    wish: Wish
    group: Group
    where: ColumnElement[bool]


def _first(session: Session, part: _Slice, limit: int, order: UnaryExpression[int]) -> Select[int]:
    """Select the first ids of a slice: the first of each code along its index, then of them all."""
    firsts = []
    for code in sorted(part.group.codes, key=str):
        query = select(Message.id).where(Message.error_code == code, of_cause(part.group.cause), part.where)
        narrowed = _narrowed(session, query, part.wish).order_by(order).limit(limit).subquery()
        firsts.append(select(narrowed.c.id))
    inner = union_all(*firsts).subquery()
    return select(Message.id).where(Message.id.in_(select(inner.c.id))).order_by(order).limit(limit)


def of_cause(cause: Cause) -> ColumnElement[bool]:
    """Return the states a cause has beside its codes."""
    if cause.id in {"held", "unknown"}:
        return Message.state == cause.id
    return Message.state.in_(("dead", "failed", "retry") if cause.parks else ("dead", "failed"))


def _narrowed(session: Session, query: Any, wish: Wish) -> Any:
    query = query.where(_ASIDE) if wish.aside else query.where(OPEN_FAILURES, _STANDS)
    if wish.connection_id:
        query = query.where(Message.connection_id == wish.connection_id)
    if wish.brain_id:
        query = query.where(_of_brain(wish.brain_id))
    if wish.since:
        query = query.where(Message.id >= first_since(session, wish.since))
    return query


def _of_brain(brain_id: int) -> ColumnElement[bool]:
    """Whose words they are; of what no brain has said, whose connection it came to."""
    on = select(Connection.id).where(Connection.brain_id == brain_id)
    return or_(Message.brain_id == brain_id, and_(Message.brain_id.is_(None), Message.connection_id.in_(on)))


def _lines(session: Session, ids: Sequence[int]) -> list[Line]:
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
        Line(row.Message, _name(row.Chat, row.Contact), row.Connection.name, *commands[row.Message.id])
        for row in rows
    ]


def _name(chat: Chat, contact: Contact | None) -> str:
    if contact is None:
        return chat.title or "Group"
    return contact.name or contact.username or (f"+{contact.phone}" if contact.phone else "Unknown person")


def _commands(
    session: Session, rows: Sequence[tuple[Message, Connection]]
) -> dict[int, tuple[str, str, str]]:
    """Return the brain's slug and the command's id and name of each message, as far as they are known."""
    parents = [message.parent_id or message.id for message, _ in rows]
    runs = {run.message_id: run for run in session.scalars(select(Run).where(Run.message_id.in_(parents)))}
    said = {message.id: _said_by(message, connection, runs) for message, connection in rows}
    wanted = {brain_id for brain_id, _ in said.values() if brain_id}
    brains = {each.id: each for each in session.scalars(select(Brain).where(Brain.id.in_(wanted)))}
    return {
        message_id: _command(brains.get(brain_id or 0), command_id)
        for message_id, (brain_id, command_id) in said.items()
    }


def _said_by(
    message: Message, connection: Connection, runs: Mapping[int, Run]
) -> tuple[int | None, str | None]:
    run = runs.get(message.parent_id or message.id)
    if run:
        return run.brain_id, run.command_id
    return (connection.brain_id if message.direction == "in" else None), None


def _command(brain: Brain | None, command_id: str | None) -> tuple[str, str, str]:
    if brain is None or brain.archived_at is not None:
        return "", "", ""
    commands = brain.draft.get("commands", [])
    names = {str(each.get("id")): str(each.get("name") or "") for each in commands}
    return (brain.slug, command_id, names[command_id]) if command_id in names else (brain.slug, "", "")


def quiet_since(session: Session) -> int | None:
    """Return when a try failed last, or else when the first message was stored (ms); null before any."""
    last = session.scalar(select(Attempt.at).order_by(Attempt.id.desc()).limit(1))
    return last or session.scalar(select(Message.created_at).order_by(Message.id).limit(1))
