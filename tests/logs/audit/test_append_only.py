"""Entries are only added: the database refuses the rest, whoever asks."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db.schema import get_table
from app.db.writer import Database
from app.logs.audit.models import AuditEntry
from tests.conftest import Clock
from tests.logs.audit.conftest import add_labels, read


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET action = 'x'", "DELETE FROM audit_entry"])
def test_an_entry_is_neither_changed_nor_deleted(audited: Database, clock: Clock, statement: str):
    add_labels(audited, clock, 1)
    with pytest.raises(DBAPIError, match="only added"), audited.engine.begin() as db:
        db.execute(text(statement))
    assert [entry.action for entry in read(audited)] == ["label created"]


def test_an_entry_is_not_replaced_by_another_of_its_number(audited: Database, clock: Clock):
    add_labels(audited, clock, 1)
    columns = ", ".join(column.name for column in get_table(AuditEntry).columns)
    values = columns.replace("action,", "'forged',")
    verb = "INSERT OR REPLACE" if audited.engine.dialect.name == "sqlite" else "INSERT"
    after = "" if "REPLACE" in verb else " ON CONFLICT (number) DO UPDATE SET action = excluded.action"
    copy = f"{verb} INTO audit_entry ({columns}) SELECT {values} FROM audit_entry WHERE true{after}"  # noqa: S608
    with pytest.raises(DBAPIError, match="only added"), audited.engine.begin() as db:
        db.execute(text(copy))
    assert [entry.action for entry in read(audited)] == ["label created"]
