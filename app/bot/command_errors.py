"""Command errors: grouped by fingerprint, counted, resolved; alert interval, retention, text length."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.orm import Session

from app import topics
from app.bot.models import CommandError
from app.brains.sandbox.types import SandboxError
from app.db.after_commit import send_changed
from app.db.schema import get_table
from app.db.statements import build_insert
from app.immutable import immutable
from app.text import to_storable

# ms between two alerts of one error, however often it comes back.
ALERT_INTERVAL_MS = 3_600_000
# ms after which an error that has not come back is deleted.
RETENTION_MS = 90 * 86_400_000
MAX_LISTED = 100
TEXT_MAX_CHARS = 500

# What differs from one time to the next: quoted words, then numbers.
_QUOTED_TEXT = re.compile(r"“[^”]*”|\"[^\"]*\"|'[^']*'")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@immutable
class FailureContext:
    """Where a command failed; `at` in ms, `notify_to` is the phone number or user id that gets alerts."""

    brain_id: int
    command_id: str
    version_id: int | None
    message_id: int
    chat_id: int
    connection_id: int
    at: int
    notify_to: str | None = None


def compute_fingerprint(kind: str, message: str, line: int | None) -> str:
    """Return the SHA-256 of an error without its quoted words and numbers: repetitions have the same."""
    bare = _NUMBER.sub("0", _QUOTED_TEXT.sub("''", message))
    return hashlib.sha256(f"{kind}\0{line or ''}\0{bare}".encode(errors="replace")).hexdigest()


def record(db: Db, failures: Sequence[tuple[FailureContext, SandboxError]]) -> None:
    """Count failures in the caller's transaction; one that was resolved is open again."""
    query = build_insert(db, CommandError)
    new = query.excluded
    is_interval_over = or_(
        CommandError.notified_at.is_(None), CommandError.notified_at <= new.last_at - ALERT_INTERVAL_MS
    )
    is_due = new.tell_to.is_not(None) & is_interval_over
    renewed = {
        name: new[name]
        for name in ("message", "fix", "column", "excerpt", "version_id", "last_at", "last_message_id")
    }
    upsert = query.on_conflict_do_update(
        index_elements=["brain_id", "command_id", "fingerprint"],
        set_={
            **renewed,
            "last_chat_id": new.last_chat_id,
            "count": CommandError.count + 1,
            "settled_at": None,
            "tell_to": case((is_due, new.tell_to), else_=CommandError.notify_to),
            "tell_connection_id": case(
                (is_due, new.tell_connection_id), else_=CommandError.notify_connection_id
            ),
        },
    )
    for row in sorted((_build_row(context, error) for context, error in failures), key=_sort_key):
        db.execute(upsert, row)


def _sort_key(row: Mapping[str, Any]) -> tuple[int, str, str]:
    return row["brain_id"], row["command_id"], row["fingerprint"]


def _build_row(context: FailureContext, error: SandboxError) -> dict[str, Any]:
    return {
        "brain_id": context.brain_id,
        "command_id": context.command_id[:40],
        "fingerprint": compute_fingerprint(error.kind, error.message, error.line),
        "kind": error.kind[:12],
        "message": to_storable(error.message)[:TEXT_MAX_CHARS],
        "fix": to_storable(error.fix)[:TEXT_MAX_CHARS],
        "line": error.line,
        "column": error.column,
        "excerpt": [to_storable(line)[:TEXT_MAX_CHARS] for line in error.excerpt[:7]],
        "version_id": context.version_id,
        "count": 1,
        "first_at": context.at,
        "last_at": context.at,
        "last_message_id": context.message_id,
        "last_chat_id": context.chat_id,
        "tell_to": context.notify_to,
        "tell_connection_id": context.connection_id,
        "told_at": None,
        "settled_at": None,
    }


def list_errors(
    session: Session, brain_id: int | None = None, *, settled: bool = False
) -> list[CommandError]:
    """Return the errors of a brain (None: of all), the latest first; at most MAX_LISTED."""
    query = (
        select(CommandError).order_by(CommandError.last_at.desc(), CommandError.id.desc()).limit(MAX_LISTED)
    )
    query = query.where(
        CommandError.resolved_at.is_not(None) if settled else CommandError.resolved_at.is_(None)
    )
    return list(
        session.scalars(query if brain_id is None else query.where(CommandError.brain_id == brain_id))
    )


def find_latest_by_command(session: Session, brain_id: int) -> dict[str, CommandError]:
    """Return the latest open error of each command that has any, by command id."""
    latest: dict[str, CommandError] = {}
    for error in list_errors(session, brain_id):
        latest.setdefault(error.command_id, error)
    return latest


def count_by_command(session: Session, brain_id: int) -> dict[str, int]:
    """Return how many different errors are open, by command id."""
    query = select(CommandError.command_id, func.count()).where(
        CommandError.brain_id == brain_id, CommandError.resolved_at.is_(None)
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(CommandError.command_id))}


def settle(session: Session, brain_id: int, error_id: int, now: int) -> bool:
    """Mark an error as resolved at `now` (ms); false when it is not an open one of this brain."""
    return _set_resolved_at(session, brain_id, error_id, now)


def reopen(session: Session, brain_id: int, error_id: int) -> bool:
    """Undo `settle`; false when the error is not a resolved one of this brain."""
    return _set_resolved_at(session, brain_id, error_id, None)


def _set_resolved_at(session: Session, brain_id: int, error_id: int, resolved_at: int | None) -> bool:
    error = session.get(CommandError, error_id, with_for_update=True)
    if error is None or error.brain_id != brain_id or (error.resolved_at is None) == (resolved_at is None):
        return False
    error.resolved_at = resolved_at
    send_changed(session, topics.dashboard())
    return True


def delete_expired(db: Db, now: int) -> None:
    """Delete the errors that have not come back for RETENTION_MS; those with a pending alert stay."""
    db.execute(
        delete(CommandError).where(
            CommandError.last_at < now - RETENTION_MS, CommandError.notify_to.is_(None)
        )
    )


def list_pending_alerts(db: Db, limit: int) -> list[Mapping[str, Any]]:
    """Return the rows of errors whose alert is pending, the oldest first; keys are the column names."""
    query = (
        select(get_table(CommandError))
        .where(CommandError.notify_to.is_not(None))
        .order_by(CommandError.id)
        .limit(limit)
    )
    return [dict(row) for row in db.execute(query).mappings()]


def mark_notified(db: Db, error_id: int, now: int | None) -> bool:
    """Record that an alert was sent at `now` (ms; None: cannot be sent); false when another worker did so first."""
    values: dict[str, Any] = {"notify_to": None} | ({"notified_at": now} if now is not None else {})
    query = (
        update(CommandError)
        .where(CommandError.id == error_id, CommandError.notify_to.is_not(None))
        .values(values)
    )
    return db.execute(query.returning(CommandError.id)).first() is not None
