import pytest

from app.channels.cloud.parse import parse
from app.channels.contract import InboundMessage, Person, RawItem
from tests.channels.cloud.webhook_samples import (
    build_message_webhook,
    build_webhook,
    load_fixture,
    parse_items,
    parse_single_item,
)


def test_a_text_is_read_whole():
    assert parse(load_fixture("chatwoot__phone_and_bsuid"))[0].account is None
    inbound = parse_single_item(load_fixture("secreto__payloads_L342"))
    assert inbound == InboundMessage(
        provider_id="ABGGFlA5Fpa",
        person=Person("US.13491208655302741918", "16315551181", "test user name", "@testusername"),
        kind="text",
        text="this is a text message",
        at=1504902988_000,
        payload=load_fixture("secreto__payloads_L342")["entry"][0]["changes"][0]["value"]["messages"][0],
    )


def test_a_person_without_a_number_is_known_by_the_user_id():
    inbound = parse_single_item(load_fixture("chatwoot__bsuid_only_with_parent_and_username"))
    assert inbound.person == Person("IN.2081978709342942", None, "Muhsin", "muhsin")


def test_contacts_are_matched_by_their_ids_and_not_by_their_place():
    people = [
        {"wa_id": "2", "profile": {"name": "Two"}},
        {"wa_id": "1", "user_id": "GH.1", "profile": {"name": "One"}},
    ]
    texts = [{"id": f"m{n}", "from": n, "type": "text", "text": {"body": "x"}} for n in ("1", "2", "3")]
    found = parse_items(build_webhook({"contacts": people, "messages": texts}))
    assert [item.person for item in found] == [
        Person("GH.1", "1", "One"),
        Person(None, "2", "Two"),
        Person(None, "3"),
    ]


def test_a_user_id_in_the_place_of_the_number_is_taken_as_user_id():
    inbound = parse_single_item(
        build_message_webhook({"from": "US.13491208655302741918", "text": {"body": "x"}})
    )
    assert inbound.person == Person("US.13491208655302741918")


@pytest.mark.parametrize("written", ["+55 11 98765-4321", "+55 (11) 98765.4321", "5511987654321"])
def test_signs_between_the_digits_of_a_number_are_left_out(written: str):
    inbound = parse_single_item(build_message_webhook({"from": written, "text": {"body": "x"}}))
    assert inbound.person.phone == "5511987654321"


def test_a_number_is_stored_as_digits():
    assert (
        parse_single_item(
            build_message_webhook({"from": "+233200000001", "text": {"body": "x"}})
        ).person.phone
        == "233200000001"
    )
    assert (
        parse_single_item(build_message_webhook({"from": 233200000001, "text": {"body": "x"}})).person.phone
        == "233200000001"
    )


@pytest.mark.parametrize(
    ("parts", "kind", "text", "triggers"),
    [
        ({"text": {"body": "hi"}}, "text", "hi", True),
        ({"text": {"body": "a\0\ud800"}}, "text", "a\ufffd?", True),
        ({"text": {}}, "unsupported", "", False),
        ({"text": None}, "unsupported", "", False),
        ({"type": "image", "image": {"id": "1", "caption": "c"}}, "image", "c", True),
        ({"type": "image", "errors": [{"code": 131052}]}, "image", "", True),
        ({"type": "image"}, "unsupported", "", False),
        ({"type": "voice", "voice": {"id": "1"}}, "audio", "", True),
        (
            {
                "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": "i", "title": "t"}},
            },
            "button",
            "i",
            True,
        ),
        (
            {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"title": "t"}}},
            "list",
            "t",
            True,
        ),
        (
            {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"body": "Sent"}}},
            "flow",
            "Sent",
            True,
        ),
        (
            {
                "type": "interactive",
                "interactive": {"type": "call_permission_reply", "call_permission_reply": {}},
            },
            "call_permission",
            "",
            False,
        ),
        (
            {"type": "interactive", "interactive": {"type": "new_reply", "new_reply": {}}},
            "unsupported",
            "",
            False,
        ),
        ({"type": "interactive"}, "unsupported", "", False),
        ({"type": "button", "button": {"payload": "p", "text": "t"}}, "button", "p", True),
        ({"type": "button", "button": {"text": "t"}}, "button", "t", True),
        ({"type": "order", "order": {"text": "two", "product_items": []}}, "order", "two", True),
        ({"type": "request_welcome"}, "welcome", "", True),
        (
            {"type": "system", "system": {"body": "b", "type": "customer_identity_changed"}},
            "system",
            "b",
            False,
        ),
        ({"type": "hologram", "hologram": {}}, "unsupported", "", False),
        ({"type": None}, "unsupported", "", False),
        ({"type": ["text"]}, "unsupported", "", False),
    ],
)
def test_each_type_has_its_kind_its_text_and_its_answer(parts, kind, text, triggers):
    inbound = parse_single_item(build_message_webhook(parts))
    assert (inbound.kind, inbound.text, inbound.is_trigger) == (kind, text, triggers)


