"""Message rows before they are stored: every insert into the table `message` is built here."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypedDict, Unpack

from app.bot.states import Author, Direction, MessageState
from app.text import to_storable

_KIND_MAX_CHARS: Final = 32
_PROVIDER_ID_MAX_CHARS: Final = 255


class RowPlace(NamedTuple):
    """Connection and chat of a new message; `created_at` in ms."""

    connection_id: int
    chat_id: int
    created_at: int


class InboundFields(TypedDict, total=False):
    """Columns of an inbound row that have a default; `provider_at` in ms. An echo of our phone has a key.

    `contact_id` is who wrote in a group.
    """

    direction: Direction
    text: str
    key: str | None
    quoted_id: str | None
    author: Author
    provider_at: int | None
    contact_id: int | None


class InboundRow(TypedDict):
    """Columns of a message that came in, in the order of the statement that stores it."""

    connection_id: int
    chat_id: int
    direction: Direction
    kind: str
    state: MessageState
    text: str
    payload: Mapping[str, Any]
    provider_id: str
    key: str | None
    quoted_id: str | None
    author: Author
    created_at: int
    provider_at: int | None
    ordinal: int
    attempts: int
    contact_id: int | None


class OutboundFields(TypedDict, total=False):
    """Columns of an outbound row that have a default; `asked_at` in ms."""

    quoted_id: str | None
    parent_id: int | None
    ordinal: int
    brain_id: int | None
    version_id: int | None
    command_id: str | None
    asked_at: int | None


class OutboundRow(TypedDict):
    """Columns of a message to be sent, in the order of the statement that stores it; `next_at` in ms."""

    connection_id: int
    chat_id: int
    direction: Direction
    kind: str
    state: MessageState
    text: str
    payload: dict[str, Any]
    key: str
    quoted_id: str | None
    parent_id: int | None
    ordinal: int
    author: Author
    attempts: int
    next_at: int | None
    created_at: int
    brain_id: int | None
    version_id: int | None
    command_id: str | None
    asked_at: int | None


INBOUND_COLUMNS: Final = tuple(InboundRow.__annotations__)
OUTBOUND_COLUMNS: Final = tuple(OutboundRow.__annotations__)


def build_inbound_row(
    place: RowPlace,
    kind: str,
    state: MessageState,
    provider_id: str,
    payload: Mapping[str, Any],
    **fields: Unpack[InboundFields],
) -> InboundRow:
    """Return the row of a message that came in; `payload` is the channel's own object."""
    return {
        "connection_id": place.connection_id,
        "chat_id": place.chat_id,
        "direction": Direction.IN,
        "kind": kind[:_KIND_MAX_CHARS],
        "state": state,
        "text": "",
        "payload": payload,
        "provider_id": provider_id[:_PROVIDER_ID_MAX_CHARS],
        "key": None,
        "quoted_id": None,
        "author": Author.CONTACT,
        "created_at": place.created_at,
        "provider_at": None,
        "ordinal": 0,
        "attempts": 0,
        "contact_id": None,
        **fields,
    }


def build_outbound_row(
    place: RowPlace,
    author: Author,
    key: str,
    content: Mapping[str, Any],
    text: str,
    **fields: Unpack[OutboundFields],
) -> OutboundRow:
    """Return the row of a message in line to be sent.

    `content` is a dump of app.channels.content.Content, `text` what lists and searches show of it.
    """
    return {
        "connection_id": place.connection_id,
        "chat_id": place.chat_id,
        "direction": Direction.OUT,
        "kind": str(content["kind"]),
        "state": MessageState.QUEUED,
        "text": to_storable(text),
        "payload": dict(content),
        "key": key,
        "quoted_id": fields.get("quoted_id"),
        "parent_id": fields.get("parent_id"),
        "ordinal": fields.get("ordinal", 0),
        "author": author,
        "attempts": 0,
        "next_at": None,
        "created_at": place.created_at,
        "brain_id": fields.get("brain_id"),
        "version_id": fields.get("version_id"),
        "command_id": fields.get("command_id"),
        "asked_at": fields.get("asked_at"),
    }
