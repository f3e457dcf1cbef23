"""Export of the audit on both databases: what is filtered, the oldest first, whole, and safe in a spreadsheet."""

import csv
import io
import json
from typing import Any

from app.admin.audit.audit_export import COLUMNS, export_csv, export_ndjson
from app.db.writer import Database
from app.logs.audit.models import AuditEntry
from app.logs.audit.reading import AuditFilter
from tests.admin.audit.conftest import build_change, build_entry, insert_entries
from tests.admin.browser import Browser


def test_a_table_has_no_cell_that_a_spreadsheet_would_run(database: Database):
    names = ["=1+1", "+1", "-1", "@a", "\tx", "\rx"]
    insert_entries(database, *(build_entry(n, subject_name=name) for n, name in enumerate(names, 1)))
    text = "".join(export_csv(database, AuditFilter()))
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text[1:], newline="")))
    assert [row["subject_name"] for row in rows] == [f"'{name}" for name in names]
    assert rows[0]["at"] == "2026-05-28T20:26:41.000+00:00"


def test_lines_of_json_hold_every_column_as_it_is_hashed(database: Database):
    changes = [build_change({"name": "عربي"}, {"name": "=x"})]
    insert_entries(database, build_entry(1, changes=changes, actor_name="Ada\nLovelace"))
    (line,) = "".join(export_ndjson(database, AuditFilter())).splitlines()
    found: dict[str, Any] = json.loads(line)
    assert set(found) == {column.name for column in AuditEntry.__table__.columns} == set(COLUMNS)
    assert (found["changes"], found["hash"], found["at"]) == (changes, f"{1:064x}", 1_780_000_001_000)


def test_more_than_a_batch_comes_once_each_and_in_order(database: Database):
    insert_entries(database, *(build_entry(n, actor_id=n % 2) for n in range(1, 1_203)))
    lines = [
        json.loads(line) for line in export_ndjson(database, AuditFilter(actor_kind="person", actor_id=1))
    ]
    assert [line["number"] for line in lines] == list(range(1, 1_202, 2))


def test_what_is_filtered_is_sent_as_a_file(owner: Browser):
    answer = owner.get("/settings/audit/export.csv?action=nothing+is+called+so")
    assert answer.text == "\ufeff" + ",".join(COLUMNS) + "\r\n"
    assert 'filename="audit-' in answer.headers["Content-Disposition"]
    assert owner.get("/settings/audit/export.ndjson").mimetype == "application/x-ndjson"
    assert owner.get("/settings/audit/export.xml").status_code == 404
