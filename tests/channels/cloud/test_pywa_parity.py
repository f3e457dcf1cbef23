"""Every field pywa reads of a real webhook is read here, with the same value (docs/whatsapp-fields.md)."""

import copy
import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from pywa import WhatsApp, types
from pywa.types.flows import FlowCompletion

from app.channels.cloud.message_types import parse_message
from app.channels.cloud.parse import read_status
from app.channels.content import received
from app.channels.content.message_data import read_message_data
from app.channels.content.received_text import list_fields
from app.channels.contract import Status
from tests.channels.cloud.webhook_samples import FIXTURES

CLIENT = WhatsApp(phone_id="1", token="none")


def list_parts(part: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield name, value and part of every message or status of the real bodies."""
    for path in sorted(FIXTURES.glob("*.json")):
        body = json.loads(path.read_text())
        for entry in body.get("entry", ()) if isinstance(body, dict) else ():
            for change in entry.get("changes", ()):
                value = change.get("value")
                if isinstance(value, dict) and change.get("field", "messages") == "messages":
                    for number, each in enumerate(value.get(part, ())):
                        if isinstance(each, dict):
                            yield f"{path.stem}-{number}", value, each


def wrap(value: dict[str, Any], part: str, each: dict[str, Any]) -> dict[str, Any]:
    """Return a body pywa accepts: it raises without ids, metadata, contacts or their user ids."""
    whole = {**copy.deepcopy(value), part: [{"id": "1", **each}]}
    whole.setdefault("metadata", {"display_phone_number": "1", "phone_number_id": "1"})
    whole.setdefault("contacts", [{"profile": {"name": "N"}, "wa_id": "1"}])
    for contact in whole["contacts"]:
        contact.setdefault("user_id", "US.1")
    return {"object": "x", "entry": [{"id": "1", "changes": [{"field": "messages", "value": whole}]}]}


def choose_type(message: dict[str, Any]) -> Any:
    if message.get("type") == "button":
        return types.CallbackButton
    inner = message.get("interactive", {}).get("type") if message.get("type") == "interactive" else None
    kinds = {
        "button_reply": types.CallbackButton,
        "list_reply": types.CallbackSelection,
        "nfm_reply": FlowCompletion,
    }
    return kinds.get(inner or "", types.Message)


MESSAGES = [pytest.param(value, each, id=name) for name, value, each in list_parts("messages")]
# pywa raises for these: a broken form, a file without a checksum.
UNREADABLE = {"chatwoot__flow_reply_invalid_response_json-0", "chatwoot__document_accented_filename-0"}
# Changes of people or of messages (test_messages, test_updates).
OTHER_TYPES = {"system", "edit", "revoke"}


@pytest.mark.parametrize(("value", "message"), MESSAGES)
def test_a_real_message_is_read_as_pywa_reads_it(value, message, request):
    if request.node.callspec.id in UNREADABLE or message.get("type") in OTHER_TYPES:
        assert parse_message(message).kind != "unsupported"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = choose_type(message).from_update(client=CLIENT, update=wrap(value, "messages", message))
    ours, parsed = read_message_data(message), parse_message(message)
    _compare_context(theirs, ours, message)
    if isinstance(theirs, FlowCompletion):
        assert isinstance(ours, received.FormReply)
        given = dict(ours.response or {})
        assert (given.pop("flow_token", None), given, ours.body) == (
            theirs.token,
            theirs.response,
            theirs.body,
        )
        assert [name for name, _ in list_fields(ours)] == [
            name for name, value in given.items() if value != ""
        ]
    elif isinstance(theirs, types.Message):
        _compare_message(theirs, ours, parsed)
    else:
        assert isinstance(ours, received.Choice)
        assert (parsed.text, ours.id, ours.title) == (theirs.data, theirs.data, theirs.title)
        assert ours.description == (getattr(theirs, "description", None) or "")


def _compare_context(theirs: Any, ours: received.Content, message: dict[str, Any]) -> None:
    if isinstance(theirs, types.Message):
        assert (ours.forwarded, ours.frequently_forwarded) == (
            theirs.forwarded or theirs.forwarded_many_times,
            theirs.forwarded_many_times,
        )
        for name in ("source_url", "source_id", "source_type", "headline", "body", "media_type", "ctwa_clid"):
            wanted = getattr(theirs.referral, name) if theirs.referral else None
            assert (getattr(ours.referral, name) if ours.referral else "") == (wanted or "")
    product = theirs.reply_to_message.referred_product if theirs.reply_to_message else None
    if product:
        assert ours.referred_product == received.ReferredProduct(product.catalog_id, product.sku)
    assert (ours.referred_product is None) == ("referred_product" not in message.get("context", {}))


def _compare_message(theirs: types.Message, ours: received.Content, parsed: Any) -> None:
    if theirs.text is not None:
        assert parsed.text == theirs.text
    if theirs.media is not None:
        _compare_file(theirs.media, ours)
    if theirs.location:
        _compare_location(theirs.location, ours)
    if theirs.contacts:
        _compare_cards(theirs.contacts, ours)
    if theirs.order:
        _compare_order(theirs.order, ours)
    if theirs.reaction:
        assert isinstance(ours, received.Reaction)
        assert (ours.message_id, ours.emoji) == (theirs.reaction.message_id, theirs.reaction.emoji or "")
    if ours.errors:  # pywa also puts errors of the whole value here, which are notices to us
        assert ours.errors[0].code == str(theirs.error.code)
        assert ours.errors[0].details == (theirs.error.details or "")


def _compare_file(theirs: Any, ours: received.Content) -> None:
    assert isinstance(ours, received.File)
    texts = (theirs.id, theirs.mime_type, getattr(theirs, "caption", None) or "", theirs.filename or "")
    assert (ours.id, ours.mime_type, ours.caption, ours.filename) == texts
    assert (ours.voice, ours.animated) == (
        getattr(theirs, "voice", False),
        getattr(theirs, "animated", False),
    )


def _compare_location(theirs: types.Location, ours: received.Content) -> None:
    assert isinstance(ours, received.Location)
    for name in ("name", "address", "url"):
        assert getattr(ours, name) == (getattr(theirs, name) or "")
    degrees = (theirs.latitude, theirs.longitude)
    # pywa passes on texts that are no numbers (a placeholder of the documentation).
    assert (ours.latitude, ours.longitude) == degrees or not all(isinstance(d, float) for d in degrees)


def _compare_order(theirs: types.Order, ours: received.Content) -> None:
    assert isinstance(ours, received.Order)
    assert (ours.catalog_id, ours.text, ours.total) == (
        theirs.catalog_id,
        theirs.text or "",
        theirs.total_price,
    )
    items = [(p.sku, p.quantity, p.price, p.currency) for p in theirs.products]
    assert [
        (i.product_retailer_id, i.quantity, i.item_price, i.currency) for i in ours.product_items
    ] == items


def _compare_cards(theirs: Any, ours: received.Content) -> None:
    assert isinstance(ours, received.Contacts)
    assert (ours.origin or "other") == theirs.origin.value
    for card, wanted in zip(ours.contacts, theirs, strict=True):
        assert card.birthday == (wanted.birthday or "")
        pairs = [(card.name, wanted.name), (card.org, wanted.org)]
        for name in ("phones", "emails", "urls", "addresses"):
            pairs += zip(getattr(card, name), getattr(wanted, name), strict=True)
        for mine, other in pairs:
            for name, value in mine.to_dict().items() if other else ():
                assert value == str(getattr(other, name, None) or "")


STATUSES = [pytest.param(value, each, id=name) for name, value, each in list_parts("statuses")]


@pytest.mark.parametrize(("value", "status"), STATUSES)
def test_a_real_status_is_read_as_pywa_reads_it(value, status):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = types.MessageStatus.from_update(client=CLIENT, update=wrap(value, "statuses", status))
    ours = read_status(status)
    assert isinstance(ours, Status)
    assert (ours.provider_id, ours.status, ours.key) == (theirs.id, theirs.status.value, theirs.tracker)
    assert ours.at == int(theirs.timestamp.timestamp() * 1000)
    if theirs.error:
        assert ours.error_code == str(theirs.error.code)
        assert (theirs.error.details or "") in (ours.error or "")
