"""Content of inbound messages by kind, with the field names of WhatsApp (specs: whatsapp A5).

Every field of a kind is always there: a text that is missing is empty, anything else that is missing is null.
"""

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

from app.immutable import immutable


@immutable
class Record:
    """Fields that can be written as JSON data."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name as JSON data, those of records within as dictionaries."""
        return {each.name: _to_plain(getattr(self, each.name)) for each in fields(self)}


def _to_plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    return [_to_plain(each) for each in value] if isinstance(value, tuple) else value


@immutable
class Referral(Record):
    """The advertisement or post a chat was started from."""

    source_url: str = ""
    source_id: str = ""
    source_type: str = ""
    headline: str = ""
    body: str = ""
    media_type: str = ""
    image_url: str = ""
    video_url: str = ""
    thumbnail_url: str = ""
    ctwa_clid: str = ""
    welcome_message: str = ""


@immutable
class ReferredProduct(Record):
    """The product of a catalogue that is asked about."""

    catalog_id: str = ""
    product_retailer_id: str = ""


@immutable
class Problem(Record):
    """What WhatsApp says went wrong with a message."""

    code: str = ""
    title: str = ""
    details: str = ""


@immutable
class Content(Record):
    """What messages of every kind may have."""

    forwarded: bool = False
    frequently_forwarded: bool = False
    referral: Referral | None = None
    referred_product: ReferredProduct | None = None
    errors: tuple[Problem, ...] = ()


@immutable
class File(Content):
    """A picture, film, sound, document or sticker; `id` is WhatsApp's name of the file."""

    id: str = ""
    mime_type: str = ""
    sha256: str = ""
    caption: str = ""
    filename: str = ""
    voice: bool = False
    animated: bool = False


@immutable
class Location(Content):
    """A place; null degrees when they cannot be read."""

    latitude: float | None = None
    longitude: float | None = None
    name: str = ""
    address: str = ""
    url: str = ""


@immutable
class CardName(Record):
    """The name on a contact card."""

    formatted_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    last_name: str = ""
    prefix: str = ""
    suffix: str = ""


@immutable
class CardPhone(Record):
    """A phone number on a contact card; `wa_id` when it is on WhatsApp."""

    phone: str = ""
    type: str = ""
    wa_id: str = ""


@immutable
class CardEmail(Record):
    """An e-mail address on a contact card."""

    email: str = ""
    type: str = ""


@immutable
class CardUrl(Record):
    """A web address on a contact card."""

    url: str = ""
    type: str = ""


@immutable
class CardAddress(Record):
    """A postal address on a contact card."""

    street: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    country_code: str = ""
    type: str = ""


@immutable
class CardOrganisation(Record):
    """Where the person on a contact card works."""

    company: str = ""
    department: str = ""
    title: str = ""


@immutable
class Card(Record):
    """One contact card."""

    name: CardName = field(default_factory=CardName)
    phones: tuple[CardPhone, ...] = ()
    emails: tuple[CardEmail, ...] = ()
    urls: tuple[CardUrl, ...] = ()
    addresses: tuple[CardAddress, ...] = ()
    org: CardOrganisation = field(default_factory=CardOrganisation)
    birthday: str = ""
    vcard: str = ""


@immutable
class Contacts(Content):
    """Contact cards; `origin` is contact_request when they answer a request for the person's own number."""

    contacts: tuple[Card, ...] = ()
    origin: str = ""


@immutable
class OrderItem(Record):
    """One line of an order; null numbers when they cannot be read."""

    product_retailer_id: str = ""
    quantity: float | int | None = None
    item_price: float | int | None = None
    currency: str = ""


@immutable
class Order(Content):
    """A basket; `total` is null unless every line has a number, a price and the same currency."""

    catalog_id: str = ""
    text: str = ""
    product_items: tuple[OrderItem, ...] = ()
    total: float | None = None
    currency: str = ""


@immutable
class Choice(Content):
    """A pressed button or a chosen row."""

    id: str = ""
    title: str = ""
    description: str = ""


@immutable
class FormReply(Content):
    """A filled-in form; `response` holds its fields, null when `response_json` cannot be read."""

    name: str = ""
    body: str = ""
    response_json: str = ""
    response: Mapping[str, Any] | None = None


@immutable
class CallPermission(Content):
    """The answer to a request to be called; `response`: accept | reject, `expiration_timestamp` in seconds."""

    response: str = ""
    response_source: str = ""
    is_permanent: bool = False
    expiration_timestamp: int | None = None


@immutable
class Reaction(Content):
    """An emoji on a message; empty when it was taken away."""

    message_id: str = ""
    emoji: str = ""


@immutable
class SystemEvent(Content):
    """A change of the person's number or user id; `wa_id` and `user_id` are the new ones."""

    type: str = ""
    body: str = ""
    wa_id: str = ""
    user_id: str = ""


@immutable
class Unsupported(Content):
    """A message the interface does not deliver; `type` says what it is, where WhatsApp does."""

    type: str = ""


KINDS: tuple[type[Content], ...] = (
    Content,
    File,
    Location,
    Contacts,
    Order,
    Choice,
    FormReply,
    CallPermission,
    Reaction,
    SystemEvent,
    Unsupported,
)
