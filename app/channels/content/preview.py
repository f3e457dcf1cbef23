"""Preview text of an outbound message in bubbles and in the chat list, by kind of content."""

from collections.abc import Callable, Mapping
from typing import Any


def render_preview(content: Mapping[str, Any]) -> str:
    """Return the text a chat shows for `content` (a dump of Content); never empty, never fails."""
    kind = content.get("kind")
    say = _RENDERERS.get(kind) if isinstance(kind, str) else None
    return (say(content) if say else "") or "Message"


def _read_field(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""


def _build_field_renderer(name: str, otherwise: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda content: _read_field(content, name) or otherwise


def _build_titled_renderer(title: str, name: str) -> Callable[[Mapping[str, Any]], str]:
    def say(content: Mapping[str, Any]) -> str:
        value = _read_field(content, name)
        return f"{title}: {value}" if value else title

    return say


def _render_audio(content: Mapping[str, Any]) -> str:
    return "Voice note" if content.get("voice") else "Audio"


def _render_document(content: Mapping[str, Any]) -> str:
    return _read_field(content, "caption") or _build_titled_renderer("Document", "filename")(content)


def _render_contacts(content: Mapping[str, Any]) -> str:
    cards = content.get("contacts")
    entries = (
        [card.get("name") for card in cards if isinstance(card, Mapping)] if isinstance(cards, list) else []
    )
    names = [_read_field(name, "formatted_name") for name in entries if isinstance(name, Mapping)]
    return f"Contact: {', '.join(filter(None, names))}" if any(names) else "Contact"


def _render_reaction(content: Mapping[str, Any]) -> str:
    emoji = _read_field(content, "emoji")
    return f"Reacted {emoji}" if emoji else "Took a reaction back"


_RENDERERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "text": _build_field_renderer("text", ""),
    "image": _build_field_renderer("caption", "Image"),
    "video": _build_field_renderer("caption", "Video"),
    "audio": _render_audio,
    "document": _render_document,
    "sticker": _build_field_renderer("", "Sticker"),
    "location": _build_titled_renderer("Location", "name"),
    "contacts": _render_contacts,
    "reaction": _render_reaction,
    "buttons": _build_field_renderer("body", "Buttons"),
    "list": _build_field_renderer("body", "List"),
    "cta_url": _build_field_renderer("body", "Link"),
    "location_request": _build_field_renderer("body", "Request for a location"),
    "flow": _build_field_renderer("body", "Form"),
    "template": _build_titled_renderer("Template", "name"),
}
