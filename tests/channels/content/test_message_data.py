"""Typed content of messages: fields by kind, junk that may never raise, and what a search finds."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels.content.message_data import build_message_data, read_message_data
from app.channels.content.received_text import list_words, summarize


def find_words(message: dict[str, Any]) -> str:
    return list_words(read_message_data(message))


def answer_form(response_json: object) -> dict[str, Any]:
    form = {"name": "flow", "body": "Sent", "response_json": response_json}
    return {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": form}}


def test_the_fields_of_a_form_are_readable_found_and_said():
    message = answer_form('{"email": "a@b.c", "wants": ["x", "y"], "ok": true, "flow_token": "t"}')
    data = build_message_data(message)
    assert data["response"] == {"email": "a@b.c", "wants": ["x", "y"], "ok": True, "flow_token": "t"}
    assert summarize(read_message_data(message)) == "email: a@b.c; wants: x, y; ok: yes"
    assert find_words(message) == "a@b.c x, y yes"


@pytest.mark.parametrize(
    "broken", ["", "{", "[1]", None, 5, "null", "[" * 9_000, '{"a": 1' + "0" * 400 + "}"]
)
def test_a_broken_form_keeps_its_raw_words_and_raises_nothing(broken):
    data = build_message_data(answer_form(broken))
    assert data["response"] in (None, {"a": None})
    assert data["response_json"] == (broken if isinstance(broken, str) else "")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 60])
def test_numbers_no_database_or_script_can_hold_are_null(word):
    assert build_message_data(answer_form('{"n": ' + word + "}"))["response"] == {"n": None}


def test_a_location_has_degrees_only_when_they_are_on_the_earth():
    place = {"latitude": "12.5", "longitude": 181, "name": "Café", "address": "Main St"}
    data = build_message_data({"type": "location", "location": place})
    assert (data["latitude"], data["longitude"], data["name"]) == (12.5, None, "Café")
    assert find_words({"type": "location", "location": place}) == "Café Main St"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"response": "accept", "is_permanent": True}, "Calls are allowed"),
        ({"response": "accept", "expiration_timestamp": "1700000000"}, "Calls are allowed for now"),
        ({"response": "reject", "response_source": "USER_ACTION"}, "Calls are refused"),
    ],
)
def test_the_answer_to_a_call_request_is_said(reply, words):
    inner = {"type": "call_permission_reply", "call_permission_reply": reply}
    content = read_message_data({"type": "interactive", "interactive": inner})
    assert summarize(content) == words
    assert content.to_dict()["response"] == reply["response"]


def test_a_sound_is_a_voice_message_only_when_it_was_recorded_as_one():
    assert build_message_data({"type": "audio", "audio": {"id": "1", "voice": False}})["voice"] is False
    assert build_message_data({"type": "audio", "audio": {"id": "1", "voice": True}})["voice"] is True
    assert build_message_data({"type": "voice", "voice": {"id": "1"}})["voice"] is True


def test_any_kind_may_be_forwarded_or_come_from_an_advertisement():
    referral = {"source_type": "ad", "headline": "Chairs", "welcome_message": {"text": "Hi"}}
    context = {
        "frequently_forwarded": True,
        "referred_product": {"catalog_id": 1, "product_retailer_id": "sku"},
    }
    message = {"type": "text", "text": {"body": "x"}, "referral": referral, "context": context}
    data = build_message_data(message)
    assert (data["forwarded"], data["frequently_forwarded"]) == (True, True)
    assert (data["referral"]["headline"], data["referral"]["welcome_message"]) == ("Chairs", "Hi")
    assert data["referred_product"] == {"catalog_id": "1", "product_retailer_id": "sku"}
    assert find_words(message) == "Chairs sku"


TYPES = [
    "text", "image", "audio", "voice", "document", "sticker", "location", "contacts", "interactive", "button",
    "reaction", "order", "system", "unsupported", "x",
]  # fmt: skip
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "id",
                    "type",
                    "name",
                    "phones",
                    "button_reply",
                    "nfm_reply",
                    "response_json",
                    "latitude",
                    "product_items",
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(name=st.sampled_from(TYPES), body=JUNK, context=JUNK)
def test_no_message_object_raises_and_every_content_is_json(name, body, context):
    message = {"type": name, name: body, "context": context, "referral": body, "errors": context}
    data = build_message_data(message)
    json.dumps(data, allow_nan=False).encode()
    list_words(read_message_data(message))
    summarize(read_message_data(message))
    assert set(data) >= {"forwarded", "referral", "errors"}


@pytest.mark.parametrize("name", ["poll", "ephemeral", "event_response"])
def test_a_type_of_the_future_is_named(name: str):
    content = read_message_data({"type": name, name: {"x": 1}})
    assert content.to_dict()["type"] == name
    assert summarize(content) == name.replace("_", " ")
