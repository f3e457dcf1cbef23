"""Words of inbound content: one line for lists, and what a search finds beside the message's text."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from app.channels.content.received import (
    CallPermission,
    Card,
    Choice,
    Contacts,
    Content,
    File,
    FormReply,
    Location,
    Order,
    Unsupported,
)
from app.unicode import strip_direction_marks

# A field of every answered form that nobody filled in.
_TOKEN = "flow_token"  # noqa: S105  the name of the field


def summarize(content: Content) -> str:
    """Return one line that says what a message holds; empty where its text says it, or its kind is all there is.

    Without marks of direction: with them a file name could look like another one.
    """
    return strip_direction_marks(_SUMMARIES.get(type(content), _summarize_nothing)(content))


def list_words(content: Content) -> str:
    """Return the words a search finds of a message beside its text, each once; empty for most messages."""
    words = [*_list_common(content), *_WORDS.get(type(content), _list_nothing)(content)]
    return " ".join(dict.fromkeys(each for each in words if each))


def list_fields(reply: FormReply) -> list[tuple[str, str]]:
    """Return what was filled into a form, as names and words; those within others are named `outer.inner`."""
    return [pair for pair in _flatten(reply.response or {}) if pair[0] != _TOKEN and pair[1]]


def get_card_name(card: Card) -> str:
    """Return what a contact card is called by: its name, else its first number or address."""
    parts = (card.name.first_name, card.name.middle_name, card.name.last_name)
    name = card.name.formatted_name or " ".join(each for each in parts if each)
    others = [*(each.phone for each in card.phones), *(each.email for each in card.emails), card.org.company]
    return strip_direction_marks(name or next((each for each in others if each), ""))


def format_amount(value: float | None) -> str:
    """Return a number of goods or of money with at most two places; empty for none."""
    if value is None:
        return ""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _summarize_nothing(_content: Content) -> str:
    return ""


def _summarize_location(place: Location) -> str:
    named = ", ".join(each for each in (place.name, place.address) if each)
    if named or place.latitude is None or place.longitude is None:
        return named
    return f"{place.latitude:.5f}, {place.longitude:.5f}"


def _summarize_contacts(cards: Contacts) -> str:
    return ", ".join(each for each in map(get_card_name, cards.contacts) if each)


def _summarize_order(order: Order) -> str:
    count = len(order.product_items)
    total = f", {format_amount(order.total)} {order.currency}" if order.total is not None else ""
    about = f": {order.text}" if order.text else ""
    return f"{count} product{'' if count == 1 else 's'}{total.rstrip()}{about}"


def _summarize_form(reply: FormReply) -> str:
    return "; ".join(f"{name}: {words}" for name, words in list_fields(reply)) or reply.body


def _summarize_call_permission(answer: CallPermission) -> str:
    if answer.response == "accept":
        return "Calls are allowed" if answer.is_permanent else "Calls are allowed for now"
    return "Calls are refused" if answer.response == "reject" else ""


def _summarize_file(file: File) -> str:
    return file.caption or file.filename


_SUMMARIES: Mapping[type[Content], Callable[[Any], str]] = {
    Location: _summarize_location,
    Contacts: _summarize_contacts,
    Order: _summarize_order,
    FormReply: _summarize_form,
    CallPermission: _summarize_call_permission,
    Choice: lambda choice: choice.title,
    Unsupported: lambda message: next(
        (each.title for each in message.errors if each.title), message.type.replace("_", " ")
    ),
    File: _summarize_file,
}


def _list_nothing(_content: Content) -> Iterator[str]:
    return iter(())


def _list_common(content: Content) -> Iterator[str]:
    if content.referral:
        yield from (content.referral.headline, content.referral.body)
    if content.referred_product:
        yield content.referred_product.product_retailer_id


def _list_contacts(cards: Contacts) -> Iterator[str]:
    for card in cards.contacts:
        yield from (get_card_name(card), card.org.company)
        yield from (each.phone for each in card.phones)
        yield from (each.email for each in card.emails)


_WORDS: Mapping[type[Content], Callable[[Any], Iterator[str]]] = {
    Location: lambda place: iter((place.name, place.address)),
    Contacts: _list_contacts,
    Order: lambda order: iter(each.product_retailer_id for each in order.product_items),
    FormReply: lambda reply: iter(words for _, words in list_fields(reply)),
    Choice: lambda choice: iter((choice.title, choice.description)),
    File: lambda file: iter((file.filename,)),
}


def _flatten(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _to_words(value)


def _to_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {words}" for name, words in _flatten(value))
    if isinstance(value, list):
        return ", ".join(map(_to_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
