"""Approved templates as forms: which values they need, what they will say, and the content that is sent."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from pydantic import BaseModel

from app.bot.channels.contract import Channel, TemplateForm
from app.bot.content import parse_content
from app.signals import DomainError

_PLACE = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,60})\s*\}\}")
_FILES = {"IMAGE": "image", "VIDEO": "video", "DOCUMENT": "document"}
# How long a list of templates is believed (ms).
FRESH = 10 * 60_000
MAX_VALUE = 1024


class TemplateRefused(DomainError):
    """A template that cannot be sent as filled in."""

    code = "template"


@dataclass(frozen=True, slots=True)
class Field:
    """A value to fill in; `part`: header | body | button, `place` its name or number there."""

    name: str
    label: str
    part: str
    place: str
    kind: str = "text"
    index: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """A template as people see it."""

    form: TemplateForm
    header: str
    body: str
    footer: str
    buttons: Sequence[str]
    fields: Sequence[Field]

    @property
    def id(self) -> str:
        """Name and language in one word."""
        return f"{self.form.name}/{self.form.language}"


def shape_of(form: TemplateForm) -> Shape:
    """Read a template's components."""
    parts = {str(each.get("type", "")).upper(): each for each in form.components}
    header, body = parts.get("HEADER", {}), parts.get("BODY", {})
    buttons = [each for each in parts.get("BUTTONS", {}).get("buttons", ()) if isinstance(each, Mapping)]
    fields = [
        *_header_fields(header),
        *(_field("body", place) for place in _places(_text(body))),
        *(field for n, each in enumerate(buttons) for field in _button_fields(n, each)),
    ]
    return Shape(
        form, _text(header), _text(body), _text(parts.get("FOOTER", {})), [_text(b) for b in buttons], fields
    )


def fill(shape: Shape, values: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return the content and the words of a filled-in template; raises TemplateRefused or ContentError."""
    given = {field.name: values.get(field.name, "").strip()[:MAX_VALUE] for field in shape.fields}
    missing = next((field for field in shape.fields if not given[field.name]), None)
    if missing:
        raise TemplateRefused(f"Fill in “{missing.label}”: WhatsApp refuses a template with an empty place.")
    content = {
        "kind": "template",
        "name": shape.form.name,
        "language": shape.form.language,
        "components": _components(shape, given),
    }
    return parse_content(content).model_dump(exclude_none=True), wording(shape, given)


def wording(shape: Shape, given: Mapping[str, str]) -> str:
    """Return what the person will read; places without a value stay as they are."""
    parts = [_filled("header", shape.header, given), _filled("body", shape.body, given), shape.footer]
    return "\n".join(part for part in parts if part)


def _components(shape: Shape, given: Mapping[str, str]) -> list[dict[str, Any]]:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for field in shape.fields:
        part: dict[str, Any] = {"type": field.part, "parameters": []}
        if field.part == "button":
            part |= {"sub_type": "url", "index": field.index}
        component = found.setdefault((field.part, field.index), part)
        component["parameters"].append(_parameter(field, given[field.name]))
    return list(found.values())


def _parameter(field: Field, value: str) -> dict[str, Any]:
    if field.kind != "text":
        return {"type": field.kind, field.kind: {"link": value}}
    named = {} if field.place.isdigit() or field.part == "button" else {"parameter_name": field.place}
    return {"type": "text", **named, "text": value}


def _header_fields(header: Mapping[str, Any]) -> list[Field]:
    kind = _FILES.get(str(header.get("format", "")).upper())
    if kind:
        return [Field("header", f"Address of the {kind} above the text (https://…)", "header", "", kind)]
    return [_field("header", place) for place in _places(_text(header))]


def _button_fields(index: int, button: Mapping[str, Any]) -> list[Field]:
    url = button.get("url")
    places = _places(url) if isinstance(url, str) else []
    label = f"End of the address behind “{_text(button)}”"
    return [Field(f"button-{index}", label, "button", place, index=index) for place in places[:1]]


def _field(part: str, place: str) -> Field:
    where = "Heading" if part == "header" else "Text"
    label = f"{where}, place {place}" if place.isdigit() else place.replace("_", " ").capitalize()
    return Field(f"{part}-{place}", label, part, place)


def _filled(part: str, text: str, given: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: given.get(f"{part}-{found[1]}") or found[0], text)


def _places(text: str) -> list[str]:
    return list(dict.fromkeys(_PLACE.findall(text)))


def _text(component: Mapping[str, Any]) -> str:
    text = component.get("text")
    return text if isinstance(text, str) else ""


class Templates:
    """The templates of each connection, asked for once in a while; `clock` in ms."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._known: dict[int, tuple[int, BaseModel, list[Shape]]] = {}

    async def _ask(self, channel: Channel, config: BaseModel) -> list[Shape]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            return [shape_of(form) for form in await channel.templates(http, config)]

    def of(
        self, connection_id: int, channel: Channel, config: BaseModel, *, again: bool = False
    ) -> list[Shape]:
        """Return the templates of a connection; raises DomainError when they cannot be had."""
        now = self._clock()
        known = self._known.get(connection_id)
        if known and not again and now - known[0] < FRESH and known[1] == config:
            return known[2]
        shapes = asyncio.run(self._ask(channel, config))
        self._known[connection_id] = now, config, shapes
        return shapes