def test_a_reaction_names_its_message_and_is_never_answered():
    inbound = parse_single_item(load_fixture("pywa_message__unreaction_empty"))
    assert (inbound.kind, inbound.text, inbound.is_trigger) == ("reaction", "", False)
    assert inbound.quoted_id


def test_a_quote_and_a_group_are_kept():
    inbound = parse_single_item(
        build_message_webhook(
            {"text": {"body": "x"}, "context": {"id": "wamid.0", "from": "1"}, "group_id": "G1"}
        )
    )
    assert (inbound.quoted_id, inbound.group_id) == ("wamid.0", "G1")


def test_an_edit_carries_the_new_text_and_runs_nothing():
    inbound = parse_single_item(load_fixture("pywa_edited_message__image"))
    assert (inbound.kind, inbound.text, inbound.is_trigger) == ("edit", "Updated image caption", False)
    assert inbound.edited_id == "wamid.HBgLMTQxMjU1NTA4MjkVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA="


def test_an_edit_of_an_edit_is_kept_without_meaning():
    inner = {"type": "edit", "edit": {"original_message_id": "wamid.0", "message": {}}}
    inbound = parse_single_item(
        build_message_webhook({"type": "edit", "edit": {"original_message_id": "wamid.0", "message": inner}})
    )
    assert inbound.kind == "unsupported"


def test_a_revocation_names_its_message():
    inbound = parse_single_item(
        build_message_webhook({"type": "revoke", "revoke": {"original_message_id": "wamid.0"}})
    )
    assert (inbound.kind, inbound.revoked_id, inbound.is_trigger) == ("revoke", "wamid.0", False)


@pytest.mark.parametrize(
    "stamp", ["", "soon", "-5", "9" * 5000, 10**400, -1, True, None, [], 1.5, "²", "1700000000000"]
)
def test_a_junk_timestamp_is_zero(stamp):
    assert parse_single_item(build_message_webhook({"timestamp": stamp, "text": {"body": "x"}})).at == 0


@pytest.mark.parametrize("name", [None, "", 5.5, {}, [], "x" * 256, True])
def test_a_message_without_an_id_is_kept_raw(name):
    payload = build_message_webhook({"id": name})
    assert parse_single_item(payload) == RawItem(
        "messages", payload["entry"][0]["changes"][0]["value"]["messages"][0]
    )


def test_a_message_of_nobody_is_kept_and_not_answered():
    inbound = parse_single_item(build_message_webhook({"from": None, "text": {"body": "x"}}))
    assert (inbound.person, inbound.is_trigger) == (Person(), False)


def test_texts_and_ids_fit_their_columns():
    contact = {"wa_id": "233200000001", "profile": {"name": "N" * 300 + "\0", "username": "u" * 300}}
    text = {"from": "233200000001", "id": "w\0", "type": "text", "text": {"body": "x"}}
    inbound = parse_single_item(build_webhook({"contacts": [contact], "messages": [text]}))
    assert (len(inbound.person.name), len(inbound.person.username)) == (200, 100)
    assert inbound.provider_id == "w\ufffd"
    assert (
        parse_single_item(build_webhook({"statuses": [{"id": "1", "status": "s" * 99}]})).status == "s" * 20
    )
    assert parse_single_item(build_webhook({"x": 1}, "f" * 99)).field == "f" * 64
