import json
from collections import Counter
from pathlib import Path

import pytest

from app.bot.channels.cloud.parse import accounts, parse
from app.bot.channels.contract import Batch, Inbound, Other, Person, Renamed, Status

FIXTURES = Path(__file__).resolve().parents[3].parent / "shared" / "fixtures" / "whatsapp_cloud"
FILES = sorted(FIXTURES.glob("*.json"))
# Counted by hand over all fixtures: messages and echoes, statuses, changed people, everything else.
TOTALS = Counter(Inbound=62, Status=25, Renamed=4, Other=31)


def load(name):
    return json.loads((FIXTURES / f"{name}.json").read_text())


def items(payload):
    return [item for batch in parse(payload) for item in batch.items]


def only(payload):
    (item,) = items(payload)
    return item


def webhook(value, field="messages"):
    value = {"metadata": {"display_phone_number": "1555", "phone_number_id": "10"}, **value}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": field, "value": value}]}],
    }


def message(**parts):
    base = {"from": "233200000001", "id": "wamid.1", "timestamp": "1700000000", "type": "text"}
    return webhook({"messages": [base | parts]})


def expected(payload):
    """Count what a webhook carries by walking its raw JSON."""
    count = Counter()
    if not isinstance(payload["entry"], list):
        return Counter(Other=1)
    for change in (change for entry in payload["entry"] for change in entry["changes"]):
        field, value = change.get("field", "messages"), change["value"]
        if field == "messages":
            for each in value.get("messages", []):
                count["Inbound" if "id" in each else "Other"] += 1
                count["Renamed"] += each.get("system", {}).get("type") == "user_changed_number"
            count["Status"] += len(value.get("statuses", []))
            count["Other"] += len(value.get("errors", []))
        elif field == "smb_message_echoes":
            count["Inbound"] += len(value["message_echoes"])
        elif field == "user_id_update":
            count["Renamed"] += len(value["user_id_update"])
        else:
            count["Other"] += 1
    return +count


def found(payload):
    return Counter(type(item).__name__ for item in items(payload))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_fixture_gives_exactly_what_it_carries(path):
    payload = json.loads(path.read_text())
    assert found(payload) == expected(payload)


def test_all_fixtures_together_give_the_known_totals():
    payloads = [json.loads(path.read_text()) for path in FILES]
    assert len(payloads) == 117
    assert sum((found(payload) for payload in payloads), Counter()) == TOTALS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_accounts_of_a_fixture_are_those_of_its_batches(path):
    payload = json.loads(path.read_text())
    assert accounts(payload) == {batch.account for batch in parse(payload)} - {None}


def test_the_kinds_of_all_fixtures_are_known():
    kinds = Counter(
        item.kind
        for path in FILES
        for item in items(json.loads(path.read_text()))
        if isinstance(item, Inbound)
    )
    assert kinds == {
        "text": 19, "button": 8, "unsupported": 4, "location": 4, "contacts": 3, "document": 2, "flow": 3,
        "order": 2, "image": 2, "system": 4, "reaction": 3, "sticker": 2, "audio": 1, "list": 2, "edit": 2,
        "revoke": 1,
    }  # fmt: skip


def test_a_text_is_read_whole():
    assert parse(load("chatwoot__phone_and_bsuid"))[0].account is None
    inbound = only(load("secreto__payloads_L342"))
    assert inbound == Inbound(
        provider_id="ABGGFlA5Fpa",
        person=Person("US.13491208655302741918", "16315551181", "test user name", "@testusername"),
        kind="text",
        text="this is a text message",
        at=1504902988_000,
        payload=load("secreto__payloads_L342")["entry"][0]["changes"][0]["value"]["messages"][0],
    )


def test_a_person_without_a_number_is_known_by_the_user_id():
    inbound = only(load("chatwoot__bsuid_only_with_parent_and_username"))
    assert inbound.person == Person("IN.2081978709342942", None, "Muhsin", "muhsin")


def test_contacts_are_matched_by_their_ids_and_not_by_their_place():
    people = [
        {"wa_id": "2", "profile": {"name": "Two"}},
        {"wa_id": "1", "user_id": "GH.1", "profile": {"name": "One"}},
    ]
    texts = [{"id": f"m{n}", "from": n, "type": "text", "text": {"body": "x"}} for n in ("1", "2", "3")]
    found = items(webhook({"contacts": people, "messages": texts}))
    assert [item.person for item in found] == [
        Person("GH.1", "1", "One"), Person(None, "2", "Two"), Person(None, "3")
    ]  # fmt: skip


