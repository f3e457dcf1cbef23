"""Argument checks of `ctx.reply` and `ctx.send_...`, with errors at the script's own line."""

from __future__ import annotations

from .. import limits  # noqa: TID252  the package has another name in the child
from .language import LimitReachedError
from .plain import to_short_text
from .shapes import Record

TYPE_CHECKING = False  # typing.TYPE_CHECKING without the import
if TYPE_CHECKING:
    from typing import Any


def build_reply(text: Any, parts: dict[str, Any]) -> dict[str, Any]:
    """Return a reply's fields; raises TypeError, ValueError, LimitReachedError."""
    buttons, rows = parts["buttons"], parts["list"]
    if buttons is not None and rows is not None:
        raise ValueError("a reply has either buttons or a list; send two replies")
    limit = limits.REPLY_CHARS if buttons is None else limits.REPLY_CHARS_WITH_BUTTONS
    what = "The reply" if buttons is None else "The reply with buttons"
    built: dict[str, Any] = {"text": to_short_text(text, what, limit)}
    if buttons is not None:
        built["buttons"] = _buttons(buttons)
    if rows is not None:
        built["list"] = _menu(rows)
    if parts["quote"]:
        built["quote"] = True
    has_choices = buttons is not None or rows is not None
    if parts["link_preview"] and has_choices:
        raise ValueError("a link preview needs a reply without buttons or a list; send two replies")
    if parts["link_preview"]:
        built["link_preview"] = True
    return {**built, **_margins(parts, has_choices=has_choices)}


def _margins(parts: dict[str, Any], *, has_choices: bool) -> dict[str, str]:
    built: dict[str, str] = {}
    for name in ("header", "footer"):
        if parts[name] is not None:
            if not has_choices:
                raise ValueError(f"a {name} needs buttons or a list; put it into the text")
            built[name] = to_short_text(parts[name], f"The {name}", limits.HEADER_FOOTER_CHARS)
    return built


def _listed(value: Any, what: str, limit: int) -> list[Any]:
    if type(value) is not list and type(value) is not tuple:
        raise TypeError(f'{what} must be a list; write ["Yes", "No"]')
    if not value:
        raise ValueError(f"{what} is empty; leave it out, or put something in")
    if len(value) > limit:
        raise LimitReachedError(f"{what}: {len(value)} are too many; WhatsApp takes {limit}.")
    return list(value)


def _entry(value: Any, what: str, limit: int, known: tuple[str, ...]) -> dict[str, Any]:
    """Read a title, or a dictionary with one."""
    if type(value) is Record:
        value = value.fields
    if type(value) is not dict:
        title = to_short_text(value, f"{what}'s title", limit)
        return {"id": title, "title": title}
    unknown = [str(key) for key in value if key not in known]
    if unknown:
        raise ValueError(f"{what} has no “{unknown[0][:40]}”; there is {', '.join(known)}")
    title = to_short_text(value.get("title"), f"{what}'s title", limit)
    identity = value.get("id")
    return {"id": title if identity is None else identity, "title": title}


def _differ(entries: list[dict[str, Any]], what: str) -> None:
    for field in ("title", "id") if what == "buttons" else ("id",):
        if len({entry[field] for entry in entries}) < len(entries):
            raise ValueError(f"two {what} have the same {field}; each needs its own")


def _buttons(value: Any) -> list[dict[str, Any]]:
    built = [
        _entry(item, "A button", limits.BUTTON_CHARS, ("id", "title"))
        for item in _listed(value, "buttons", limits.BUTTONS)
    ]
    for button in built:
        button["id"] = to_short_text(button["id"], "A button's id", limits.BUTTON_ID_CHARS)
    _differ(built, "buttons")
    return built


def _menu(value: Any) -> dict[str, Any]:
    if type(value) is not dict or "button" not in value or not value.keys() & {"rows", "sections"}:
        raise ValueError('the list is not complete; write {"button": "Choose", "rows": ["Soup", "Bread"]}')
    sections = value.get("sections")
    listed = (
        [{"rows": value.get("rows")}] if sections is None else _listed(sections, "sections", limits.LIST_ROWS)
    )
    built = [_section(section, titled=len(listed) > 1) for section in listed]
    rows = [row for section in built for row in section["rows"]]
    if len(rows) > limits.LIST_ROWS:
        raise LimitReachedError(
            f"rows: {len(rows)} are too many; WhatsApp takes {limits.LIST_ROWS} in one list."
        )
    _differ(rows, "rows")
    return {
        "button": to_short_text(value["button"], "The list's button", limits.BUTTON_CHARS),
        "sections": built,
    }


def _section(value: Any, *, titled: bool) -> dict[str, Any]:
    if type(value) is not dict or "rows" not in value:
        raise ValueError('a section is not complete; write {"title": "Food", "rows": ["Soup", "Bread"]}')
    built: dict[str, Any] = {"rows": [_row(row) for row in _listed(value["rows"], "rows", limits.LIST_ROWS)]}
    if titled or value.get("title") is not None:
        built["title"] = to_short_text(value.get("title"), "A section's title", limits.LIST_TITLE_CHARS)
    return built


def _row(value: Any) -> dict[str, Any]:
    built = _entry(value, "A row", limits.LIST_TITLE_CHARS, ("id", "title", "description"))
    built["id"] = to_short_text(built["id"], "A row's id", limits.ROW_ID_CHARS)
    if type(value) is dict and value.get("description") is not None:
        built["description"] = to_short_text(
            value["description"], "A row's description", limits.LIST_DESCRIPTION_CHARS, 0
        )
    return built


def build_media(kind: str, link: Any, more: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a file to send; raises TypeError, ValueError, LimitReachedError."""
    link = to_short_text(link, "The link", limits.LINK_CHARS)
    if not link.lower().startswith("https://") or any(char <= " " for char in link):
        raise ValueError(
            "the link must begin with https:// and hold no spaces; WhatsApp fetches the file from there"
        )
    built: dict[str, Any] = {"kind": kind, "link": link}
    for name, limit in (("caption", limits.CAPTION_CHARS), ("filename", limits.FILENAME_CHARS)):
        if more.get(name):
            built[name] = to_short_text(more[name], f"The {name}", limit)
    if more.get("voice"):
        built["voice"] = True
    return built
