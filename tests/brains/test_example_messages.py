"""Example messages: one source, and of the same types as real ones."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from app.bot import simulator
from app.bot.simulator import PhoneAction
from app.bot.turns.build import build_turn_fields
from app.brains.example_messages import (
    MIMES,
    build_choice_fields,
    build_choice_payload,
    build_example,
    build_example_of,
    parse_answers,
)
from app.channels.cloud.message_types import parse_message
from app.channels.cloud.parse import parse
from app.channels.content.message_data import build_message_data
from app.channels.contract import InboundMessage, Person
from tests.channels.cloud.webhook_samples import build_message_webhook
from tests.conftest import SHARED

KINDS = (*MIMES, "location", "contacts", "order", "flow", "text")
REAL = SHARED / "fixtures/whatsapp_cloud"


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_is_read_as_a_real_message_of_its_kind(kind: str):
    example = build_example(kind, "two please", name="Accra", fields={"size": "M"})
    parsed = parse_message(dict(example.payload))
    assert (parsed.kind, parsed.text) == (kind, example.text)
    assert parsed.is_trigger


def test_a_voice_note_has_the_type_that_phones_send():
    assert MIMES["audio"] == "audio/ogg; codecs=opus"
    if REAL.exists():
        texts = [path.read_text() for path in REAL.rglob("*.json")]
        assert any(json.dumps(MIMES["audio"]) in text for text in texts)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "text"])
def test_the_simulator_sends_what_tests_play(kind: str):
    person = Person(phone="15550100001", name="Ada")
    item = simulator.build_item(PhoneAction(kind, "size: M"), person, "sim.1", 1_767_268_800_000)
    example = build_example_of(kind, "size: M")
    assert (item.kind, item.text) == (example.kind, example.text)
    assert {**item.payload, **example.payload} == dict(item.payload)


def build_live_fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the turn of a webhook with this message, as far as the message tells them."""
    (item,) = [each for batch in parse(build_message_webhook(dict(payload))) for each in batch.items]
    assert isinstance(item, InboundMessage)
    # As the databases keep it.
    kept = json.loads(json.dumps(dict(item.payload)))
    row = {"id": 1, "kind": item.kind, "text": item.text, "payload": kept, "provider_id": "wamid.1"}
    return build_turn_fields({**row, "provider_at": item.at, "created_at": 1})


@pytest.mark.parametrize("kind", KINDS)
def test_a_simulated_message_has_the_fields_a_webhook_of_its_kind_has(kind: str):
    example = build_example_of(kind, "size: M")
    fields, live = example.build_turn_fields(), build_live_fields(example.payload)
    assert {"media": None, **fields} == {name: live[name] for name in (*fields, "media")}


def test_what_is_typed_for_a_document_is_its_name_or_its_caption():
    named, captioned = (
        build_example_of("document", "my report.pdf"),
        build_example_of("document", "my receipt"),
    )
    assert (named.payload["document"]["filename"], named.text) == ("my report.pdf", "")
    assert (captioned.payload["document"]["caption"], captioned.text) == ("my receipt", "my receipt")


@pytest.mark.parametrize("kind", ["button", "list"])
def test_a_simulated_press_has_the_fields_a_webhook_of_its_kind_has(kind: str):
    fields = build_choice_fields(kind, "yes", "Yes, please")
    live = build_live_fields(build_choice_payload(kind, "yes", "Yes, please"))
    assert fields == {name: live[name] for name in fields}


@pytest.mark.parametrize("name", sorted(path.name for path in REAL.glob("*.json")) or [""])
def test_published_webhooks_have_no_field_that_simulated_messages_lack(name: str):
    if not name:
        pytest.skip("the published payloads are not here")
    for batch in parse(json.loads((REAL / name).read_text())):
        for item in batch.items:
            if isinstance(item, InboundMessage) and item.kind in KINDS:
                example = build_example_of(item.kind, "x").build_turn_fields()
                assert build_message_data(item.payload).keys() == example["data"].keys()


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ('{"size": "M", "n": 2}', {"size": "M", "n": 2}),
        ("size: M; note: at 9:30", {"size": "M", "note": "at 9:30"}),
        ("size: M\nnote:", {"size": "M", "note": ""}),
        ("yes", {"yes": ""}),
        ("", {}),
    ],
)
def test_answers_of_a_form_are_read_as_they_are_typed(text: str, answers: dict[str, Any]):
    assert parse_answers(text) == answers
