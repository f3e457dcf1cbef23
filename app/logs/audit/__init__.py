"""Audit: every change by a person, a token or the system, chained by hashes in the transaction of the change.

Jobs of `Database.write` are followed; what else changes something calls `record` in its transaction. Other packages
name what they do with app.db.change_notes, bind who does it with app.db.actor, and read with `reading`.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from app.db.actor import SYSTEM, Actor
from app.logs.audit.auditor import OPTION, Auditor, EntryDraft


def record(
    db: Connection | Session,
    action: str,
    subject: tuple[str, str, str],
    change: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None] = (None, None),
    actor: Actor = SYSTEM,
) -> None:
    """Add an entry in a transaction of the writer; `subject` is kind, id and name, `change` before and after.

    Both are ids, numbers and names of things: never secrets, and nothing of what contacts wrote. A database without
    an auditor, such as one of a part's tests, keeps none.
    """
    connection = db.connection() if isinstance(db, Session) else db
    auditor: Auditor | None = connection.get_execution_options().get(OPTION)
    if auditor is None:
        return
    kind, subject_id, name = subject
    before, after = ({**values} if values is not None else None for values in change)
    changes = []
    if before is not None or after is not None:
        changes = [{"kind": kind, "id": subject_id, "name": name, "before": before, "after": after}]
    auditor.add(connection, EntryDraft(actor, action, subject, changes))
