"""What a message means to a bot: its kind, its text, whether it is answered (specs: whatsapp A5)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.bot.channels.cloud.tolerant import ident, mapping, words

MAX_ID = 255


@dataclass(frozen=True, slots=True)
class Reading:
    """The channel-neutral meaning of one message object."""

    kind: str
    text: str = ""
    triggers: bool = True
    quoted_id: str | None = None
    edits: str | None = None
    revokes: str | None = None


# Kept and never answered: what Meta cannot show, types of the future, known types without their body.
UNSUPPORTED = Reading("unsupported", triggers=False)


def read(message: Mapping[str, Any]) -> Reading:
    """Return what a message object means; unknown or broken ones are unsupported."""
    name = message.get("type")
    if name == "text":
        return _text(message.get("text"))
    reader = _READERS.get(name) if isinstance(name, str) else None
    return reader(message) if reader else UNSUPPORTED


def _text(body: object) -> Reading:
    text = body.get("body") if isinstance(body, dict) else None
    return Reading("text", words(text)) if isinstance(text, str) else UNSUPPORTED


def _file(name: str, kind: str) -> Callable[[Mapping[str, Any]], Reading]:
    def reader(message: Mapping[str, Any]) -> Reading:
        body = message.get(name)
        if isinstance(body, dict):
            return Reading(kind, words(body.get("caption")))
        # Meta could not fetch the file: there is a message, but no media (specs: whatsapp A5, errors).
        return Reading(kind) if message.get("errors") else UNSUPPORTED

    return reader


def _bare(name: str, shape: type) -> Callable[[Mapping[str, Any]], Reading]:
    return lambda message: Reading(name) if isinstance(message.get(name), shape) else UNSUPPORTED


def _interactive(message: Mapping[str, Any]) -> Reading:
    body = mapping(message.get("interactive"))
    name = body.get("type")
    answer = body.get(name) if isinstance(name, str) else None
    if not isinstance(answer, dict):
        return UNSUPPORTED
    if name in {"button_reply", "list_reply"}:
        kind = "button" if name == "button_reply" else "list"
        return Reading(kind, words(answer.get("id")) or words(answer.get("title")))
    if name == "nfm_reply":
        return Reading("flow", words(answer.get("body")))
    if name == "call_permission_reply":
        return Reading("call_permission", triggers=False)
    return UNSUPPORTED


def _template_button(message: Mapping[str, Any]) -> Reading:
    body = message.get("button")
    if not isinstance(body, dict):
        return UNSUPPORTED
    return Reading("button", words(body.get("payload")) or words(body.get("text")))


def _reaction(message: Mapping[str, Any]) -> Reading:
    body = mapping(message.get("reaction"))
    target = ident(body.get("message_id"), MAX_ID)
    if target is None:
        return UNSUPPORTED
    return Reading("reaction", words(body.get("emoji")), triggers=False, quoted_id=target)


def _order(message: Mapping[str, Any]) -> Reading:
    body = message.get("order")
    return Reading("order", words(body.get("text"))) if isinstance(body, dict) else UNSUPPORTED


def _system(message: Mapping[str, Any]) -> Reading:
    return Reading("system", words(mapping(message.get("system")).get("body")), triggers=False)


def _edit(message: Mapping[str, Any]) -> Reading:
    body = mapping(message.get("edit"))
    target = ident(body.get("original_message_id"), MAX_ID)
    changed = mapping(body.get("message"))
    if target is None or changed.get("type") == "edit":
        return UNSUPPORTED
    return Reading("edit", read(changed).text, triggers=False, edits=target)


def _revoke(message: Mapping[str, Any]) -> Reading:
    target = ident(mapping(message.get("revoke")).get("original_message_id"), MAX_ID)
    return Reading("revoke", triggers=False, revokes=target) if target else UNSUPPORTED


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Reading]] = {
    "image": _file("image", "image"),
    "video": _file("video", "video"),
    "audio": _file("audio", "audio"),
    "voice": _file("voice", "audio"),
    "document": _file("document", "document"),
    "sticker": _file("sticker", "sticker"),
    "location": _bare("location", dict),
    "contacts": _bare("contacts", list),
    "interactive": _interactive,
    "button": _template_button,
    "reaction": _reaction,
    "order": _order,
    "system": _system,
    "edit": _edit,
    "revoke": _revoke,
    "request_welcome": lambda _message: Reading("welcome"),
}