def test_a_user_id_in_the_place_of_the_number_is_taken_as_user_id():
    inbound = only(message(**{"from": "US.13491208655302741918", "text": {"body": "x"}}))
    assert inbound.person == Person("US.13491208655302741918")


def test_a_number_is_stored_as_digits():
    assert only(message(**{"from": "+233200000001", "text": {"body": "x"}})).person.phone == "233200000001"
    assert only(message(**{"from": 233200000001, "text": {"body": "x"}})).person.phone == "233200000001"


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
        ({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "i", "title": "t"}}},
         "button", "i", True),
        ({"type": "interactive", "interactive": {"type": "list_reply", "list_reply": {"title": "t"}}}, "list", "t", True),
        ({"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": {"body": "Sent"}}}, "flow", "Sent", True),
        ({"type": "interactive", "interactive": {"type": "call_permission_reply", "call_permission_reply": {}}},
         "call_permission", "", False),
        ({"type": "interactive", "interactive": {"type": "new_reply", "new_reply": {}}}, "unsupported", "", False),
        ({"type": "interactive"}, "unsupported", "", False),
        ({"type": "button", "button": {"payload": "p", "text": "t"}}, "button", "p", True),
        ({"type": "button", "button": {"text": "t"}}, "button", "t", True),
        ({"type": "order", "order": {"text": "two", "product_items": []}}, "order", "two", True),
        ({"type": "request_welcome"}, "welcome", "", True),
        ({"type": "system", "system": {"body": "b", "type": "customer_identity_changed"}}, "system", "b", False),
        ({"type": "hologram", "hologram": {}}, "unsupported", "", False),
        ({"type": None}, "unsupported", "", False),
        ({"type": ["text"]}, "unsupported", "", False),
    ],
)  # fmt: skip
def test_each_type_has_its_kind_its_text_and_its_answer(parts, kind, text, triggers):
    inbound = only(message(**parts))
    assert (inbound.kind, inbound.text, inbound.triggers) == (kind, text, triggers)


def test_a_reaction_names_its_message_and_is_never_answered():
    inbound = only(load("pywa_message__unreaction_empty"))
    assert (inbound.kind, inbound.text, inbound.triggers) == ("reaction", "", False)
    assert inbound.quoted_id


def test_a_quote_and_a_group_are_kept():
    inbound = only(message(text={"body": "x"}, context={"id": "wamid.0", "from": "1"}, group_id="G1"))
    assert (inbound.quoted_id, inbound.group_id) == ("wamid.0", "G1")


def test_an_edit_carries_the_new_text_and_runs_nothing():
    inbound = only(load("pywa_edited_message__image"))
    assert (inbound.kind, inbound.text, inbound.triggers) == ("edit", "Updated image caption", False)
    assert inbound.edits == "wamid.HBgLMTQxMjU1NTA4MjkVAgASGBQzQUNCNjk5RDUwNUZGMUZEM0VBRAA="


def test_an_edit_of_an_edit_is_kept_without_meaning():
    inner = {"type": "edit", "edit": {"original_message_id": "wamid.0", "message": {}}}
    inbound = only(message(type="edit", edit={"original_message_id": "wamid.0", "message": inner}))
    assert inbound.kind == "unsupported"


def test_a_revocation_names_its_message():
    inbound = only(message(type="revoke", revoke={"original_message_id": "wamid.0"}))
    assert (inbound.kind, inbound.revokes, inbound.triggers) == ("revoke", "wamid.0", False)


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
        ({"type": "user_changed_number", "new_wa_id": "2", "user_id": "GH.2"},
         Renamed(Person("GH.1", "233200000001"), Person("GH.2", "2"))),
        ({"type": "user_changed_user_id", "user_id": "GH.2"},
         Renamed(Person("GH.1", "233200000001"), Person("GH.2", "233200000001"))),
        # Meta names the sender by the new id already: the number leads to the old contact.
        ({"type": "user_changed_user_id", "user_id": "GH.1"},
         Renamed(Person(phone="233200000001"), Person("GH.1", "233200000001"))),
        ({"type": "user_changed_number", "wa_id": "233200000001"}, None),
        ({"type": "user_changed_number"}, None),
        ({"type": "user_changed_user_id", "user_id": 5.5}, None),
        ({"type": "customer_identity_changed"}, None),
    ],
)  # fmt: skip
def test_system_notes_rename_only_when_an_identifier_changed(system, renamed):
    _, *rest = items(message(type="system", system=system, from_user_id="GH.1"))
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


