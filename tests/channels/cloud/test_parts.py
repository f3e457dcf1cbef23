"""Every part of a value is taken, whatever stands beside it; what is unknown becomes a notice."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels.contract import IdentityChange, InboundMessage, RawItem, Status
from tests.channels.cloud.webhook_samples import build_webhook, parse_items


def message(name: str) -> dict[str, Any]:
    return {"from": "1555", "id": name, "timestamp": "1", "type": "text", "text": {"body": name}}


PARTS: dict[str, list[Any]] = {
    "messages": [message("in")],
    "message_echoes": [{**message("echo"), "to": "1666"}],
    "statuses": [{"id": "status", "status": "sent", "timestamp": "1", "recipient_id": "1555"}],
    "errors": [{"code": 130429, "title": "error"}],
    "calls": [{"id": "call", "event": "connect", "from": "1555"}],
    "history": [{"threads": [{"id": "1555", "messages": [message("old")]}]}],
    "user_id_update": [{"wa_id": "1555", "user_id": {"previous": "US.1", "current": "US.2"}}],
    "brand_new": [{"word": "brand_new"}],
}
MARKS = {
    "messages": "in", "message_echoes": "echo", "statuses": "status", "errors": "error", "calls": "call",
    "history": "old", "user_id_update": "US.2", "brand_new": "brand_new",
}  # fmt: skip
FIELDS = (
    "messages",
    "smb_message_echoes",
    "calls",
    "history",
    "user_id_update",
    "account_update",
    "standby",
    "new",
)


def tell(item: Any) -> str:
    """Return the item's own words, by which its part is recognised."""
    if isinstance(item, RawItem):
        return json.dumps(item.payload)
    if isinstance(item, IdentityChange):
        return item.new.user_id or ""
    return item.provider_id if isinstance(item, (InboundMessage, Status)) else ""


@given(names=st.sets(st.sampled_from(sorted(PARTS)), min_size=1), field=st.sampled_from(FIELDS))
def test_every_part_of_a_value_is_taken_once(names: set[str], field: str):
    items = parse_items(build_webhook({name: PARTS[name] for name in sorted(names)}, field))
    told = [tell(item) for item in items]
    for name in names:
        assert sum(MARKS[name] in words for words in told) >= 1, name
    typed = {item.provider_id for item in items if isinstance(item, (InboundMessage, Status))}
    wanted = {"messages": "in", "message_echoes": "echo", "statuses": "status", "history": "old"}
    assert typed == {mark for name, mark in wanted.items() if name in names}
    assert sum(isinstance(item, IdentityChange) for item in items) == ("user_id_update" in names)


@given(names=st.sets(st.sampled_from(sorted(set(PARTS) - {"messages"}))), field=st.sampled_from(FIELDS))
def test_only_messages_to_us_are_answered(names: set[str], field: str):
    value = {name: PARTS[name] for name in sorted({*names, "messages"})}
    answered = {
        i.provider_id
        for i in parse_items(build_webhook(value, field))
        if isinstance(i, InboundMessage) and i.is_trigger
    }
    assert answered == ({"in"} if field in {"messages", "smb_message_echoes", "calls"} else set())


def test_receipts_of_calls_are_notices_and_no_receipts_of_messages():
    ringing = {"id": "wacid.1", "type": "call", "status": "RINGING", "timestamp": "1"}
    items = parse_items(build_webhook({"statuses": [ringing, PARTS["statuses"][0]]}, "calls"))
    assert [type(item) for item in items] == [Status, RawItem]
    assert items[1].payload["statuses"] == [ringing]


def test_a_name_is_found_by_any_spelling_of_the_number():
    contacts = [
        {"wa_id": "5511987654321", "profile": {"name": "Ana"}},
        {"wa_id": "5491155551234", "profile": {"name": "Bo"}},
    ]
    written = [
        {**message("a"), "from": "551187654321"},
        {**message("b"), "from": "541155551234"},
        {**message("c"), "from": "5511987654322"},
    ]
    items = parse_items(build_webhook({"contacts": contacts, "messages": written}))
    assert [(item.person.phone, item.person.name) for item in items] == [
        ("551187654321", "Ana"), ("541155551234", "Bo"), ("5511987654322", ""),
    ]  # fmt: skip
    echo = {"contacts": contacts, "message_echoes": [{**message("e"), "to": "551187654321"}]}
    (item,) = parse_items(build_webhook(echo, "smb_message_echoes"))
    assert item.person.name == "Ana"


@pytest.mark.parametrize(
    ("key", "entries"),
    [
        ("user_preferences", [{"wa_id": "1555", "value": "stop"}, {"wa_id": "1666", "value": "stop"}]),
        ("calls", [{"id": "c1", "from": "1555"}, {"id": "c2", "from": "1666"}]),
    ],
)
@pytest.mark.parametrize("beside", [{}, {"messages": [message("in")]}])
def test_each_person_that_a_value_tells_of_has_a_notice(key: str, entries: list[Any], beside: dict[str, Any]):
    items = parse_items(build_webhook({key: entries, **beside}, "messages" if beside else key))
    found = [item for item in items if isinstance(item, RawItem)]
    assert [(item.field, item.person, item.payload[key]) for item in found] == [
        (key, "1555", entries[:1]), (key, "1666", entries[1:]),
    ]  # fmt: skip


def test_the_only_contact_of_a_value_is_the_writer_though_the_numbers_differ():
    value = {"contacts": [{"wa_id": "551187654321", "profile": {"name": "Ana"}}], "messages": [message("in")]}
    (item,) = parse_items(build_webhook(value))
    assert (item.person.phone, item.person.name) == ("1555", "Ana")
    two = {**value, "messages": [message("in"), {**message("b"), "from": "1777"}]}
    assert [item.person.name for item in parse_items(build_webhook(two))] == ["", ""]
