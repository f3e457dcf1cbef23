"""Parser of visible effects from an untrusted process: replies, files, reactions."""

from typing import Any

from app.brains import limits
from app.brains.effects.model import Button, Media, Menu, React, Reply, Row, Section
from app.brains.effects.untrusted import BadEffect, read_fields, read_flag, read_text

_REPLY_FIELDS = frozenset({"text", "buttons", "list", "quote", "header", "footer", "link_preview"})
_MEDIA_FIELDS = frozenset({"kind", "link", "caption", "filename", "voice"})
_KINDS = ("image", "audio", "video", "document")


def read_reply(entry: list[Any]) -> Reply:
    """Parse `["reply", {...}]`; raises BadEffect."""
    given = read_fields(entry, _REPLY_FIELDS)
    pressable = given.keys() & {"buttons", "list"}
    limit = limits.REPLY_CHARS_WITH_BUTTONS if "buttons" in given else limits.REPLY_CHARS
    text = read_text(given.get("text"), "The reply", limit)
    if len(given) == 1:
        return Reply(text)
    if len(pressable) == 2:
        raise BadEffect("A reply has either buttons or a list. Send two replies.")
    header = read_text(given.get("header", ""), "The header", limits.HEADER_FOOTER_CHARS, 0)
    footer = read_text(given.get("footer", ""), "The footer", limits.HEADER_FOOTER_CHARS, 0)
    if (header or footer) and not pressable:
        raise BadEffect("A header or a footer needs buttons or a list. Put it into the text instead.")
    link_preview = read_flag(given.get("link_preview", False))
    if link_preview and pressable:
        raise BadEffect("A reply with buttons or a list has no link preview. Send two replies.")
    return Reply(
        text,
        _read_buttons(given["buttons"]) if "buttons" in given else (),
        read_flag(given.get("quote", False)),
        _read_menu(given["list"]) if "list" in given else None,
        header,
        footer,
        link_preview,
    )


def read_media(entry: list[Any]) -> Media:
    """Parse `["media", {...}]`; raises BadEffect."""
    given = read_fields(entry, _MEDIA_FIELDS)
    kind, link = given.get("kind"), read_text(given.get("link"), "The link", limits.LINK_CHARS)
    if kind not in _KINDS:
        raise BadEffect("A file is an image, an audio, a video or a document.")
    if not link.lower().startswith("https://") or any(char <= " " for char in link):
        raise BadEffect("A file's link must begin with https:// and hold no spaces.")
    return Media(
        kind,
        link,
        read_text(given.get("caption", ""), "The caption", limits.CAPTION_CHARS, 0),
        read_text(given.get("filename", ""), "The file's name", limits.FILENAME_CHARS, 0),
        read_flag(given.get("voice", False)),
    )


def read_react(entry: list[Any]) -> React:
    """Parse `["react", {...}]`; raises BadEffect."""
    return React(
        read_text(read_fields(entry, frozenset({"emoji"})).get("emoji"), "The emoji", limits.EMOJI_CHARS, 0)
    )


def _read_items(value: Any, what: str, limit: int) -> list[dict[str, Any]]:
    if type(value) is not list or not 1 <= len(value) <= limit:
        raise BadEffect(f"{what}: between 1 and {limit} are allowed.")
    if any(type(item) is not dict for item in value):
        raise BadEffect(f"{what}: each must be a dictionary.")
    return value


def _read_buttons(value: Any) -> tuple[Button, ...]:
    made = tuple(
        Button(
            read_text(item.get("id"), "A button's id", limits.BUTTON_ID_CHARS),
            read_text(item.get("title"), "A button's title", limits.BUTTON_CHARS),
        )
        for item in _read_items(value, "Buttons", limits.BUTTONS)
    )
    _check_unique("buttons", [button.id for button in made])
    _check_unique("buttons", [button.title for button in made])
    return made


def _read_menu(value: Any) -> Menu:
    if type(value) is not dict:
        raise BadEffect("A list must have a button and sections.")
    button = read_text(value.get("button"), "The list's button", limits.BUTTON_CHARS)
    listed = _read_items(value.get("sections"), "Sections of a list", limits.LIST_ROWS)
    least = 1 if len(listed) > 1 else 0
    sections = tuple(
        Section(
            read_text(item.get("title", ""), "A section's title", limits.LIST_TITLE_CHARS, least),
            tuple(
                _read_row(row) for row in _read_items(item.get("rows"), "Rows of a list", limits.LIST_ROWS)
            ),
        )
        for item in listed
    )
    ids = [row.id for section in sections for row in section.rows]
    if len(ids) > limits.LIST_ROWS:
        raise BadEffect(f"A list has at most {limits.LIST_ROWS} rows in all.")
    _check_unique("rows", ids)
    return Menu(button, sections)


def _read_row(item: dict[str, Any]) -> Row:
    return Row(
        read_text(item.get("id"), "A row's id", limits.ROW_ID_CHARS),
        read_text(item.get("title"), "A row's title", limits.LIST_TITLE_CHARS),
        read_text(item.get("description", ""), "A row's description", limits.LIST_DESCRIPTION_CHARS, 0),
    )


def _check_unique(what: str, values: list[str]) -> None:
    if len(set(values)) < len(values):
        raise BadEffect(f"Two {what} are the same; each must be different.")
