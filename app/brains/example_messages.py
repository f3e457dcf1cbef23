"""Example messages by kind, in the shape of real ones: for tests, the playground and the simulator."""

import json
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from app.channels.content.message_data import build_message_data
from app.immutable import immutable

# As phones send them: a voice note names its codec.
MIMES: Final[Mapping[str, str]] = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/ogg; codecs=opus",
    "document": "application/pdf",
    "sticker": "image/webp",
}
# Those whose text is a name.
NAMED_KINDS: Final = frozenset({"location", "contacts", "document"})
_FILE_NAME_FORM: Final = re.compile(r"[^\n/]{1,200}\.[A-Za-z0-9]{2,5}")
_ANSWER_END: Final = re.compile(r"[;\n]")
_CAPTIONED: Final = frozenset({"image", "video", "document"})
_FILE_ID: Final = "simulated"
_FILE_NAME: Final = "document.pdf"
_PLACE: Final[Mapping[str, Any]] = {"latitude": 5.6037, "longitude": -0.187}
_PLACE_NAME: Final = "Accra"
_ORDER_ITEM: Final = {"product_retailer_id": "tea", "quantity": 2, "item_price": 3.5, "currency": "USD"}
_FORM_BODY: Final = "Sent"
# A number reserved for fiction.
_CARD_NUMBER: Final = "+1 555 010 0099"


@immutable
class ExampleMessage:
    """One message: its kind and text as a brain reads them, and its payload in the Cloud API's shape."""

    kind: str
    text: str
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def media(self) -> dict[str, str] | None:
        """The file of it: kind, MIME type and caption."""
        if self.kind not in MIMES:
            return None
        return {"kind": self.kind, "mime": MIMES[self.kind], "caption": self.text}

    def build_turn_fields(self) -> dict[str, Any]:
        """Return the fields of its turn."""
        fields: dict[str, Any] = {
            "kind": self.kind, "text": self.text, "data": build_message_data(self.payload)
        }  # fmt: skip
        return fields | ({"media": self.media} if self.media else {})


def build_example(
    kind: str, text: str = "", *, name: str = "", fields: Mapping[str, Any] | None = None
) -> ExampleMessage:
    """Return a message of a kind: `text` is its words or caption, `name` that of a place, card or file.

    `fields` are the answers of a form.
    """
    if kind in MIMES:
        return _build_file(kind, text if kind in _CAPTIONED else "", name)
    if kind == "location":
        body: Any = {**_PLACE, "name": name or _PLACE_NAME}
        return ExampleMessage(kind, "", {"type": kind, kind: body})
    if kind == "contacts":
        card = {"name": {"formatted_name": name}, "phones": [{"phone": _CARD_NUMBER, "type": "CELL"}]}
        return ExampleMessage(kind, "", {"type": kind, kind: [card]})
    if kind == "order":
        body = {"catalog_id": "1", "text": text, "product_items": [dict(_ORDER_ITEM)]}
        return ExampleMessage(kind, text, {"type": kind, kind: body})
    if kind == "flow":
        reply = {"name": "flow", "body": _FORM_BODY, "response_json": json.dumps(dict(fields or {}))}
        payload = {"type": "interactive", "interactive": {"type": "nfm_reply", "nfm_reply": reply}}
        return ExampleMessage(kind, _FORM_BODY, payload)
    return ExampleMessage("text", text, {"type": "text", "text": {"body": text}})


def build_example_of(kind: str, text: str) -> ExampleMessage:
    """Return the message of a kind from the one text that was typed for it on a phone.

    The text is the name of a place or card, the answers of a form, or else the words or the caption; that of a document
    is its name when it looks like one.
    """
    if kind in NAMED_KINDS and (kind != "document" or is_file_name(text)):
        return build_example(kind, name=text)
    return build_example(kind, fields=parse_answers(text)) if kind == "flow" else build_example(kind, text)


def is_file_name(text: str) -> bool:
    """Tell whether a text looks like the name of a file, as report.pdf does."""
    return _FILE_NAME_FORM.fullmatch(text.strip()) is not None


def parse_answers(text: str) -> dict[str, Any]:
    """Return the answers of a form as they are typed: a JSON object, or “name: value” with a line or ; between."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict):
        return given
    pairs = [part.partition(":") for part in _ANSWER_END.split(text) if part.strip()]
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def build_choice_fields(kind: str, choice_id: str, title: str) -> dict[str, Any]:
    """Return the fields of the turn of a pressed button or a chosen row; `kind`: button | list."""
    return {
        "kind": kind,
        "text": choice_id or title,
        "choice_id": choice_id,
        "choice_title": title,
        "data": build_message_data(build_choice_payload(kind, choice_id, title)),
    }


def build_choice_payload(kind: str, choice_id: str, title: str) -> dict[str, Any]:
    """Return the payload of a pressed button or a chosen row."""
    name = f"{kind}_reply"
    reply = {"id": choice_id, "title": title}
    return {"type": "interactive", "interactive": {"type": name, name: reply}}


def _build_file(kind: str, caption: str, name: str) -> ExampleMessage:
    file: dict[str, Any] = {"id": _FILE_ID, "mime_type": MIMES[kind]}
    if caption:
        file["caption"] = caption
    if kind == "audio":
        file["voice"] = True
    if kind == "document":
        file["filename"] = name or _FILE_NAME
    if kind == "sticker":
        file["animated"] = False
    return ExampleMessage(kind, caption, {"type": kind, kind: file})
