"""Typed content of a message object by its kind, tolerant of what is missing (specs: whatsapp A5)."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from app.channels.content import received
from app.channels.content.received import Content
from app.channels.content.tolerant import get_list, to_dict, to_identifier, to_text
from app.text import to_storable

# More than any form or basket has; what is beyond is in the raw message only.
_MAX_ENTRIES: Final = 100
_MAX_JSON: Final = 32_768  # characters
_MAX_DEPTH: Final = 12
_MAX_TEXT: Final = 4_096
_MAX_INTEGER: Final = 2**53
_MORE_THAN_TEXT: Final = frozenset({"referral", "context", "errors"})
# Types that have nothing but what every message may have.
_PLAIN_TYPES: Final = frozenset({"text", "request_welcome", "edit", "revoke"})
_PLAIN: Final[Mapping[str, Any]] = Content().to_dict()


def read_message_data(message: Mapping[str, Any]) -> Content:
    """Return the content of a message object as WhatsApp sends it; what cannot be read has the field's default."""
    name = message.get("type")
    reader = _READERS.get(name) if isinstance(name, str) else None
    common = _read_common(message)
    if reader:
        return reader(message, common)
    if not isinstance(name, str) or name in _PLAIN_TYPES:
        return Content(**common)
    # A type of the future is named, so that somebody can see and a script can tell what came.
    return received.Unsupported(**common, type=_to_words(name))


