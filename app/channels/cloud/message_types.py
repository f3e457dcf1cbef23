"""Inbound message types: kind and text of each, which trigger a brain, unsupported ones (specs: whatsapp A5)."""

from collections.abc import Callable, Mapping
from typing import Any

from app.channels.content.tolerant import to_dict, to_identifier, to_text
from app.immutable import immutable

MAX_ID = 255


@immutable
class ParsedMessage:
    """A message object in channel-neutral form."""

    kind: str
    text: str = ""
    is_trigger: bool = True
    quoted_id: str | None = None
    edited_id: str | None = None
    revoked_id: str | None = None


# Kept and never answered: what Meta cannot show, types of the future, known types without their body.
UNSUPPORTED = ParsedMessage("unsupported", is_trigger=False)


def parse_message(message: Mapping[str, Any]) -> ParsedMessage:
    """Return what a message object means; unknown or broken ones are unsupported."""
    name = message.get("type")
    if name == "text":
        return _read_text(message.get("text"))
    reader = _READERS.get(name) if isinstance(name, str) else None
    return reader(message) if reader else UNSUPPORTED


def _read_text(body: object) -> ParsedMessage:
    text = body.get("body") if isinstance(body, dict) else None
    return ParsedMessage("text", to_text(text)) if isinstance(text, str) else UNSUPPORTED


def _build_file_reader(name: str, kind: str) -> Callable[[Mapping[str, Any]], ParsedMessage]:
    def reader(message: Mapping[str, Any]) -> ParsedMessage:
        body = message.get(name)
        if isinstance(body, dict):
            return ParsedMessage(kind, to_text(body.get("caption")))
        # Meta could not fetch the file: there is a message, but no media (specs: whatsapp A5, errors).
        return ParsedMessage(kind) if message.get("errors") else UNSUPPORTED

    return reader


def _build_bare_reader(name: str, shape: type) -> Callable[[Mapping[str, Any]], ParsedMessage]:
    return lambda message: ParsedMessage(name) if isinstance(message.get(name), shape) else UNSUPPORTED


def _read_interactive(message: Mapping[str, Any]) -> ParsedMessage:
    body = to_dict(message.get("interactive"))
    name = body.get("type")
    answer = body.get(name) if isinstance(name, str) else None
    if not isinstance(answer, dict):
        return UNSUPPORTED
    if name in {"button_reply", "list_reply"}:
        kind = "button" if name == "button_reply" else "list"
        return ParsedMessage(kind, to_text(answer.get("id")) or to_text(answer.get("title")))
    if name == "nfm_reply":
        return ParsedMessage("flow", to_text(answer.get("body")))
    if name == "call_permission_reply":
        return ParsedMessage("call_permission", is_trigger=False)
    return UNSUPPORTED


def _read_template_button(message: Mapping[str, Any]) -> ParsedMessage:
    body = message.get("button")
    if not isinstance(body, dict):
        return UNSUPPORTED
    return ParsedMessage("button", to_text(body.get("payload")) or to_text(body.get("text")))


def _read_reaction(message: Mapping[str, Any]) -> ParsedMessage:
    body = to_dict(message.get("reaction"))
    target = to_identifier(body.get("message_id"), MAX_ID)
    if target is None:
        return UNSUPPORTED
    return ParsedMessage("reaction", to_text(body.get("emoji")), is_trigger=False, quoted_id=target)


def _read_order(message: Mapping[str, Any]) -> ParsedMessage:
    body = message.get("order")
    return ParsedMessage("order", to_text(body.get("text"))) if isinstance(body, dict) else UNSUPPORTED


def _read_system(message: Mapping[str, Any]) -> ParsedMessage:
    return ParsedMessage("system", to_text(to_dict(message.get("system")).get("body")), is_trigger=False)


def _read_edit(message: Mapping[str, Any]) -> ParsedMessage:
    body = to_dict(message.get("edit"))
    target = to_identifier(body.get("original_message_id"), MAX_ID)
    changed = to_dict(body.get("message"))
    if target is None or changed.get("type") == "edit":
        return UNSUPPORTED
    return ParsedMessage("edit", parse_message(changed).text, is_trigger=False, edited_id=target)


def _read_revoke(message: Mapping[str, Any]) -> ParsedMessage:
    target = to_identifier(to_dict(message.get("revoke")).get("original_message_id"), MAX_ID)
    return ParsedMessage("revoke", is_trigger=False, revoked_id=target) if target else UNSUPPORTED


_READERS: Mapping[str, Callable[[Mapping[str, Any]], ParsedMessage]] = {
    "image": _build_file_reader("image", "image"),
    "video": _build_file_reader("video", "video"),
    "audio": _build_file_reader("audio", "audio"),
    "voice": _build_file_reader("voice", "audio"),
    "document": _build_file_reader("document", "document"),
    "sticker": _build_file_reader("sticker", "sticker"),
    "location": _build_bare_reader("location", dict),
    "contacts": _build_bare_reader("contacts", list),
    "interactive": _read_interactive,
    "button": _read_template_button,
    "reaction": _read_reaction,
    "order": _read_order,
    "system": _read_system,
    "edit": _read_edit,
    "revoke": _read_revoke,
    "request_welcome": lambda _message: ParsedMessage("welcome"),
}
