"""Webhook payloads for the Cloud API's tests: the published ones, and short ways to make others."""

import json
from typing import Any

from app.channels.cloud.parse import parse
from app.channels.contract import Item
from tests.conftest import SHARED

FIXTURES = SHARED / "fixtures" / "whatsapp_cloud"


def load_fixture(name: str) -> Any:
    """Read one published payload."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


def parse_items(payload: Any) -> list[Item]:
    """Parse a payload and return all of its items."""
    return [item for batch in parse(payload) for item in batch.items]


def parse_single_item(payload: Any) -> Any:
    """Parse a payload that carries exactly one item."""
    (item,) = parse_items(payload)
    return item


def build_webhook(value: dict[str, Any], field: str = "messages") -> dict[str, Any]:
    """Put a value into an envelope."""
    value = {"metadata": {"display_phone_number": "1555", "phone_number_id": "10"}, **value}
    change = {"field": field, "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def build_message_webhook(change: dict[str, Any]) -> dict[str, Any]:
    """Put one message, changed as asked, into an envelope."""
    base = {"from": "233200000001", "id": "wamid.1", "timestamp": "1700000000", "type": "text"}
    return build_webhook({"messages": [base | change]})