def build_message_data(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a message object as JSON data, as scripts and templates read it."""
    if message.get("type") == "text" and not _MORE_THAN_TEXT & message.keys():
        return dict(_PLAIN)  # nearly all messages
    return read_message_data(message).to_dict()


def _read_common(message: Mapping[str, Any]) -> dict[str, Any]:
    context, referral = to_dict(message.get("context")), message.get("referral")
    product = context.get("referred_product")
    often = context.get("frequently_forwarded") is True
    return {
        "forwarded": often or context.get("forwarded") is True,
        "frequently_forwarded": often,
        "referral": _read_referral(referral) if isinstance(referral, dict) else None,
        "referred_product": received.ReferredProduct(**_read_texts(product, received.ReferredProduct))
        if isinstance(product, dict)
        else None,
        "errors": tuple(_read_problem(each) for each in get_list(message, "errors")[:_MAX_ENTRIES]),
    }


def _read_referral(referral: Mapping[str, Any]) -> received.Referral:
    texts = _read_texts(referral, received.Referral)
    welcome = referral.get("welcome_message")
    return received.Referral(**{**texts, "welcome_message": _to_words(to_dict(welcome).get("text", welcome))})


def _read_problem(error: object) -> received.Problem:
    data = to_dict(error)
    details = to_dict(data.get("error_data")).get("details") or data.get("details")
    title = data.get("title") or data.get("message")
    return received.Problem(_to_words(data.get("code")), _to_words(title), _to_words(details))


def _read_texts(data: object, shape: type[received.Record]) -> dict[str, Any]:
    """Return the texts of `data` for the fields of a record that has nothing but texts."""
    given = to_dict(data)
    return {name: _to_words(given.get(name)) for name in shape.__dataclass_fields__}


def _to_words(value: object) -> str:
    """Return a text, or the digits of an id that came as a number; empty for the rest."""
    return to_text(value)[:_MAX_TEXT] or to_identifier(value, _MAX_TEXT) or ""


def _to_number(value: object) -> float | int | None:
    """Return a finite number, sent as such or as text."""
    if isinstance(value, str) and len(value) <= 40:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, int):
        return value if abs(value) <= _MAX_INTEGER else None
    if not math.isfinite(value) or abs(value) > _MAX_INTEGER:
        return None
    return int(value) if value.is_integer() else value


def _read_file(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    kind = str(message.get("type"))
    body = to_dict(message.get(kind) or message.get("audio"))
    names = ("id", "mime_type", "sha256", "caption", "filename")
    texts: dict[str, Any] = {name: _to_words(body.get(name)) for name in names}
    return received.File(
        **common,
        **texts,
        # Its own type was what made a voice note once.
        voice=body.get("voice") is True or kind == "voice",
        animated=body.get("animated") is True,
    )


def _read_location(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    body = to_dict(message.get("location"))
    degrees = [_to_degrees(body.get(name), most) for name, most in (("latitude", 90), ("longitude", 180))]
    texts: dict[str, Any] = {name: _to_words(body.get(name)) for name in ("name", "address", "url")}
    return received.Location(**common, latitude=degrees[0], longitude=degrees[1], **texts)


def _to_degrees(value: object, most: int) -> float | None:
    number = _to_number(value)
    return float(number) if number is not None and abs(number) <= most else None


def _read_contacts(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    cards = tuple(_read_card(each) for each in get_list(message, "contacts")[:_MAX_ENTRIES])
    origin = message.get("origin") or next(
        (to_dict(each).get("origin") for each in get_list(message, "contacts")), None
    )
    return received.Contacts(**common, contacts=cards, origin=_to_words(origin))


def _read_card(card: object) -> received.Card:
    data = to_dict(card)
    return received.Card(
        received.CardName(**_read_texts(data.get("name"), received.CardName)),
        *(
            tuple(shape(**_read_texts(each, shape)) for each in get_list(data, name)[:_MAX_ENTRIES])
            for name, shape in _CARD_LISTS
        ),
        org=received.CardOrganisation(**_read_texts(data.get("org"), received.CardOrganisation)),
        birthday=_to_words(data.get("birthday")),
        vcard=to_text(data.get("vcard"))[:_MAX_JSON],
    )


_CARD_LISTS: Sequence[tuple[str, type[Any]]] = (
    ("phones", received.CardPhone),
    ("emails", received.CardEmail),
    ("urls", received.CardUrl),
    ("addresses", received.CardAddress),
)


def _read_order(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    body = to_dict(message.get("order"))
    items = tuple(_read_item(each) for each in get_list(body, "product_items")[:_MAX_ENTRIES])
    texts: dict[str, Any] = {name: _to_words(body.get(name)) for name in ("catalog_id", "text")}
    return received.Order(**common, **texts, product_items=items, **_sum_up(items))


def _read_item(item: object) -> received.OrderItem:
    data = to_dict(item)
    return received.OrderItem(
        _to_words(data.get("product_retailer_id")),
        _to_number(data.get("quantity")),
        _to_number(data.get("item_price")),
        _to_words(data.get("currency")),
    )


def _sum_up(items: Sequence[received.OrderItem]) -> dict[str, Any]:
    currencies = {each.currency for each in items}
    amounts = [
        each.quantity * each.item_price
        for each in items
        if each.quantity is not None and each.item_price is not None
    ]
    if len(currencies) != 1 or len(amounts) != len(items):
        return {}
    return {"total": round(float(sum(amounts)), 4), "currency": currencies.pop()}


def _read_interactive(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    body = to_dict(message.get("interactive"))
    name = body.get("type")
    answer = to_dict(body.get(name)) if isinstance(name, str) else {}
    reader = _ANSWERS.get(name) if isinstance(name, str) else None
    return reader(answer, common) if reader else received.Unsupported(**common, type=_to_words(name))


def _read_choice(answer: Mapping[str, Any], common: dict[str, Any]) -> Content:
    texts: dict[str, Any] = {name: _to_words(answer.get(name)) for name in ("id", "title", "description")}
    return received.Choice(**common, **texts)


def _read_form(answer: Mapping[str, Any], common: dict[str, Any]) -> Content:
    raw = answer.get("response_json")
    text = to_text(raw)
    return received.FormReply(
        **common,
        name=_to_words(answer.get("name")),
        body=_to_words(answer.get("body")),
        response_json=text[:_MAX_JSON],
        # Some gateways read it before they pass it on.
        response=_clean(raw) if isinstance(raw, dict) else _read_json(text),
    )


def _read_json(text: str) -> dict[str, Any] | None:
    if len(text) > _MAX_JSON:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _clean(value) if isinstance(value, dict) else None


def _clean(value: Any, depth: int = 0) -> Any:
    """Return JSON data that databases and scripts can hold; numbers beyond them, and what lies too deep, are null."""
    if isinstance(value, str):
        return to_storable(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return _to_number(value)
    if depth >= _MAX_DEPTH:
        return None
    if isinstance(value, list):
        return [_clean(each, depth + 1) for each in value]
    return {to_storable(str(name)): _clean(each, depth + 1) for name, each in value.items()}


def _read_call_permission(answer: Mapping[str, Any], common: dict[str, Any]) -> Content:
    until = _to_number(answer.get("expiration_timestamp"))
    return received.CallPermission(
        **common,
        response=_to_words(answer.get("response")),
        response_source=_to_words(answer.get("response_source")),
        is_permanent=answer.get("is_permanent") is True,
        expiration_timestamp=int(until) if until is not None else None,
    )


def _read_template_button(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    body = to_dict(message.get("button"))
    return received.Choice(**common, id=_to_words(body.get("payload")), title=_to_words(body.get("text")))


def _read_reaction(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    body = to_dict(message.get("reaction"))
    return received.Reaction(
        **common, message_id=_to_words(body.get("message_id")), emoji=_to_words(body.get("emoji"))
    )


def _read_system(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    body = to_dict(message.get("system"))
    return received.SystemEvent(
        **common,
        type=_to_words(body.get("type")),
        body=_to_words(body.get("body")),
        wa_id=_to_words(body.get("wa_id") or body.get("new_wa_id")),
        user_id=_to_words(body.get("user_id")),
    )


def _read_unsupported(message: Mapping[str, Any], common: dict[str, Any]) -> Content:
    return received.Unsupported(**common, type=_to_words(to_dict(message.get("unsupported")).get("type")))


_ANSWERS: Mapping[str, Callable[[Mapping[str, Any], dict[str, Any]], Content]] = {
    "button_reply": _read_choice,
    "list_reply": _read_choice,
    "nfm_reply": _read_form,
    "call_permission_reply": _read_call_permission,
}
_READERS: Mapping[str, Callable[[Mapping[str, Any], dict[str, Any]], Content]] = {
    **dict.fromkeys(("image", "video", "audio", "voice", "document", "sticker"), _read_file),
    "location": _read_location,
    "contacts": _read_contacts,
    "order": _read_order,
    "interactive": _read_interactive,
    "button": _read_template_button,
    "reaction": _read_reaction,
    "system": _read_system,
    "unsupported": _read_unsupported,
}
