"""Whether the audit explains what is in the audited tables: its entries, replayed, give the rows that are there."""

from typing import Any

from sqlalchemy import select

from app.db.schema import Base
from app.db.writer import Database
from app.logs.audit.models import AuditEntry
from app.logs.audit.policies import AUDITED

# Rows that the pipeline and jobs write as well, without an entry each.
WRITTEN_BY_PIPELINE = frozenset({"chat", "message", "fault", "erasure", "errand", "rollout"})
Rows = dict[tuple[str, str], dict[str, Any]]


def dump_rows(database: Database) -> Rows:
    """Return what counts of every audited row that is written through the audit alone, by kind and key."""
    found: Rows = {}
    with database.read() as session:
        for name, policy in AUDITED.items():
            if name in WRITTEN_BY_PIPELINE:
                continue
            table = Base.metadata.tables[name]
            for row in session.execute(select(table)).mappings():
                key = ",".join(str(row[column.name]) for column in table.primary_key)
                kept = {column: row[column] for column in policy.kept if column not in policy.screened}
                found[policy.kind, key] = kept
    return found


def replay_entries(database: Database) -> Rows:
    """Return what the entries say is there: created rows with their changes, without the deleted ones."""
    kinds = {
        policy.kind: {column for column in policy.kept if column not in policy.screened}
        for table, policy in AUDITED.items()
        if table not in WRITTEN_BY_PIPELINE
    }
    found: Rows = {}
    with database.read() as session:
        for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.number)):
            for change in entry.changes:
                _apply(found, change, kinds.get(change["kind"]))
    return found


def _apply(found: Rows, change: dict[str, Any], columns: set[str] | None) -> None:
    if columns is None or "more" in change or "size" in change:
        return
    place, before, after = (change["kind"], change["id"]), change["before"], change["after"]
    known = found.get(place, {})
    if before:
        assert {name: known[name] for name in before if name in columns} == {
            name: value for name, value in before.items() if name in columns
        }, f"before of {place}"
    if after is None:
        found.pop(place, None)
    else:
        found[place] = known | {name: value for name, value in after.items() if name in columns}
