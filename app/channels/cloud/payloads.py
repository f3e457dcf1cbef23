"""Request bodies of POST /messages from content (specs: whatsapp A9)."""

from collections.abc import Callable, Mapping
from typing import Any

from app.channels.content import (
    Buttons,
    Card,
    Contacts,
    CtaUrl,
    File,
    Flow,
    Interactive,
    ListMessage,
    Location,
    LocationRequest,
    MediaHeader,
    Reaction,
    Template,
    Text,
    parse_content,
)
from app.channels.contract import OutboundMessage, Person
from app.signals import DomainError

_MARGINS = {"kind", "body", "header", "footer"}


class NoAddressError(DomainError):
    """A message to somebody whose number and user id are both unknown."""

    code = "no_address"


def build_payload(outbound: OutboundMessage) -> dict[str, Any]:
    """Return the request body; raises ContentError beyond a limit, NoAddressError without a person."""
    content = parse_content(outbound.content)
    name, value = _BODIES[content.kind](content)
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        **_address(outbound.person, outbound.group_id),
        "type": name,
        name: value,
        "biz_opaque_callback_data": outbound.key,
    }
    if outbound.quoted_id and not isinstance(content, Reaction):
        body["context"] = {"message_id": outbound.quoted_id}
    return body


def build_read_mark(message_id: str, *, is_typing: bool) -> dict[str, Any]:
    """Return the request body that marks a message as read; with `is_typing` it shows the indicator for 25 s."""
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
    return {**body, "typing_indicator": {"type": "text"}} if is_typing else body


def _address(person: Person, group_id: str | None) -> dict[str, str]:
    if group_id:
        return {"recipient_type": "group", "to": group_id}
    if person.phone:
        return {"recipient_type": "individual", "to": person.phone}
    if person.user_id:
        return {"recipient_type": "individual", "recipient": person.user_id}
    raise NoAddressError("Neither the number nor the user id of this person is known: wait until they write.")


def _text(content: Text) -> tuple[str, Any]:
    return "text", {"body": content.text, "preview_url": content.preview_url}


def _source(file: File) -> dict[str, str]:
    return {"id": file.media_id} if file.media_id else {"link": file.link or ""}


def _file(content: Any) -> tuple[str, Any]:
    more = content.model_dump(exclude_defaults=True, exclude={"kind", "media_id", "link"})
    return content.kind, {**_source(content), **more}


def _location(content: Location) -> tuple[str, Any]:
    return "location", content.model_dump(exclude_none=True, exclude={"kind"})


def _contacts(content: Contacts) -> tuple[str, Any]:
    return "contacts", [_card(card) for card in content.contacts]


def _card(card: Card) -> dict[str, Any]:
    data = card.model_dump(exclude_defaults=True)
    # WhatsApp refuses a name that has its formatted form only.
    if len(data["name"]) == 1:
        data["name"]["first_name"] = card.name.formatted_name
    return data


def _reaction(content: Reaction) -> tuple[str, Any]:
    return "reaction", {"message_id": content.message_id, "emoji": content.emoji}


def _interactive(
    name: str, content: Interactive | ListMessage | LocationRequest, action: Mapping[str, Any]
) -> tuple[str, Any]:
    value: dict[str, Any] = {"type": name, "body": {"text": content.body}, "action": action}
    if not isinstance(content, LocationRequest):
        if content.header is not None:
            value["header"] = _header(content.header)
        if content.footer is not None:
            value["footer"] = {"text": content.footer}
    return "interactive", value


def _header(header: str | MediaHeader) -> dict[str, Any]:
    if isinstance(header, str):
        return {"type": "text", "text": header}
    return {"type": header.kind, header.kind: _source(header)}


def _buttons(content: Buttons) -> tuple[str, Any]:
    buttons = [{"type": "reply", "reply": {"id": b.id, "title": b.title}} for b in content.buttons]
    return _interactive("button", content, {"buttons": buttons})


def _list(content: ListMessage) -> tuple[str, Any]:
    sections = [section.model_dump(exclude_none=True) for section in content.sections]
    return _interactive("list", content, {"button": content.button, "sections": sections})


def _cta_url(content: CtaUrl) -> tuple[str, Any]:
    parameters = {"display_text": content.display_text, "url": content.url}
    return _interactive("cta_url", content, {"name": "cta_url", "parameters": parameters})


def _location_request(content: LocationRequest) -> tuple[str, Any]:
    return _interactive("location_request_message", content, {"name": "send_location"})


def _flow(content: Flow) -> tuple[str, Any]:
    parameters = {
        "flow_message_version": "3",
        **content.model_dump(exclude_none=True, exclude=_MARGINS),
    }
    return _interactive("flow", content, {"name": "flow", "parameters": parameters})


def _template(content: Template) -> tuple[str, Any]:
    language = {"code": content.language, **({"policy": content.policy} if content.policy else {})}
    components = [part.model_dump(exclude_defaults=True) for part in content.components]
    value = {"name": content.name, "language": language}
    return "template", value | {"components": components} if components else value


_BODIES: Mapping[str, Callable[[Any], tuple[str, Any]]] = {
    "text": _text,
    "image": _file,
    "video": _file,
    "audio": _file,
    "document": _file,
    "sticker": _file,
    "location": _location,
    "contacts": _contacts,
    "reaction": _reaction,
    "buttons": _buttons,
    "list": _list,
    "cta_url": _cta_url,
    "location_request": _location_request,
    "flow": _flow,
    "template": _template,
}
