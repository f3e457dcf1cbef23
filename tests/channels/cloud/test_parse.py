import json
from collections import Counter

import pytest

from app.bot.channels.cloud.parse import accounts, parse
from app.bot.channels.contract import Batch, Inbound, Other, Status
from tests.bot.channels.cloud_payloads import FIXTURES, items, load, webhook

FILES = sorted(FIXTURES.glob("*.json"))
# Counted by hand over all fixtures: messages and echoes, statuses, changed people, everything else.
TOTALS = Counter(Inbound=62, Status=25, Renamed=4, Other=31)


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
