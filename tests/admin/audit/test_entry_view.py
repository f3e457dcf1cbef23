"""An entry in words: who, a line that sums it up, what became of each row."""

from typing import Any

import pytest
from flask import Flask

from app.admin.audit.entry_view import ChangedRow, EntryView
from tests.admin.audit.conftest import build_change, build_entry


@pytest.fixture(autouse=True)
def in_request(app: Flask):
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        ([], ""),
        ([build_change({"role": "agent"}, {"role": "editor"})], "role: \u2068agent\u2069 → \u2068editor\u2069"),
        ([build_change({"name": ""}, {"name": "Ada"})], "name: \u2068nothing\u2069 → \u2068Ada\u2069"),
        ([build_change({"name": "x" * 50}, {"name": "Ada"})], "name"),
        ([build_change({"password_hash": {"hidden": "secret"}}, {"password_hash": {"hidden": "secret"}})],
         "password: hidden"),
        ([build_change({"email": "a", "name": "b"}, {"email": "c", "name": "d"})], "2 fields: e-mail address, name"),
        ([build_change(dict.fromkeys("abcde", 1), dict.fromkeys("abcde", 2))], "5 fields: a, b, c and 2 more"),
        ([build_change(None, {"name": "VIP"})], ""), ([build_change({"name": "VIP"}, None)], ""),
        ([build_change({"a": 1}, {"a": 2}), build_change(None, {"b": 1}, "note")], "2 rows: label, note"),
        ([build_change({"a": 1}, {"a": 2}), build_change(None, None, more=7)], "8 rows: label"),
        ([build_change(None, None, size=20_000)], "too much to keep"),
    ],
)  # fmt: skip
def test_a_line_sums_up_what_changed(changes: list[Any], summary: str):
    assert EntryView(build_entry(1, changes=changes)).summary == summary


@pytest.mark.parametrize(
    ("columns", "words", "value"),
    [
        ({}, "Ada", "person:1"),
        ({"actor_kind": "token", "actor_id": 3, "actor_name": "deploy"}, "deploy", "token:3"),
        ({"actor_kind": "command_line", "actor_id": None, "actor_name": "root"}, "Command line: root", "command_line"),
        ({"actor_kind": "system", "actor_id": None, "actor_name": ""}, "System", "system"),
        ({"actor_id": None, "actor_name": ""}, "Not signed in", "person"),
    ],
)  # fmt: skip
def test_an_actor_is_told_by_name_or_by_kind(columns: dict[str, Any], words: str, value: str):
    view = EntryView(build_entry(1, **columns))
    assert (view.actor, view.actor_value) == (words, value)


@pytest.mark.parametrize(
    ("before", "after", "verb"),
    [(None, {"a": 1}, "created"), ({"a": 1}, None, "deleted"), ({"a": 1}, {"a": 2}, "changed"),
     (None, None, "changed")],
)  # fmt: skip
def test_a_row_is_created_deleted_or_changed(before: Any, after: Any, verb: str):
    assert ChangedRow(build_change(before, after)).verb == verb


def test_of_very_many_lines_the_first_are_shown_and_the_rest_counted():
    row = ChangedRow(build_change(None, {"draft": {str(n): n for n in range(500)}}, "brain"))
    assert len(row.shown) == 200
    assert row.left_out == 300
