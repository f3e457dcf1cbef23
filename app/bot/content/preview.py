"""The words that stand for a message in a bubble and in the list of chats."""

from collections.abc import Callable, Mapping
from typing import Any


def preview(content: Mapping[str, Any]) -> str:
    """Return the text a chat shows for `content` (a dump of Content); never empty, never fails."""
    kind = content.get("kind")
    say = _WORDS.get(kind) if isinstance(kind, str) else None
    return (say(content) if say else "") or "Message"


def _field(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""


def _or(name: str, otherwise: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda content: _field(content, name) or otherwise


def _after(title: str, name: str) -> Callable[[Mapping[str, Any]], str]:
    def say(content: Mapping[str, Any]) -> str:
        value = _field(content, name)
        return f"{title}: {value}" if value else title

    return say


def _audio(content: Mapping[str, Any]) -> str:
    return "Voice note" if content.get("voice") else "Audio"


def _document(content: Mapping[str, Any]) -> str:
    return _field(content, "caption") or _after("Document", "filename")(content)


def _contacts(content: Mapping[str, Any]) -> str:
    cards = content.get("contacts")
    entries = (
        [card.get("name") for card in cards if isinstance(card, Mapping)] if isinstance(cards, list) else []
    )
    names = [_field(name, "formatted_name") for name in entries if isinstance(name, Mapping)]
    return f"Contact: {', '.join(filter(None, names))}" if any(names) else "Contact"


def _reaction(content: Mapping[str, Any]) -> str:
    emoji = _field(content, "emoji")
    return f"Reacted {emoji}" if emoji else "Took a reaction back"


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "text": _or("text", ""),
    "image": _or("caption", "Image"),
    "video": _or("caption", "Video"),
    "audio": _audio,
    "document": _document,
    "sticker": _or("", "Sticker"),
    "location": _after("Location", "name"),
    "contacts": _contacts,
    "reaction": _reaction,
    "buttons": _or("body", "Buttons"),
    "list": _or("body", "List"),
    "cta_url": _or("body", "Link"),
    "location_request": _or("body", "Request for a location"),
    "flow": _or("body", "Form"),
    "template": _after("Template", "name"),
}
