"""Approved templates as forms: their fields, preview and content; cache time of the list."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import aiohttp
from pydantic import BaseModel

from app.channels.content import parse_content
from app.channels.contract import Channel, MessageTemplate
from app.immutable import immutable
from app.signals import DomainError

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,60})\s*\}\}")
_MEDIA_KINDS = {"IMAGE": "image", "VIDEO": "video", "DOCUMENT": "document"}
_PLACE_LABELS = {
    "latitude": "Place: latitude in degrees",
    "longitude": "Place: longitude in degrees",
    "name": "Place: name",
    "address": "Place: address",
}
_DEGREES = {"latitude": 90, "longitude": 180}
_LINK = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d{1,3}(\.\d{1,20})?")
_REFUSED = re.compile(r"[\n\r\t\v\f\x85\u2028\u2029]| {5}")
_KNOWN_PARTS = {"HEADER", "BODY", "FOOTER", "BUTTONS"}
_KNOWN_HEADERS = {"TEXT", "LOCATION", *_MEDIA_KINDS}
_KNOWN_BUTTONS = {"QUICK_REPLY", "URL", "PHONE_NUMBER", "COPY_CODE", "VOICE_CALL"}
# How long a list of templates is believed (ms).
CACHE_TTL_MS = 10 * 60_000
MAX_VALUE_LENGTH = 1024
# Characters of a value in the header's text, and of a code to copy.
_SHORT_LENGTHS = {("header", "text"): 60, ("button", "coupon_code"): 20}


class TemplateFormError(DomainError):
    """A template that cannot be sent as filled in."""

    code = "template"


@immutable
class TemplateField:
    """A value to fill in; `part`: header | body | button, `place` its name or number there."""

    name: str
    label: str
    part: str
    placeholder: str
    kind: str = "text"
    index: int = 0


@immutable
class FillableTemplate:
    """An approved template with the fields to be filled in."""

    source: MessageTemplate
    header: str
    body: str
    footer: str
    buttons: Sequence[str]
    fields: Sequence[TemplateField]
    # The part that the form cannot ask for; such a template is named, and cannot be sent from here.
    unknown_part: str = ""

    @property
    def id(self) -> str:
        """Name and language in one word."""
        return f"{self.source.name}/{self.source.language}"


def parse_template(form: MessageTemplate) -> FillableTemplate:
    """Read a template's components."""
    parts = {str(each.get("type", "")).upper(): each for each in form.components}
    header, body = parts.get("HEADER", {}), parts.get("BODY", {})
    buttons = [each for each in parts.get("BUTTONS", {}).get("buttons", ()) if isinstance(each, Mapping)]
    fields = [
        *_header_fields(header),
        *(_field("body", place) for place in _find_placeholders(_text(body))),
        *(field for n, each in enumerate(buttons) for field in _button_fields(n, each)),
    ]
    footer, titles = _text(parts.get("FOOTER", {})), [_text(each) for each in buttons]
    return FillableTemplate(form, _text(header), _text(body), footer, titles, fields, find_unknown_part(form))


