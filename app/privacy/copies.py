"""Search for copies of a person's number or words in every table, and their redaction.

Numbers and user ids are looked for everywhere, in batches of ids, by the database itself. Their words are looked for
where copies of them end up: in what brains remember for all, in errors, trials and comparisons, and in what the brains
they wrote to have done and said since, to whomever.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import JSON, Column, String, Table, and_, delete, func, or_, select, update
from sqlalchemy import Connection as Db
from sqlalchemy.orm import Session

from app.bot.models import CommandError, Connection, Message, Run, Schedule
from app.bot.states import Direction
from app.brains.ai.models import AiCall
from app.brains.memory.models import Memory
from app.brains.playground.models import Playground
from app.brains.versions.models import Brain, BrainVersion, Rollout, RolloutChange
from app.db.schema import Base, get_table
from app.privacy.redaction import Redactor
from app.privacy.subject import match_text
from app.privacy.subject_text import SubjectText

# Ids looked at in one statement: a reader's, so that no message waits.
SCAN_WINDOW_IDS: Final = 5_000
# What operators set up stays as it is (see `list_remaining_mentions`); the rest holds nobody, or is erased by its rows.
EXCLUDED_TABLES: Final = frozenset(
    {"brain", "brain_version", "connection", "contact", "user_account", "ai_provider", "worker", "counter"}
    | {"intent_model"}  # made of what operators wrote, which stays in their documents
    | {"audit_entry", "audit_head", "audit_key"}  # no audit entry holds a number or words of a contact
    | {"rollup", "rollup_delta", "erasure", "retention", "label", "saved_reply", "chat", "errand"}
)
# Names given by the provider or by us: other rows go by them, and none holds a number of its own.
_IDS: Final = frozenset({"provider_id", "quoted_id", "media_id", "sha256", "key"})
_MIN_FREE_TEXT_LENGTH: Final = 60

TableRows = Iterator[tuple[Table, list[int]]]


def find_name_copies(session: Session, redactor: Redactor) -> TableRows:
    """Yield rows of any table that name the person."""
    if redactor.names:
        for table in list_scanned_tables():
            condition = or_(
                *(match_text(each, name) for each in list_text_columns(table) for name in redactor.names)
            )
            yield from _scan(session, table, condition)


def find_word_copies(session: Session, subject_text: SubjectText, mine: Sequence[int]) -> TableRows:
    """Yield rows that repeat the person's words; their own chats (`mine`) are deleted anyway."""
    since, brains = subject_text.since, subject_text.brain_ids
    wheres: Mapping[str, Any] = {
        "fault": CommandError.last_at >= since,
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
            Message.direction == Direction.OUT,
            Message.chat_id.not_in(mine),
        ),
    }
    for name, where in wheres.items():
        table = Base.metadata.tables[name]
        for _, ids in _scan(session, table, where):
            rows = session.execute(
                select(table.c.id, *list_text_columns(table)).where(table.c.id.in_(ids))
            ).all()
            marks = subject_text.utterances.redactor
            repeating = [row[0] for row in rows if any(marks.has_match(value) for value in row[1:])]
            if repeating:
                yield table, repeating


def redact(db: Db, table: Table, ids: Sequence[int], redactor: Redactor, *, words: bool) -> int:
    """Take the person out of rows; returns how many were changed. Called by the writer."""
    wanted = list_text_columns(table)
    query = select(table.c.id, *wanted).where(table.c.id.in_(ids)).with_for_update()
    changed = 0
    for row in db.execute(query).all():
        changes = {
            column.name: cleaned
            for column, value in zip(wanted, row[1:], strict=True)
            if (cleaned := redactor.redact(value, words=words)) != value
        }
        if changes:
            changed += 1
            _store(db, table, row[0], changes)
    return changed


def _store(db: Db, table: Table, row_id: int, changes: Mapping[str, Any]) -> None:
    # Nothing is left of a notice but that there was one; what is remembered under a number is that person's.
    if table.name in {"notice", "receipt"} or (table.name == "memory" and "key" in changes):
        db.execute(delete(table).where(table.c.id == row_id))
    else:
        # A pending alert to the person is dropped.
        values = {name: None if name == "tell_to" else value for name, value in changes.items()}
        db.execute(update(table).where(table.c.id == row_id).values(values))


def list_scanned_tables() -> list[Table]:
    """Return the tables that may hold copies: every one that is not known to hold none."""
    return [
        table
        for table in Base.metadata.sorted_tables
        if table.name not in EXCLUDED_TABLES and "id" in table.c and list_text_columns(table)
    ]


def list_text_columns(table: Table) -> list[Column[Any]]:
    """Return the columns that hold text of people, and not our own."""
    return [column for column in table.c if _is_text_column(table, column)]


def _is_text_column(table: Table, column: Column[Any]) -> bool:
    if table.name == "memory" and column.name == "key":
        return True
    free = (
        isinstance(column.type, String)
        and (column.type.length or _MIN_FREE_TEXT_LENGTH) >= _MIN_FREE_TEXT_LENGTH
    )
    return (free or isinstance(column.type, JSON)) and column.name not in _IDS and not column.foreign_keys


def _scan(session: Session, table: Table, where: Any) -> TableRows:
    first, last = session.execute(select(func.min(table.c.id), func.max(table.c.id))).one()
    for low in range(first, last + 1, SCAN_WINDOW_IDS) if first is not None else ():
        window = table.c.id.between(low, low + SCAN_WINDOW_IDS - 1)
        ids = list(session.scalars(select(table.c.id).where(window, where).order_by(table.c.id)))
        if ids:
            yield table, ids
        # Ends this view of the database: an old one would keep SQLite's log from being emptied.
        session.rollback()


def list_remaining_mentions(session: Session, redactor: Redactor) -> list[str]:
    """Return where operators themselves have written the person's number down; only they can change it."""
    found = [
        f"the draft of “{title}”"
        for title, draft in session.execute(select(Brain.title, Brain.draft))
        if redactor.has_match(draft, words=False)
    ]
    query = select(Brain.title, BrainVersion.number, BrainVersion.document)
    for title, number, document in session.execute(query.join(Brain, Brain.id == BrainVersion.brain_id)):
        if redactor.has_match(document, words=False):
            found.append(f"version {number} of “{title}”")
    connections = session.execute(select(get_table(Connection))).mappings()
    return found + [
        f"the connection “{row['name']}”"
        for row in connections
        if any(
            redactor.has_match(value, words=False) for value in row.values() if isinstance(value, str | dict)
        )
    ]
