"""Copies of a person's number or words outside of their chats: looked for in every table, row by row.

Numbers and user ids are looked for everywhere, in batches of ids, by the database itself. Their words are looked for
where copies of them end up: in what brains remember for all, in errors, trials and comparisons, and in what the brains
they wrote to have done and said since, to whomever.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import JSON, Column, String, Table, and_, delete, func, or_, select, update
from sqlalchemy import Connection as Db
from sqlalchemy.orm import Session

from app.bot.models import Connection, Fault, Message, Run, Schedule
from app.bot.privacy.gathering import Gathered
from app.bot.privacy.marks import Marks
from app.bot.privacy.subject import holds
from app.brains.ai.models import AiCall
from app.brains.models import Brain, BrainVersion, Memory, Playground
from app.brains.rollout_models import Rollout, RolloutChange
from app.db import Base, table_of

# Ids looked at in one statement: a reader's, so that no message waits.
WINDOW: Final = 5_000
# What operators set up stays as it is (`remaining` tells of it); the rest holds nobody, or is erased by its rows.
APART: Final = frozenset(
    {"brain", "brain_version", "connection", "contact", "user_account", "ai_provider", "worker", "counter"}
    | {"rollup", "rollup_delta", "erasure", "retention", "label", "chat", "errand"}
)
# Names given by the provider or by us: other rows go by them, and none holds a number of its own.
_IDS: Final = frozenset({"provider_id", "quoted_id", "media_id", "sha256", "key"})
_LONG: Final = 60

Found = Iterator[tuple[Table, list[int]]]


def named(session: Session, marks: Marks) -> Found:
    """Yield rows of any table that name the person."""
    if marks.names:
        for table in swept():
            condition = or_(*(holds(each, name) for each in columns(table) for name in marks.names))
            yield from _look(session, table, condition)


def wordy(session: Session, gathered: Gathered, mine: Sequence[int]) -> Found:
    """Yield rows that repeat the person's words; their own chats (`mine`) are deleted anyway."""
    since, brains = gathered.since, gathered.brains
    wheres: Mapping[str, Any] = {
        "fault": Fault.last_at >= since,
        "rollout": Rollout.started_at > 0,
        "rollout_change": RolloutChange.id > 0,
        "playground": Playground.updated_at > 0,
        "memory": Memory.scope.not_like("contact:%"),
        "schedule": and_(Schedule.created_at >= since, Schedule.chat_id.not_in(mine)),
        "run": and_(Run.brain_id.in_(brains), Run.created_at >= since, Run.chat_id.not_in(mine)),
        "ai_call": and_(AiCall.brain_id.in_(brains), AiCall.created_at >= since),
        "message": and_(
            Message.brain_id.in_(brains),
            Message.created_at >= since,
            Message.direction == "out",
            Message.chat_id.not_in(mine),
        ),
    }
    for name, where in wheres.items():
        table = Base.metadata.tables[name]
        for _, ids in _look(session, table, where):
            rows = session.execute(select(table.c.id, *columns(table)).where(table.c.id.in_(ids))).all()
            marks = gathered.said.marks
            repeating = [row[0] for row in rows if any(marks.among(value) for value in row[1:])]
            if repeating:
                yield table, repeating


def clean(db: Db, table: Table, ids: Sequence[int], marks: Marks, *, words: bool) -> int:
    """Take the person out of rows; returns how many were changed. Called by the writer."""
    wanted = columns(table)
    query = select(table.c.id, *wanted).where(table.c.id.in_(ids)).with_for_update()
    changed = 0
    for row in db.execute(query).all():
        news = {
            column.name: cleaned
            for column, value in zip(wanted, row[1:], strict=True)
            if (cleaned := marks.clean(value, words=words)) != value
        }
        if news:
            changed += 1
            _store(db, table, row[0], news)
    return changed


def _store(db: Db, table: Table, row_id: int, news: Mapping[str, Any]) -> None:
    # Nothing is left of a notice but that there was one; what is remembered under a number is that person's.
    if table.name in {"notice", "receipt"} or (table.name == "memory" and "key" in news):
        db.execute(delete(table).where(table.c.id == row_id))
    else:
        # Nobody is told any more who was to be told.
        told = {name: None if name == "tell_to" else value for name, value in news.items()}
        db.execute(update(table).where(table.c.id == row_id).values(told))


def swept() -> list[Table]:
    """Return the tables that may hold copies: every one that is not known to hold none."""
    return [
        table
        for table in Base.metadata.sorted_tables
        if table.name not in APART and "id" in table.c and columns(table)
    ]


def columns(table: Table) -> list[Column[Any]]:
    """Return the columns that hold what people say, and not words of our own."""
    return [column for column in table.c if _tells(table, column)]


def _tells(table: Table, column: Column[Any]) -> bool:
    if table.name == "memory" and column.name == "key":
        return True
    free = isinstance(column.type, String) and (column.type.length or _LONG) >= _LONG
    return (free or isinstance(column.type, JSON)) and column.name not in _IDS and not column.foreign_keys


def _look(session: Session, table: Table, where: Any) -> Found:
    first, last = session.execute(select(func.min(table.c.id), func.max(table.c.id))).one()
    for low in range(first, last + 1, WINDOW) if first is not None else ():
        window = table.c.id.between(low, low + WINDOW - 1)
        ids = list(session.scalars(select(table.c.id).where(window, where).order_by(table.c.id)))
        if ids:
            yield table, ids
        # Ends this view of the database: an old one would keep SQLite's log from being emptied.
        session.rollback()


def remaining(session: Session, marks: Marks) -> list[str]:
    """Return where operators themselves have written the person's number down; that is theirs to change."""
    found = [
        f"the draft of “{title}”"
        for title, draft in session.execute(select(Brain.title, Brain.draft))
        if marks.among(draft, words=False)
    ]
    query = select(Brain.title, BrainVersion.number, BrainVersion.document)
    for title, number, document in session.execute(query.join(Brain, Brain.id == BrainVersion.brain_id)):
        if marks.among(document, words=False):
            found.append(f"version {number} of “{title}”")
    connections = session.execute(select(table_of(Connection))).mappings()
    return found + [
        f"the connection “{row['name']}”"
        for row in connections
        if any(marks.among(value, words=False) for value in row.values() if isinstance(value, str | dict))
    ]
