"""What a person may do on a phone besides writing and pressing, as messages of the simulator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.channels.contract import InboundMessage
from app.channels.simulator.channel import Envelope, build_message


@dataclass(frozen=True)
class ShapedMessage:
    """Kind and text of a message, and its payload in the Cloud API's shape."""

    kind: str
    text: str
    payload: Mapping[str, Any]


def build_image(envelope: Envelope, media_id: str, mime: str, caption: str = "") -> InboundMessage:
    """Return a picture; `media_id` names a file of ours, not of Meta."""
    file = {"id": media_id, "mime_type": mime} | ({"caption": caption} if caption else {})
    return build_message(envelope, ShapedMessage("image", caption, {"type": "image", "image": file}))


def build_audio(envelope: Envelope, media_id: str, mime: str) -> InboundMessage:
    """Return a voice note; `media_id` names a file of ours, not of Meta."""
    file = {"id": media_id, "mime_type": mime, "voice": True}
    return build_message(envelope, ShapedMessage("audio", "", {"type": "audio", "audio": file}))


def build_location(envelope: Envelope, latitude: float, longitude: float, name: str) -> InboundMessage:
    """Return a place, in degrees."""
    place = {"latitude": latitude, "longitude": longitude, "name": name}
    return build_message(envelope, ShapedMessage("location", "", {"type": "location", "location": place}))


def build_reaction(envelope: Envelope, emoji: str) -> InboundMessage:
    """Return an emoji on the quoted message; an empty one takes it away, and nothing is answered."""
    body = {"message_id": envelope.quoted_id, "emoji": emoji}
    message = ShapedMessage("reaction", emoji, {"type": "reaction", "reaction": body})
    return replace(build_message(envelope, message), is_trigger=False)