def test_errors_of_the_account_are_kept_one_by_one():
    inbound, error = items(load("pywa_message__interactive_message_with_err"))
    assert inbound.kind == "unsupported"
    assert (error.field, error.payload["code"]) == ("errors", 131000)


def test_a_value_with_messages_and_statuses_gives_both():
    value = {
        "messages": [{"id": "m1", "from": "1", "type": "text", "text": {"body": "x"}}],
        "statuses": [{"id": "s1", "status": "sent"}],
        "errors": [{"code": 1}],
    }
    assert [type(item) for item in items(webhook(value))] == [Inbound, Status, Other]


def test_changes_of_several_numbers_stay_apart_and_in_order():
    def change(account, name):
        text = {"id": name, "from": "1", "type": "text", "text": {"body": name}}
        return {"field": "messages", "value": {"metadata": {"phone_number_id": account}, "messages": [text]}}

    payload = {
        "entry": [
            {"changes": [change("1", "a"), change("1", "b")]},
            {"changes": [change("2", "c"), change(1, "d")]},
        ]
    }
    batches = [(batch.account, [item.text for item in batch.items]) for batch in parse(payload)]
    assert batches == [("1", ["a", "b"]), ("2", ["c"]), ("1", ["d"])]
    assert accounts(payload) == {"1", "2"}


@pytest.mark.parametrize(
    "stamp", ["", "soon", "-5", "9" * 5000, 10**400, -1, True, None, [], 1.5, "²", "1700000000000"]
)
def test_a_junk_timestamp_is_zero(stamp):
    assert only(message(timestamp=stamp, text={"body": "x"})).at == 0


@pytest.mark.parametrize("name", [None, "", 5.5, {}, [], "x" * 256, True])
def test_a_message_without_an_id_is_kept_raw(name):
    payload = message(id=name)
    assert only(payload) == Other("messages", payload["entry"][0]["changes"][0]["value"]["messages"][0])


def test_a_message_of_nobody_is_kept_and_not_answered():
    inbound = only(message(**{"from": None, "text": {"body": "x"}}))
    assert (inbound.person, inbound.triggers) == (Person(), False)


def test_texts_and_ids_fit_their_columns():
    contact = {"wa_id": "233200000001", "profile": {"name": "N" * 300 + "\0", "username": "u" * 300}}
    text = {"from": "233200000001", "id": "w\0", "type": "text", "text": {"body": "x"}}
    inbound = only(webhook({"contacts": [contact], "messages": [text]}))
    assert (len(inbound.person.name), len(inbound.person.username)) == (200, 100)
    assert inbound.provider_id == "w\ufffd"
    assert only(webhook({"statuses": [{"id": "1", "status": "s" * 99}]})).status == "s" * 20
    assert only(webhook({"x": 1}, "f" * 99)).field == "f" * 64


@pytest.mark.parametrize("payload", [None, 5, "x", [], {}, {"entry": {}}, {"entry": None}, {"entry": "x"}])
def test_a_payload_that_is_no_webhook_is_kept_raw(payload):
    assert parse(payload) == [Batch(None, [Other("malformed", payload)])]
    assert accounts(payload) == set()


def test_a_webhook_without_entries_gives_nothing():
    assert parse({"object": "whatsapp_business_account", "entry": []}) == []


@pytest.mark.parametrize("change", [7, {"field": "messages"}, {"field": [7], "value": {}}, {"value": []}])
def test_a_broken_change_is_kept_raw(change):
    assert parse({"entry": [{"changes": [change]}]}) == [Batch(None, [Other("malformed", change)])]


def test_a_value_that_carries_nothing_we_read_is_kept_raw():
    value = {"metadata": {"phone_number_id": "10"}, "messages": []}
    payload = {"entry": [{"changes": [{"field": "messages", "value": value}]}]}
    assert parse(payload) == [Batch("10", [Other("messages", value)])]
