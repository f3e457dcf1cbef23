"""Plain content: text, files, locations, contact cards, reactions, with WhatsApp's limits (specs: whatsapp A9)."""

from typing import Annotated, Literal

from pydantic import Field

from app.channels.content.parts import CLEAN, Body, File, Identifier, NonEmptyText, Part, WebAddress

MAX_TEXT = 4096


class Text(Part):
    """A plain text."""

    kind: Literal["text"] = "text"
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT), CLEAN]
    preview_url: bool = False


class Image(File):
    """A picture (JPEG or PNG)."""

    kind: Literal["image"] = "image"
    caption: Body | None = None


class Video(File):
    """A film (MP4 or 3GP)."""

    kind: Literal["video"] = "video"
    caption: Body | None = None


class Audio(File):
    """A sound; `voice` shows it as a voice note (OGG with Opus, mono)."""

    kind: Literal["audio"] = "audio"
    voice: bool = False


class Document(File):
    """A file of any type."""

    kind: Literal["document"] = "document"
    caption: Body | None = None
    filename: Annotated[str, Field(min_length=1, max_length=240), CLEAN] | None = None


class Sticker(File):
    """A sticker (WebP, 512 x 512)."""

    kind: Literal["sticker"] = "sticker"


class Location(Part):
    """A place on the map, in degrees."""

    kind: Literal["location"] = "location"
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    name: Annotated[str, Field(min_length=1, max_length=1000), CLEAN] | None = None
    address: Annotated[str, Field(min_length=1, max_length=1000), CLEAN] | None = None


class CardName(Part):
    """The name on a contact card."""

    formatted_name: NonEmptyText
    first_name: NonEmptyText | None = None
    last_name: NonEmptyText | None = None
    middle_name: NonEmptyText | None = None
    prefix: NonEmptyText | None = None
    suffix: NonEmptyText | None = None


class CardPhone(Part):
    """A phone number on a contact card."""

    phone: NonEmptyText
    type: NonEmptyText | None = None
    wa_id: NonEmptyText | None = None


class CardEmail(Part):
    """An e-mail address on a contact card."""

    email: NonEmptyText
    type: Literal["HOME", "WORK"] | None = None


class CardUrl(Part):
    """A web address on a contact card."""

    url: WebAddress
    type: Literal["HOME", "WORK"] | None = None


class CardAddress(Part):
    """A postal address on a contact card."""

    street: NonEmptyText | None = None
    city: NonEmptyText | None = None
    state: NonEmptyText | None = None
    zip: NonEmptyText | None = None
    country: NonEmptyText | None = None
    country_code: NonEmptyText | None = None
    type: Literal["HOME", "WORK"] | None = None


class CardOrganisation(Part):
    """Where the person on a contact card works."""

    company: NonEmptyText | None = None
    department: NonEmptyText | None = None
    title: NonEmptyText | None = None


class Card(Part):
    """One contact card."""

    name: CardName
    phones: list[CardPhone] = Field(default_factory=list)
    emails: list[CardEmail] = Field(default_factory=list)
    urls: list[CardUrl] = Field(default_factory=list)
    addresses: list[CardAddress] = Field(default_factory=list)
    org: CardOrganisation | None = None
    birthday: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class Contacts(Part):
    """One to five contact cards."""

    kind: Literal["contacts"] = "contacts"
    contacts: Annotated[list[Card], Field(min_length=1, max_length=5)]


class Reaction(Part):
    """An emoji on a message; an empty one takes it away."""

    kind: Literal["reaction"] = "reaction"
    message_id: Identifier
    emoji: Annotated[str, Field(max_length=32), CLEAN] = ""
