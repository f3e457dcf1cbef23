"""Lines of a changed row: values in words, documents by path, hidden ones, lists, long texts."""

from typing import Any

import pytest
from flask import Flask

from app.admin.audit.value_diff import ChangedValue, format_value, list_values

SECRET, PRIVATE = {"hidden": "secret"}, {"hidden": "private"}


@pytest.fixture(autouse=True)
def in_request(app: Flask):
    with app.test_request_context():
        yield


def lines(before: Any, after: Any, kind: str = "connection") -> dict[str, tuple[Any, Any]]:
    return {line.label: (line.before, line.after) for line in list_values(kind, before, after)}


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("role", "editor", "editor"), ("role", "", "nothing"), ("role", None, "nothing"), ("enabled", True, "yes"),
        ("enabled", False, "no"), ("days", 30, "30"), ("days", 0, "0"), ("parked_until", 0, "never"),
        ("created_at", 1_780_000_000_000, "Thu 28 May 2026, 20:26:40 UTC"), ("created_at", 12, "12"),
        ("sources", ["web", "worker"], "web, worker"), ("sources", [], "empty"), ("config", {}, "empty"),
        ("secrets", SECRET, "hidden"), ("draft", {"digest": "ab12", "bytes": 20_000}, "20,000 bytes, digest ab12"),
        ("name", "عربي", "عربي"),
    ],
)  # fmt: skip
def test_a_value_is_told_in_words(column: str, value: Any, words: str):
    assert format_value(column, value) == words


def test_a_column_is_told_by_the_word_of_the_pages_or_by_its_own_name():
    found = lines({"takeover_minutes": 60, "some_new_thing": 1}, {"takeover_minutes": 5, "some_new_thing": 2})
    assert found == {
        "Pause the bot after an operator writes, minutes": ("60", "5"), "Some new thing": ("1", "2"),
    }  # fmt: skip


def test_documents_are_compared_by_path():
    before = {"draft": {"title": "A", "commands": [{"id": "hi", "name": "Hi"}, {"id": "by", "name": "By"}]}}
    after = {"draft": {"title": "A", "commands": [{"id": "hi", "name": "Hello"}, {"id": "ha", "name": "Ha"}]}}
    assert lines(before, after, "brain") == {
        "Draft: commands › hi › name": ("Hi", "Hello"),
        "Draft: commands › by › id": ("by", None), "Draft: commands › by › name": ("By", None),
        "Draft: commands › ha › id": (None, "ha"), "Draft: commands › ha › name": (None, "Ha"),
    }  # fmt: skip


def test_paths_that_the_audit_made_are_read_alike():
    assert lines({"draft/title": "A"}, {"draft/title": "B", "draft/settings": {"strict": True}}, "brain") == {
        "Draft: title": ("A", "B"), "Draft: settings › strict": (None, "yes"),
    }  # fmt: skip


def test_parts_of_one_name_are_told_apart_by_their_places():
    before = {"config": {"rules": [{"name": "a", "n": 1}, {"name": "a", "n": 2}]}}
    after = {"config": {"rules": [{"name": "a", "n": 1}, {"name": "a", "n": 3}]}}
    assert lines(before, after) == {"Settings: rules › 2 › n": ("2", "3")}


def test_the_order_of_plain_values_is_a_change():
    assert lines({"draft/commands/order": ["a", "b"]}, {"draft/commands/order": ["b", "a"]}, "brain") == {
        "Draft: commands › order": ("a, b", "b, a")
    }


def test_a_hidden_value_shows_that_it_changed_and_why_it_is_hidden():
    (line,) = list_values("person", {"password_hash": SECRET}, {"password_hash": SECRET})
    assert (line.label, line.is_hidden) == ("Password", True)
    assert "secret" in line.hint
    (line,) = list_values("note", {"text": ""}, {"text": PRIVATE})
    assert line.is_hidden
    assert (line.before, line.after) == ("nothing", "hidden")
    assert "contacts" in line.hint


def test_a_created_and_a_deleted_row_have_one_side():
    assert lines(None, {"name": "VIP", "secrets": SECRET}) == {
        "Name": (None, "VIP"),
        "Secrets": (None, "hidden"),
    }
    assert lines({"name": "VIP"}, None) == {"Name": ("VIP", None)}
    assert lines(None, None) == {}


@pytest.mark.parametrize(
    ("before", "after", "is_long"),
    [("a", "b", False), ("a" * 400, "b", True), ("a", "b\n" * 10, True), (None, None, False)],
)
def test_long_texts_fold(before: str | None, after: str | None, is_long: bool):
    assert ChangedValue("Text", before, after).is_long is is_long


def test_a_long_text_is_compared_by_lines():
    old = "\n".join(f"line {n}" for n in range(40))
    kinds = [segment.kind for segment in ChangedValue("Text", old, old.replace("line 20", "row 20")).segments]
    assert "skipped" in kinds
    assert "gone" in kinds
    assert "new" in kinds


def test_codes_are_told_in_the_words_of_the_pages():
    (line,) = list_values("data retention", None, {"kind": "ai_calls"})
    assert line.after == "Questions to a language model"
    (line,) = list_values("one-time link", None, {"created_by": None})
    assert line.after == "Command line"
