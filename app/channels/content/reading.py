"""Validation of content from plain data, with error texts for operators."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from app.channels.content.interactive import (
    Buttons,
    CtaUrl,
    Flow,
    ListMessage,
    LocationRequest,
    MediaHeader,
    Template,
)
from app.channels.content.plain import (
    MAX_TEXT,
    Audio,
    Contacts,
    Document,
    Image,
    Location,
    Reaction,
    Sticker,
    Text,
    Video,
)
from app.signals import DomainError
from app.text import to_storable

PlainContent = Text | Image | Video | Audio | Document | Sticker | Location | Contacts | Reaction
InteractiveContent = Buttons | ListMessage | CtaUrl | LocationRequest | Flow | Template
Content = Annotated[PlainContent | InteractiveContent, Field(discriminator="kind")]

# WhatsApp previews links that begin so, and no bare names of hosts.
_LINK = re.compile(r"(?<!\w)https?://[^\s/?#]", re.IGNORECASE)
_ADAPTER: TypeAdapter[PlainContent | InteractiveContent] = TypeAdapter(Content)


class ContentError(DomainError):
    """A message WhatsApp would not take; the text names the part and its limit."""

    code = "content"


def parse_content(data: Mapping[str, Any]) -> PlainContent | InteractiveContent:
    """Check `data` against the limits of its kind; raises ContentError with the first thing to put right."""
    try:
        return _ADAPTER.validate_python(data)
    except ValidationError as error:
        raise ContentError(_build_sentence(error.errors(include_url=False))) from None


def build_text_content(text: str, *, link_preview: bool = False) -> dict[str, Any]:
    """Return the content of a plain text; raises ContentError unless it has 1 to 4096 characters.

    With `link_preview` WhatsApp shows a card of its first link, where it has one.
    """
    if 0 < len(text) <= MAX_TEXT:
        preview_url = link_preview and _LINK.search(text) is not None
        return {"kind": "text", "text": to_storable(text), "preview_url": preview_url}
    if not text:
        raise ContentError("The text is empty: give it at least one character.")
    raise ContentError(
        f"The text is too long: at most {MAX_TEXT} characters, it has {len(text)}. Send several messages."
    )


def build_reply_content(
    text: str,
    buttons: Sequence[str | Mapping[str, str]] = (),
    *,
    menu: Mapping[str, Any] | None = None,
    margins: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a reply's content; a button given as a text comes back as that. Raises ContentError.

    `menu` has the `button` and `sections` of a list; `margins` may hold `header` and `footer`, which need either.
    """
    around = {name: words for name, words in (margins or {}).items() if words}
    if menu is not None:
        return _dump_valid({"kind": "list", "body": text, **menu, **around})
    if buttons:
        choices = [{"id": each, "title": each} if isinstance(each, str) else each for each in buttons]
        return _dump_valid({"kind": "buttons", "body": text, "buttons": choices, **around})
    if around:
        raise ContentError("A header or a footer needs buttons or a list: put it into the text instead.")
    return build_text_content(text)


def _dump_valid(data: Mapping[str, Any]) -> dict[str, Any]:
    return parse_content(data).model_dump(exclude_none=True)


def _build_sentence(problems: Sequence[ErrorDetails]) -> str:
    # Of a header's two forms (text or file) the other one's "should be a string" would only confuse.
    problem = next((p for p in problems if p["type"] not in {"string_type", "model_type"}), problems[0])
    if problem["type"].startswith("union_tag"):
        return f"Unknown kind of message “{_read_kind(problem['input'])}”."
    say = _SENTENCES.get(problem["type"], _describe_other)
    return say(_format_part(problem["loc"]), problem.get("ctx", {}), problem)


def _read_kind(data: object) -> str:
    return str(data.get("kind", ""))[:40] if isinstance(data, Mapping) else ""


def _format_part(path: tuple[int | str, ...]) -> str:
    # The first step is the kind; pydantic also names types; places in a list are said as people count.
    labels: list[str] = []
    for step in path[1:]:
        if isinstance(step, int):
            labels[-1:] = [f"{labels[-1] if labels else 'part'} {step + 1}"]
        elif step.isidentifier() and step != MediaHeader.__name__:
            labels.append(step)
    return "The " + " of ".join(reversed(labels)) if labels else "This message"


def _describe_other(part: str, _context: Mapping[str, Any], problem: ErrorDetails) -> str:
    return f"{part} {problem['msg'].removeprefix('Input ')}."


def _describe_value_error(part: str, context: Mapping[str, Any], _problem: ErrorDetails) -> str:
    return f"{part} {context['error']}."


def _describe_too_long(part: str, context: Mapping[str, Any], problem: ErrorDetails) -> str:
    return f"{part} is too long: at most {context['max_length']} characters, it has {len(problem['input'])}."


def _describe_too_many(part: str, context: Mapping[str, Any], _problem: ErrorDetails) -> str:
    return f"{part} are too many: at most {context['max_length']}, there are {context['actual_length']}."


_SENTENCES: dict[str, Callable[[str, Mapping[str, Any], ErrorDetails], str]] = {
    "missing": lambda part, *_: f"{part} is missing.",
    "string_too_short": lambda part, *_: f"{part} is empty.",
    "string_too_long": _describe_too_long,
    "too_short": lambda part, *_: f"{part} need at least one entry.",
    "too_long": _describe_too_many,
    "extra_forbidden": lambda part, *_: f"{part} is not known here: remove it or correct its name.",
    "value_error": _describe_value_error,
}
