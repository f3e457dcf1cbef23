"""Stored values: one that cannot be what was written is told as such, and hides no other entry."""

from typing import Any

import pytest
from sqlalchemy import text

from app.db.writer import Database
from app.logs.audit.auditor import Auditor, EntryDraft
from app.logs.audit.finding import Finding, FindingKind
from app.logs.audit.reading import list_actions, list_actors
from app.logs.audit.stored_values import Unreadable, is_list_of_changes
from tests.conftest import Clock
from tests.logs.audit.conftest import OWNER, add_labels, read

ALTERED = FindingKind.ALTERED


def alter(database: Database, assignment: str, table: str = "audit_entry") -> None:
    """Change the third entry past the triggers; skips what a database does not let in."""
    with database.engine.begin() as db:
        if db.dialect.name == "sqlite":
            for name in ("audit_entry_kept", "audit_entry_stays"):
                db.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        elif not assignment.isascii() or "'" not in assignment or table == "audit_head":
            db.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER ALL"))
        else:
            pytest.skip("refused by the types of PostgreSQL")
        where = " WHERE number = 3" if table == "audit_entry" else ""
        db.execute(text(f"UPDATE {table} SET {assignment}{where}"))  # noqa: S608  our own words


@pytest.mark.parametrize(
    "assignment",
    [
        "changes = '[{\"bad'", "changes = '5'", "changes = '[5]'", "changes = x'ff'", "at = 'tomorrow'",
        "at = 900000000000000000", "at = -5", "at = 'x', changes = 'y'", "actor_id = 'abc'", "actor_id = -1",
        "key_id = 'abc'", "action = x'ff00'", "actor_name = x'ff'", "hash = x'ff'", "previous = x'ff'",
    ],
)  # fmt: skip
def test_an_unreadable_entry_is_named_and_does_not_hide_the_others(
    audited: Database, auditor: Auditor, clock: Clock, assignment: str
):
    add_labels(audited, clock, 5)
    alter(audited, assignment)
    assert Finding(ALTERED, 3, 3) in auditor.verify()
    entries = read(audited)
    assert [entry.number for entry in entries] == [1, 2, 3, 4, 5]
    assert any(isinstance(getattr(entries[2], name), Unreadable) for name in vars(entries[2]))
    with audited.read() as session:
        assert "label created" in list_actions(session)
        assert OWNER.name in [actor.name for actor in list_actors(session)]
    draft = EntryDraft(OWNER, "audit accepted", ("audit", "", ""))
    assert audited.writer.run(lambda db: auditor.accept(db, draft)) == 6
    add_labels(audited, clock, 1, start=7)
    assert read(audited)[-1].number == 7


def test_a_hash_of_other_letters_is_an_altered_one(audited: Database, auditor: Auditor, clock: Clock):
    add_labels(audited, clock, 5)
    alter(audited, "hash = 'é'")
    assert next(finding.first for finding in auditor.verify()) == 3


@pytest.mark.parametrize("assignment", ["number = 'many'", "number = 9223372036854775807", "hash = x'ff'"])
def test_an_unreadable_head_is_named_and_stops_no_change(
    audited: Database, auditor: Auditor, clock: Clock, assignment: str
):
    if audited.engine.dialect.name == "postgresql" and "'" in assignment:
        pytest.skip("refused by the types of PostgreSQL")
    add_labels(audited, clock, 2)
    alter(audited, assignment, "audit_head")
    assert {finding.kind for finding in auditor.verify()} & {FindingKind.HEAD_ALTERED, FindingKind.TRUNCATED}
    add_labels(audited, clock, 1, start=3)
    assert read(audited)[-1].number == 3


@pytest.mark.parametrize("found", [None, 5, {}, [5], [{"before": 5}], [{"more": "x"}], [{"size": True}]])
def test_changes_have_one_shape(found: Any):
    assert not is_list_of_changes(found)
    assert is_list_of_changes([{"kind": "label", "before": None, "after": {"name": "x"}}])