def fill(shape: FillableTemplate, values: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return the content and the words of a filled-in template; raises TemplateFormError or ContentError."""
    if shape.unknown_part:
        raise TemplateFormError(f"This template cannot be sent from here: it has {shape.unknown_part}.")
    given = {field.name: values.get(field.name, "").strip() for field in shape.fields}
    missing = next((field for field in shape.fields if not given[field.name]), None)
    if missing:
        raise TemplateFormError(
            f"Fill in “{missing.label}”: WhatsApp refuses a template with an empty placeholder."
        )
    for field in shape.fields:
        _check_value(field, given[field.name])
    content = {
        "kind": "template",
        "name": shape.source.name,
        "language": shape.source.language,
        "components": _components(shape, given),
    }
    return parse_content(content).model_dump(exclude_none=True), render_text(shape, given)


def _check_value(field: TemplateField, value: str) -> None:
    """Refuse what WhatsApp is known to refuse; raises TemplateFormError."""
    longest = _SHORT_LENGTHS.get((field.part, field.kind), MAX_VALUE_LENGTH)
    if len(value) > longest:
        raise TemplateFormError(
            f"“{field.label}” is too long: at most {longest} characters, it has {len(value)}."
        )
    if field.placeholder == "link" and field.kind in _MEDIA_KINDS.values() and not _LINK.match(value):
        raise TemplateFormError(f"“{field.label}” has to be a web address that begins with https://.")
    if _REFUSED.search(value):
        raise TemplateFormError(
            f"Write “{field.label}” in one line: WhatsApp refuses new lines, tabs and more than four spaces in a row."
        )
    if field.placeholder in _DEGREES and field.kind == "location":
        most = _DEGREES[field.placeholder]
        if not _NUMBER.fullmatch(value) or abs(float(value)) > most:
            raise TemplateFormError(
                f"“{field.label}” has to be a number from -{most} to {most}, such as 5.6037."
            )


def find_unknown_part(form: MessageTemplate) -> str:
    """Return the part of a template that the form cannot ask for, in words; empty when it asks for all of them."""
    for component in form.components:
        kind, header = str(component.get("type", "")).upper(), str(component.get("format", "TEXT")).upper()
        if kind not in _KNOWN_PARTS:
            return f"a part of the kind {_format_kind(kind)}"
        if kind == "HEADER" and header not in _KNOWN_HEADERS:
            return f"a header of the kind {_format_kind(header)}"
        buttons = component.get("buttons", ())
        kinds = [str(each.get("type", "")).upper() for each in buttons if isinstance(each, Mapping)]
        unknown = next((each for each in kinds if each not in _KNOWN_BUTTONS), None)
        if unknown is not None:
            return f"a button of the kind {_format_kind(unknown)}"
    return ""


def _format_kind(kind: str) -> str:
    return f"“{kind.replace('_', ' ').lower()[:40] or 'unknown'}”"


def render_text(shape: FillableTemplate, given: Mapping[str, str]) -> str:
    """Return what the person will read; places without a value stay as they are."""
    parts = [
        _fill_placeholders("header", shape.header, given),
        _fill_placeholders("body", shape.body, given),
        shape.footer,
    ]
    return "\n".join(part for part in parts if part)


def _components(shape: FillableTemplate, given: Mapping[str, str]) -> list[dict[str, Any]]:
    found: dict[tuple[str, int], list[TemplateField]] = {}
    for field in shape.fields:
        found.setdefault((field.part, field.index), []).append(field)
    components = []
    for (part, index), fields in found.items():
        component: dict[str, Any] = {"type": part, "parameters": _build_parameters(fields, given)}
        if part == "button":
            component |= {
                "sub_type": "copy_code" if fields[0].kind == "coupon_code" else "url",
                "index": index,
            }
        components.append(component)
    return components


def _build_parameters(fields: Sequence[TemplateField], given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the parameters of one part; the fields of a header's file or place make one."""
    kind = fields[0].kind
    if kind == "text":
        return [_build_text(field, given[field.name]) for field in fields]
    if kind == "coupon_code":
        return [{"type": kind, kind: given[fields[0].name]}]
    return [{"type": kind, kind: {field.placeholder: given[field.name] for field in fields}}]


def _build_text(field: TemplateField, value: str) -> dict[str, Any]:
    named = (
        {} if field.placeholder.isdigit() or field.part == "button" else {"parameter_name": field.placeholder}
    )
    return {"type": "text", **named, "text": value}


def _header_fields(header: Mapping[str, Any]) -> list[TemplateField]:
    form = str(header.get("format", "")).upper()
    kind = _MEDIA_KINDS.get(form)
    if form == "LOCATION":
        return [
            TemplateField(f"header-{name}", label, "header", name, "location")
            for name, label in _PLACE_LABELS.items()
        ]
    if kind:
        link = TemplateField("header", f"URL of the header {kind} (https://…)", "header", "link", kind)
        name = TemplateField("header-filename", "File name, as people see it", "header", "filename", kind)
        return [link, name] if kind == "document" else [link]
    return [_field("header", place) for place in _find_placeholders(_text(header))]


def _button_fields(index: int, button: Mapping[str, Any]) -> list[TemplateField]:
    url = button.get("url")
    places = _find_placeholders(url) if isinstance(url, str) else []
    if str(button.get("type", "")).upper() == "COPY_CODE":
        code = f"Code to copy by “{_text(button) or 'Copy code'}”"
        return [TemplateField(f"button-{index}", code, "button", "", "coupon_code", index)]
    label = f"URL suffix of “{_text(button)}”"
    return [TemplateField(f"button-{index}", label, "button", place, index=index) for place in places[:1]]


def _field(part: str, place: str) -> TemplateField:
    where = "Header" if part == "header" else "Body"
    label = f"{where} {{{{{place}}}}}" if place.isdigit() else place.replace("_", " ").capitalize()
    return TemplateField(f"{part}-{place}", label, part, place)


def _fill_placeholders(part: str, text: str, given: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: given.get(f"{part}-{found[1]}") or found[0], text)


def _find_placeholders(text: str) -> list[str]:
    """Return the placeholders in the order of their values: numbered ones by number, named ones as they come."""
    found = list(dict.fromkeys(_PLACEHOLDER.findall(text)))
    return sorted(found, key=int) if all(each.isdecimal() for each in found) else found


def _text(component: Mapping[str, Any]) -> str:
    text = component.get("text")
    return text if isinstance(text, str) else ""


class TemplateCache:
    """The templates of each connection, refreshed now and then; `clock` in ms."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._cache: dict[int, tuple[int, BaseModel, list[FillableTemplate]]] = {}

    async def _fetch(self, channel: Channel, config: BaseModel) -> list[FillableTemplate]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            return [parse_template(form) for form in await channel.list_templates(http, config)]

    def get_templates(
        self, connection_id: int, channel: Channel, config: BaseModel, *, refresh: bool = False
    ) -> list[FillableTemplate]:
        """Return the templates of a connection; raises DomainError when they cannot be had."""
        now = self._clock()
        known = self._cache.get(connection_id)
        if known and not refresh and now - known[0] < CACHE_TTL_MS and known[1] == config:
            return known[2]
        shapes = asyncio.run(self._fetch(channel, config))
        self._cache[connection_id] = now, config, shapes
        return shapes
