import json
from collections import Counter

import pytest

from app.channels.cloud.parse import parse
from app.channels.contract import AccountBatch, InboundMessage, RawItem, Status
from tests.channels.cloud.webhook_samples import FIXTURES, build_webhook, load_fixture, parse_items

FILES = sorted(FIXTURES.glob("*.json"))
# Counted by hand over all fixtures: messages and echoes, statuses, changed people, everything else.
TOTALS = Counter(InboundMessage=62, Status=25, IdentityChange=4, RawItem=31)


def count_expected(payload):
    """Count what a webhook carries by walking its raw JSON."""
    count = Counter()
    if not isinstance(payload["entry"], list):
        return Counter(RawItem=1)
    for change in (change for entry in payload["entry"] for change in entry["changes"]):
        field, value = change.get("field", "messages"), change["value"]
        if field == "messages":
            for each in value.get("messages", []):
                count["InboundMessage" if "id" in each else "RawItem"] += 1
                count["IdentityChange"] += each.get("system", {}).get("type") == "user_changed_number"
            count["Status"] += len(value.get("statuses", []))
            count["RawItem"] += len(value.get("errors", []))
        elif field == "smb_message_echoes":
            count["InboundMessage"] += len(value["message_echoes"])
        elif field == "user_id_update":
            count["IdentityChange"] += len(value["user_id_update"])
        else:
            count["RawItem"] += 1
    return +count


def count_found(payload):
    return Counter(type(item).__name__ for item in parse_items(payload))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_fixture_gives_exactly_what_it_carries(path):
    payload = json.loads(path.read_text())
    assert count_found(payload) == count_expected(payload)


def test_all_fixtures_together_give_the_known_totals():
    payloads = [json.loads(path.read_text()) for path in FILES]
    assert len(payloads) == 117
    assert sum((count_found(payload) for payload in payloads), Counter()) == TOTALS


def test_the_kinds_of_all_fixtures_are_known():
    kinds = Counter(
        item.kind
        for path in FILES
        for item in parse_items(json.loads(path.read_text()))
        if isinstance(item, InboundMessage)
    )
    assert kinds == {
        "text": 19, "button": 8, "unsupported": 4, "location": 4, "contacts": 3, "document": 2, "flow": 3,
        "order": 2, "image": 2, "system": 4, "reaction": 3, "sticker": 2, "audio": 1, "list": 2, "edit": 2,
        "revoke": 1,
    }  # fmt: skip


def test_errors_of_the_account_are_kept_one_by_one():
    inbound, error = parse_items(load_fixture("pywa_message__interactive_message_with_err"))
    assert inbound.kind == "unsupported"
    assert (error.field, error.payload["code"]) == ("errors", 131000)


def test_a_value_with_messages_and_statuses_gives_both():
    value = {
        "messages": [{"id": "m1", "from": "1", "type": "text", "text": {"body": "x"}}],
        "statuses": [{"id": "s1", "status": "sent"}],
        "errors": [{"code": 1}],
    }
    assert [type(item) for item in parse_items(build_webhook(value))] == [InboundMessage, Status, RawItem]


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


@pytest.mark.parametrize("payload", [None, 5, "x", [], {}, {"entry": {}}, {"entry": None}, {"entry": "x"}])
def test_a_payload_that_is_no_webhook_is_kept_raw(payload):
    assert parse(payload) == [AccountBatch(None, [RawItem("malformed", payload)])]


def test_a_webhook_without_entries_gives_nothing():
    assert parse({"object": "whatsapp_business_account", "entry": []}) == []


@pytest.mark.parametrize("change", [7, {"field": "messages"}, {"field": [7], "value": {}}, {"value": []}])
def test_a_broken_change_is_kept_raw(change):
    assert parse({"entry": [{"changes": [change]}]}) == [AccountBatch(None, [RawItem("malformed", change)])]


def test_a_value_that_carries_nothing_we_read_is_kept_raw():
    value = {"metadata": {"phone_number_id": "10"}, "messages": []}
    payload = {"entry": [{"changes": [{"field": "messages", "value": value}]}]}
    assert parse(payload) == [AccountBatch("10", [RawItem("messages", value)])]
