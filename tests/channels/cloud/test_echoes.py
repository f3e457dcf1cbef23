import pytest

from app.bot.channels.contract import Other, Person, Renamed, Status
from tests.bot.channels.cloud_payloads import items, load, message, only, webhook


def test_echoes_of_our_own_phone_are_outgoing_and_trigger_nothing():
    for name in ("pywa_outgoing_message__edit", "pywa_outgoing_message__delete"):
        inbound = only(load(name))
        assert (inbound.outgoing, inbound.triggers) == (True, False)
        assert inbound.person.phone == "972987654321"
    echo = {
        "from": "1555",
        "to": "233200000001",
        "id": "e1",
        "timestamp": "1",
        "type": "text",
        "text": {"body": "x"},
    }
    inbound = only(webhook({"message_echoes": [echo]}, "smb_message_echoes"))
    assert (inbound.outgoing, inbound.triggers, inbound.person.phone) == (True, False, "233200000001")


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
    found = items(webhook({"history": [{"metadata": {"phase": 0}, "threads": [thread]}]}, "history"))
    assert [(i.text, i.outgoing, i.triggers, i.person.phone) for i in found] == [
        ("them", False, False, "233200000001"),
        ("us", True, False, "233200000001"),
        ("", True, False, "233200000001"),
    ]
    late = {"from": "233200000001", "id": "h4", "type": "image", "image": {"id": "1"}}
    assert only(webhook({"messages": [late]}, "history")).triggers is False


@pytest.mark.parametrize(
    "chunk", [{"errors": [{"code": 2593109}]}, {"threads": [{}]}, {"threads": [{"messages": [7]}]}, 5]
)
def test_history_without_messages_is_kept_raw(chunk):
    assert isinstance(only(webhook({"history": [chunk]}, "history")), Other)


def test_a_new_number_renames_the_person_after_the_note():
    note, renamed = items(load("pywa_system__phone_number_change"))
    assert (note.kind, note.triggers) == ("system", False)
    assert renamed == Renamed(Person(phone="972987654321"), Person(phone="972912345678"))


@pytest.mark.parametrize(
    ("system", "renamed"),
    [
        (
            {"type": "user_changed_number", "new_wa_id": "2", "user_id": "GH.2"},
            Renamed(Person("GH.1", "233200000001"), Person("GH.2", "2")),
        ),
        (
            {"type": "user_changed_user_id", "user_id": "GH.2"},
            Renamed(Person("GH.1", "233200000001"), Person("GH.2", "233200000001")),
        ),
        # Meta names the sender by the new id already: the number leads to the old contact.
        (
            {"type": "user_changed_user_id", "user_id": "GH.1"},
            Renamed(Person(phone="233200000001"), Person("GH.1", "233200000001")),
        ),
        ({"type": "user_changed_number", "wa_id": "233200000001"}, None),
        ({"type": "user_changed_number"}, None),
        ({"type": "user_changed_user_id", "user_id": 5.5}, None),
        ({"type": "customer_identity_changed"}, None),
    ],
)
def test_system_notes_rename_only_when_an_identifier_changed(system, renamed):
    _, *rest = items(message({"type": "system", "system": system, "from_user_id": "GH.1"}))
    assert rest == ([renamed] if renamed else [])


def test_a_user_id_update_merges_the_old_id_into_the_new():
    assert only(load("vercel__sample-messages_L320")) == Renamed(
        Person("US.13491208655302741918"), Person("US.24817305912873645029", "15557654321", "Test User")
    )
    assert only(webhook({"user_id_update": [{"user_id": {"previous": "a"}}]}, "user_id_update")) == Other(
        "user_id_update", {"user_id": {"previous": "a"}}
    )


def test_a_failed_status_tells_its_code_and_what_helps():
    status = only(load("pywa_message_status__failed"))
    assert (status.provider_id, status.status, status.at) == ("wamid.xyzxyz", "failed", 1689380458_000)
    assert status.error_code == "130472"
    assert status.error.startswith("Meta withheld this marketing message")
    assert status.error.endswith("because this user's phone number is part of an experiment")


@pytest.mark.parametrize(
    "word", ["sent", "delivered", "read", "played", "failed", "deleted", "warning", "teleported"]
)
def test_a_status_with_any_word_is_a_status_and_echoes_our_key(word):
    raw = {"id": "wamid.1", "status": word, "timestamp": 1700000000, "biz_opaque_callback_data": "bx1"}
    assert only(webhook({"statuses": [raw]})) == Status("wamid.1", word, 1700000000_000, "bx1", payload=raw)


@pytest.mark.parametrize(
    "raw", [{}, {"id": "1"}, {"status": "sent"}, {"id": "1", "status": 7}, 3, None, "sent"]
)
def test_a_status_without_an_id_or_a_word_is_kept_raw(raw):
    assert only(webhook({"statuses": [raw]})) == Other("statuses", raw)
