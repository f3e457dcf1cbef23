import pytest

from app.channels.contract import IdentityChange, Person, RawItem
from tests.channels.cloud.webhook_samples import (
    build_message_webhook,
    build_webhook,
    load_fixture,
    parse_items,
    parse_single_item,
)


def test_echoes_of_our_own_phone_are_outgoing_and_trigger_nothing():
    for name in ("pywa_outgoing_message__edit", "pywa_outgoing_message__delete"):
        inbound = parse_single_item(load_fixture(name))
        assert (inbound.outgoing, inbound.is_trigger) == (True, False)
        assert inbound.person.phone == "972987654321"
    echo = {
        "from": "1555",
        "to": "233200000001",
        "id": "e1",
        "timestamp": "1",
        "type": "text",
        "text": {"body": "x"},
    }
    inbound = parse_single_item(build_webhook({"message_echoes": [echo]}, "smb_message_echoes"))
    assert (inbound.outgoing, inbound.is_trigger, inbound.person.phone) == (True, False, "233200000001")


def test_history_triggers_nothing_and_tells_both_sides_apart():
    texts = [
        {"from": "233200000001", "id": "h1", "timestamp": "1", "type": "text", "text": {"body": "them"}},
        {
            "from": "1555",
            "to": "233200000001",
            "id": "h2",
            "timestamp": "2",
            "type": "text",
            "text": {"body": "us"},
        },
        {"from": "1555", "id": "h3", "timestamp": "3", "type": "media_placeholder"},
    ]
    thread = {"id": "233200000001", "messages": texts}
    found = parse_items(
        build_webhook({"history": [{"metadata": {"phase": 0}, "threads": [thread]}]}, "history")
    )
    assert [(i.text, i.outgoing, i.is_trigger, i.person.phone) for i in found] == [
        ("them", False, False, "233200000001"),
        ("us", True, False, "233200000001"),
        ("", True, False, "233200000001"),
    ]
    late = {"from": "233200000001", "id": "h4", "type": "image", "image": {"id": "1"}}
    assert parse_single_item(build_webhook({"messages": [late]}, "history")).is_trigger is False


@pytest.mark.parametrize(
    "chunk", [{"errors": [{"code": 2593109}]}, {"threads": [{}]}, {"threads": [{"messages": [7]}]}, 5]
)
def test_history_without_messages_is_kept_raw(chunk):
    assert isinstance(parse_single_item(build_webhook({"history": [chunk]}, "history")), RawItem)


def test_a_new_number_renames_the_person_after_the_note():
    note, renamed = parse_items(load_fixture("pywa_system__phone_number_change"))
    assert (note.kind, note.is_trigger) == ("system", False)
    assert renamed == IdentityChange(Person(phone="972987654321"), Person(phone="972912345678"))


@pytest.mark.parametrize(
    ("system", "renamed"),
    [
        (
            {"type": "user_changed_number", "new_wa_id": "2", "user_id": "GH.2"},
            IdentityChange(Person("GH.1", "233200000001"), Person("GH.2", "2")),
        ),
        (
            {"type": "user_changed_user_id", "user_id": "GH.2"},
            IdentityChange(Person("GH.1", "233200000001"), Person("GH.2", "233200000001")),
        ),
        # Meta names the sender by the new id already: the number leads to the old contact.
        (
            {"type": "user_changed_user_id", "user_id": "GH.1"},
            IdentityChange(Person(phone="233200000001"), Person("GH.1", "233200000001")),
        ),
        ({"type": "user_changed_number", "wa_id": "233200000001"}, None),
        ({"type": "user_changed_number"}, None),
        ({"type": "user_changed_user_id", "user_id": 5.5}, None),
        ({"type": "customer_identity_changed"}, None),
    ],
)
def test_system_notes_rename_only_when_an_identifier_changed(system, renamed):
    _, *rest = parse_items(
        build_message_webhook({"type": "system", "system": system, "from_user_id": "GH.1"})
    )
    assert rest == ([renamed] if renamed else [])


def test_a_user_id_update_merges_the_old_id_into_the_new():
    assert parse_single_item(load_fixture("vercel__sample-messages_L320")) == IdentityChange(
        Person("US.13491208655302741918"), Person("US.24817305912873645029", "15557654321", "Test User")
    )
    assert parse_single_item(
        build_webhook({"user_id_update": [{"user_id": {"previous": "a"}}]}, "user_id_update")
    ) == RawItem("user_id_update", {"user_id": {"previous": "a"}})
