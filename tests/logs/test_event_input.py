"""Events from outside: names other libraries use, words of severity, moments in any unit; wrong ones say why."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs.event import EventIds, LogEvent
from app.logs.event_input import MAX_EVENTS, EventReader
from app.logs.event_redaction import RedactionRules, Redactor

NOW = 1_780_000_000_000
reader = EventReader(EventIds(), Redactor(RedactionRules()), lambda: NOW)


def read(body: Any, *, is_lines: bool = False) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return reader.read(raw, "shop", "s1", is_lines=is_lines)


def read_one(**fields: Any) -> LogEvent:
    found = read(fields)
    assert found.refused == []
    return found.events[0]


def refuse(**fields: Any) -> str:
    (refused,) = read(fields).refused
    return refused.reason


def test_a_text_alone_is_an_event():
    event = read_one(text="it works")
    assert (event.text, event.level, event.at, event.source) == ("it works", 9, NOW, "shop")


@pytest.mark.parametrize("name", ["text", "message", "msg"])
def test_the_text_has_the_names_other_libraries_give_it(name: str):
    assert read_one(**{name: "x"}).text == "x"


def test_what_has_no_field_of_its_own_is_kept_as_data():
    event = read_one(text="x", level="warn", data={"a": 1}, b={"c": [2]}, logger="checkout")
    assert (event.level, event.logger, event.data) == (13, "checkout", {"a": 1, "b": {"c": [2]}})


def test_ids_are_columns_whatever_their_case():
    event = read_one(text="x", requestId="r", message_id=12, chat_id="c")
    assert (event.request_id, event.message_id, event.chat_id, event.run_id) == ("r", "12", "c", None)


def test_a_number_of_a_person_is_no_id():
    assert read_one(text="x", chat_id="15550100001@s.whatsapp.net").chat_id == "[phone …01]@s.whatsapp.net"


@pytest.mark.parametrize(
    "value",
    [
        NOW,
        NOW / 1000,
        NOW * 1000,
        NOW * 1_000_000,
        "2026-05-28T20:26:40Z",
        "2026-05-28T22:26:40+02:00",
        "2026-05-28 20:26:40",
    ],
)
def test_a_moment_is_understood_in_any_unit(value: Any):
    assert read_one(text="x", at=value).at == pytest.approx(NOW, abs=1000)


@pytest.mark.parametrize(
    "value", [True, "soon", 1, -5, NOW + 10**9, "9999-99-99", 1e30, [], "2026-05-28T20:26:40" * 9]
)
def test_a_moment_that_is_none_is_refused(value: Any):
    assert refuse(text="x", at=value).startswith("at: an ISO 8601 time")


def test_a_moment_too_early_or_too_late_is_told_units_and_both_limits():
    for value in ("1999-12-31T23:59:59Z", NOW + 2 * 24 * 3_600_000):
        told = refuse(text="x", at=value)
        assert "seconds, milliseconds, microseconds or nanoseconds since 1970" in told
        assert told.endswith("from the year 2000 to a day from now.")


@pytest.mark.parametrize(("fields", "words"), [
    ({}, "text:"), ({"text": ""}, "text: it is empty"), ({"text": "x", "level": "loud"}, "level: a word"),
    ({"text": "x", "level": 30}, "level: a word"), ({"text": "x", "severity_number": 25}, "severity_number:"),
    ({"text": "x", "id": "a b"}, "id: 1 to 100"), ({"text": "x", "chat_id": {}}, "chat_id: a text or number"),
    ({"text": "x", "run_id": "1" * 101}, "run_id: a text or number"),
])  # fmt: skip
def test_a_wrong_field_is_named_with_what_it_may_be(fields: dict[str, Any], words: str):
    assert refuse(**fields).startswith(words)


def test_the_good_events_of_a_batch_are_taken_and_the_others_told_by_their_place():
    found = read([{"text": "a"}, 5, {"text": "b"}, {"level": "info"}])
    assert [event.text for event in found.events] == ["a", "b"]
    assert [each.index for each in found.refused] == [1, 3]


def test_lines_are_read_one_by_one():
    found = read(b'{"text":"a"}\r\n\n{nonsense\n{"text":"b"}', is_lines=True)
    assert [event.text for event in found.events] == ["a", "b"]
    assert [(each.index, each.reason) for each in found.refused] == [(1, "This line is no JSON.")]


def test_the_id_of_a_client_is_its_own_sources():
    assert read_one(text="x", id="order-1").event_id == "s1:order-1"
    assert read_one(text="x", id=7).event_id == "s1:7"


def test_too_many_events_are_no_batch():
    with pytest.raises(OverflowError):
        read([{"text": "x"}] * (MAX_EVENTS + 1))


def test_no_json_is_an_error_of_the_request():
    with pytest.raises(ValueError):
        read(b"{")


def test_deep_nesting_huge_numbers_and_strange_characters_are_stored_somehow():
    deep = "[" * 5000 + "]" * 5000
    event = reader.read(
        f'{{"text":"x","deep":{deep},"n":{"9" * 400},"f":1e999,"z":"a\\u0000b\\ud800"}}'.encode(),
        "s",
        "s1",
        is_lines=False,
    ).events[0]
    assert "\0" not in json.dumps(event.data)
    assert event.data["z"] == "a\ufffdb?"


def test_secrets_and_texts_of_messages_are_redacted():
    event = read_one(text="login with password=hunter2x", body="private", token="abc")
    assert "hunter2x" not in event.text
    assert event.data == {"body": "[text, 7 characters]", "token": "[redacted]"}


@given(item=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["text", "at", "level"]), inner),
))  # fmt: skip
def test_anything_is_either_an_event_or_refused_with_a_reason(item: Any):
    found = read(item)
    items = item if isinstance(item, list) else [item]
    assert len(found.events) + len(found.refused) == len(items)
    assert all(each.reason for each in found.refused)
