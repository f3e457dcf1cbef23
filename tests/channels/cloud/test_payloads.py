import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from app.channels.cloud.payloads import NoAddressError, build_payload, build_read_mark
from app.channels.content import ContentError, build_text_content
from app.channels.contract import OutboundMessage, Person

FIXTURES = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "whatsapp_openapi"
SCHEMA = Draft202012Validator(json.loads((FIXTURES / "outbound_message.schema.json").read_text()))
CAPTURED = json.loads((FIXTURES / "pywa_4_5_0_requests.json").read_text())
AMA = Person(phone="15551234567", user_id="GH.1")
FILE = {"link": "https://e.com/a"}
ROWS = [{"id": "d1", "title": "r"}, {"id": "d2", "title": "r2", "description": "x"}]


def build_body(content, *, person=AMA, key="k1", group_id=None, quoted_id=None):
    built = build_payload(OutboundMessage(key, "10", person, content, group_id, quoted_id))
    SCHEMA.validate(built)
    return built


CONTENTS = [
    build_text_content("hi"),
    {"kind": "text", "text": "x" * 4096, "preview_url": True},
    {"kind": "image", "media_id": "1", "caption": "c"},
    {"kind": "video", **FILE},
    {"kind": "audio", "media_id": "1"},
    {"kind": "audio", "media_id": "1", "voice": True},
    {"kind": "document", **FILE, "caption": "c", "filename": "a.pdf"},
    {"kind": "sticker", "media_id": "1"},
    {"kind": "location", "latitude": 1.5, "longitude": 2.5},
    {"kind": "contacts", "contacts": [
        {"name": {"formatted_name": "Ama"}},
        {"name": {"formatted_name": "Kofi B", "last_name": "B"}, "phones": [{"phone": "+1", "type": "CELL"}],
         "emails": [{"email": "a@b.c", "type": "WORK"}], "urls": [{"url": "https://e.com"}],
         "addresses": [{"city": "Accra", "type": "HOME"}], "org": {"company": "C"}, "birthday": "2000-01-31"},
    ]},
    {"kind": "reaction", "message_id": "wamid.A", "emoji": "👍"},
    {"kind": "reaction", "message_id": "wamid.A"},
    {"kind": "buttons", "body": "b", "header": "h", "footer": "f", "buttons": [{"id": "a", "title": "A"}]},
    *({"kind": "buttons", "body": "b", "header": {"kind": kind, "media_id": "1"},
       "buttons": [{"id": "a", "title": "A"}]}
      for kind in ("image", "video", "document")),
    {"kind": "list", "body": "b", "header": "h", "footer": "f", "button": "Open",
     "sections": [{"title": "S", "rows": ROWS}]},
    {"kind": "list", "body": "b", "button": "Open", "sections": [{"rows": ROWS}]},
    {"kind": "cta_url", "body": "b", "display_text": "Go", "url": "https://e.com", "header": "h"},
    {"kind": "location_request", "body": "where?"},
    {"kind": "flow", "body": "b", "flow_id": "7", "flow_cta": "Start", "flow_token": "t",
     "flow_action": "navigate", "flow_action_payload": {"screen": "FIRST"}, "mode": "draft"},
    {"kind": "flow", "body": "b", "flow_name": "order", "flow_cta": "Start"},
    {"kind": "template", "name": "hello", "language": "en_US", "policy": "deterministic", "components": [
        {"type": "header", "parameters": [{"type": "image", "image": {"id": "1"}}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ama", "parameter_name": "name"}]},
        {"type": "button", "sub_type": "quick_reply", "index": 0,
         "parameters": [{"type": "payload", "payload": "p"}]},
    ]},
    {"kind": "template", "name": "hello", "language": "en"},
]  # fmt: skip


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content["kind"])
def test_every_kind_builds_a_body_that_metas_schema_accepts(content):
    assert build_body(content)["biz_opaque_callback_data"] == "k1"
    build_body(content, person=Person(user_id="GH.1"), quoted_id="wamid.0")
    build_body(content, group_id="G1")


@pytest.mark.parametrize(
    ("content", "number"),
    [
        ({"kind": "buttons", "body": "pick", "header": "H", "footer": "F",
          "buttons": [{"id": "a", "title": "A"}, {"id": "b", "title": "B"}]}, 2),
        ({"kind": "list", "body": "list", "button": "Open", "sections": [{"title": "S", "rows": ROWS}]}, 3),
        ({"kind": "cta_url", "body": "url", "display_text": "Go", "url": "https://e.com"}, 4),
        ({"kind": "image", "link": "https://e.com/a.jpg", "caption": "c"}, 5),
        ({"kind": "document", "media_id": "MEDIA1", "caption": "d", "filename": "a.pdf"}, 6),
        ({"kind": "audio", "media_id": "1234567890"}, 7),
        ({"kind": "audio", "media_id": "1234567890", "voice": True}, 8),
        ({"kind": "sticker", "media_id": "1234567890"}, 9),
        ({"kind": "video", "link": "https://e.com/v.mp4"}, 10),
        ({"kind": "location", "latitude": 1.5, "longitude": 2.5, "name": "n", "address": "a"}, 11),
        ({"kind": "location_request", "body": "where?"}, 12),
        ({"kind": "reaction", "message_id": "wamid.A", "emoji": "👍"}, 13),
        ({"kind": "reaction", "message_id": "wamid.A", "emoji": ""}, 14),
        (build_text_content("hi"), 0),
    ],
)  # fmt: skip
def test_bodies_equal_those_of_a_real_client(content, number):
    assert build_body(content) == {**CAPTURED[number], "biz_opaque_callback_data": "k1"}


def test_a_reply_with_a_link_equals_that_of_a_real_client():
    content = {"kind": "text", "text": "see https://e.com", "preview_url": True}
    assert build_body(content, quoted_id="wamid.A", key="job-42") == CAPTURED[1]


def test_the_number_wins_over_the_user_id():
    assert build_body(build_text_content("x"))["to"] == "15551234567"
    assert "recipient" not in build_body(build_text_content("x"))
    assert build_body(build_text_content("to bsuid"), person=Person(user_id="US.13491208655302741918"), key="k") == {
        **CAPTURED[18], "biz_opaque_callback_data": "k"
    }  # fmt: skip


def test_a_group_is_addressed_by_its_id():
    built = build_body(build_text_content("x"), group_id="G1")
    assert (built["recipient_type"], built["to"]) == ("group", "G1")


def test_somebody_without_any_id_cannot_be_written_to():
    with pytest.raises(NoAddressError):
        build_body(build_text_content("x"), person=Person(name="Ama"))


def test_content_beyond_the_limits_is_not_built():
    with pytest.raises(ContentError):
        build_body({"kind": "text", "text": ""})


def test_a_name_with_one_form_gets_the_second_that_whatsapp_asks_for():
    card = build_body({"kind": "contacts", "contacts": [{"name": {"formatted_name": "Ama"}}]})["contacts"][0]
    assert card == {"name": {"formatted_name": "Ama", "first_name": "Ama"}}


@pytest.mark.parametrize("is_typing", [False, True])
def test_a_read_mark_is_a_body_that_metas_schema_accepts(is_typing):
    body = build_read_mark("wamid.1", is_typing=is_typing)
    SCHEMA.validate(body)
    assert ("typing_indicator" in body) is is_typing
