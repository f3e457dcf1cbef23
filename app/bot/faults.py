"""Faults: what goes wrong in commands, grouped, counted, shown to operators and told to whoever wants to know."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.bot.models import Fault
from app.brains.sandbox.wire import Fault as Problem
from app.db import storable, table_of

# Somebody is told of one fault once an hour at most, however often it happens.
TOLD_EVERY = 3_600_000
# A fault not seen for so long is forgotten.
KEPT = 90 * 86_400_000
LISTED = 100
WORDS = 500

# What differs from one time to the next: quoted words, then numbers.
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|'[^']*'")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Case:
    """Whose turn it is, should it fail; `tell_to` is a phone number or a user id that wants to hear of it."""

    brain_id: int
    command_id: str
    version_id: int | None
    message_id: int
    chat_id: int
    connection_id: int
    at: int
    tell_to: str | None = None


def fingerprint(kind: str, message: str, line: int | None) -> str:
    """Name a fault so that its repetitions get the same name, whoever wrote and whatever the numbers."""
    bare = _NUMBER.sub("0", _QUOTED.sub("''", message))
    return hashlib.sha256(f"{kind}\0{line or ''}\0{bare}".encode(errors="replace")).hexdigest()


def record(db: Db, failures: Sequence[tuple[Case, Problem]]) -> None:
    """Count failures in the caller's transaction; one that was settled is open again."""
    dialect = postgresql if db.dialect.name == "postgresql" else sqlite
    query = dialect.insert(Fault)
    new = query.excluded
    due = or_(Fault.told_at.is_(None), Fault.told_at <= new.last_at - TOLD_EVERY)
    tell = new.tell_to.is_not(None) & due
    renewed = {
        name: new[name]
        for name in ("message", "fix", "column", "excerpt", "version_id", "last_at", "last_message_id")
    }
    upsert = query.on_conflict_do_update(
        index_elements=["brain_id", "command_id", "fingerprint"],
        set_={
            **renewed,
            "last_chat_id": new.last_chat_id,
            "count": Fault.count + 1,
            "settled_at": None,
            "tell_to": case((tell, new.tell_to), else_=Fault.tell_to),
            "tell_connection_id": case((tell, new.tell_connection_id), else_=Fault.tell_connection_id),
        },
    )
    for row in sorted((_row(of, problem) for of, problem in failures), key=_place):
        db.execute(upsert, row)


def _place(row: Mapping[str, Any]) -> tuple[int, str, str]:
    return row["brain_id"], row["command_id"], row["fingerprint"]


def _row(of: Case, problem: Problem) -> dict[str, Any]:
    return {
        "brain_id": of.brain_id,
        "command_id": of.command_id[:40],
        "fingerprint": fingerprint(problem.kind, problem.message, problem.line),
        "kind": problem.kind[:12],
        "message": storable(problem.message)[:WORDS],
        "fix": storable(problem.fix)[:WORDS],
        "line": problem.line,
        "column": problem.column,
        "excerpt": [storable(line)[:WORDS] for line in problem.excerpt[:7]],
        "version_id": of.version_id,
        "count": 1,
        "first_at": of.at,
        "last_at": of.at,
        "last_message_id": of.message_id,
        "last_chat_id": of.chat_id,
        "tell_to": of.tell_to,
        "tell_connection_id": of.connection_id,
        "told_at": None,
        "settled_at": None,
    }


def list_faults(session: Session, brain_id: int | None = None, *, settled: bool = False) -> list[Fault]:
    """Return the faults of a brain (None: of all), the latest first; at most LISTED."""
    query = select(Fault).order_by(Fault.last_at.desc(), Fault.id.desc()).limit(LISTED)
    query = query.where(Fault.settled_at.is_not(None) if settled else Fault.settled_at.is_(None))
    return list(session.scalars(query if brain_id is None else query.where(Fault.brain_id == brain_id)))


def latest_by_command(session: Session, brain_id: int) -> dict[str, Fault]:
    """Return the latest open fault of each command that has any, by command id."""
    latest: dict[str, Fault] = {}
    for fault in list_faults(session, brain_id):
        latest.setdefault(fault.command_id, fault)
    return latest


def count_by_command(session: Session, brain_id: int) -> dict[str, int]:
    """Return how many different faults are open, by command id."""
    query = select(Fault.command_id, func.count()).where(
        Fault.brain_id == brain_id, Fault.settled_at.is_(None)
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(Fault.command_id))}


def settle(session: Session, brain_id: int, fault_id: int, now: int) -> bool:
    """Mark a fault as dealt with; false when it is not an open one of this brain."""
    return _mark(session, brain_id, fault_id, now)


def reopen(session: Session, brain_id: int, fault_id: int) -> bool:
    """Take `settle` back; false when the fault is not a settled one of this brain."""
    return _mark(session, brain_id, fault_id, None)


def _mark(session: Session, brain_id: int, fault_id: int, settled_at: int | None) -> bool:
    fault = session.get(Fault, fault_id, with_for_update=True)
    if fault is None or fault.brain_id != brain_id or (fault.settled_at is None) == (settled_at is None):
        return False
    fault.settled_at = settled_at
    return True


def forget(db: Db, now: int) -> None:
    """Delete the faults that have not been seen for KEPT ms."""
    db.execute(delete(Fault).where(Fault.last_at < now - KEPT, Fault.tell_to.is_(None)))


def to_tell(db: Db, limit: int) -> list[Mapping[str, Any]]:
    """Return faults of which somebody has still to be told, the oldest first."""
    query = select(table_of(Fault)).where(Fault.tell_to.is_not(None)).order_by(Fault.id).limit(limit)
    return [dict(row) for row in db.execute(query).mappings()]


def told(db: Db, fault_id: int, now: int | None) -> bool:
    """Note that a fault was told (None: that nobody can be); false when another worker did so first."""
    news: dict[str, Any] = {"tell_to": None} | ({"told_at": now} if now is not None else {})
    query = update(Fault).where(Fault.id == fault_id, Fault.tell_to.is_not(None)).values(news)
    return db.execute(query.returning(Fault.id)).first() is not None
