"""Effects a person sees, read as what a hostile process may send: replies, files, reactions."""

from typing import Any

from app.brains import limits
from app.brains.effects import Button, Media, Menu, React, Reply, Row, Section
from app.brains.values import BadEffect, fields, flag, words

_REPLY = frozenset({"text", "buttons", "list", "quote", "header", "footer"})
_FILE = frozenset({"kind", "link", "caption", "filename", "voice"})
_KINDS = ("image", "audio", "video", "document")


def read_reply(entry: list[Any]) -> Reply:
    """Read `["reply", {...}]`; raises BadEffect."""
    given = fields(entry, _REPLY)
    pressable = given.keys() & {"buttons", "list"}
    most = limits.REPLY_CHARS_WITH_BUTTONS if "buttons" in given else limits.REPLY_CHARS
    text = words(given.get("text"), "The reply", most)
    if len(given) == 1:
        return Reply(text)
    if len(pressable) == 2:
        raise BadEffect("A reply has either buttons or a list. Send two replies.")
    header = words(given.get("header", ""), "The header", limits.MARGIN_CHARS, 0)
    footer = words(given.get("footer", ""), "The footer", limits.MARGIN_CHARS, 0)
    if (header or footer) and not pressable:
        raise BadEffect("A header or a footer needs buttons or a list. Put it into the text instead.")
    return Reply(
        text,
        _buttons(given["buttons"]) if "buttons" in given else (),
        flag(given.get("quote", False)),
        _menu(given["list"]) if "list" in given else None,
        header,
        footer,
    )


def read_media(entry: list[Any]) -> Media:
    """Read `["media", {...}]`; raises BadEffect."""
    given = fields(entry, _FILE)
    kind, link = given.get("kind"), words(given.get("link"), "The link", limits.LINK_CHARS)
    if kind not in _KINDS:
        raise BadEffect("A file is an image, an audio, a video or a document.")
    if not link.lower().startswith("https://") or any(char <= " " for char in link):
        raise BadEffect("A file's link must begin with https:// and hold no spaces.")
    return Media(
        kind,
        link,
        words(given.get("caption", ""), "The caption", limits.CAPTION_CHARS, 0),
        words(given.get("filename", ""), "The file's name", limits.FILENAME_CHARS, 0),
        flag(given.get("voice", False)),
    )


def read_react(entry: list[Any]) -> React:
    """Read `["react", {...}]`; raises BadEffect."""
    return React(words(fields(entry, frozenset({"emoji"})).get("emoji"), "The emoji", limits.EMOJI_CHARS, 0))


def _items(value: Any, what: str, most: int) -> list[dict[str, Any]]:
    if type(value) is not list or not 1 <= len(value) <= most:
        raise BadEffect(f"{what}: between 1 and {most} are allowed.")
    if any(type(item) is not dict for item in value):
        raise BadEffect(f"{what}: each must be a dictionary.")
    return value


def _buttons(value: Any) -> tuple[Button, ...]:
    made = tuple(
        Button(
            words(item.get("id"), "A button's id", limits.BUTTON_ID_CHARS),
            words(item.get("title"), "A button's title", limits.BUTTON_CHARS),
        )
        for item in _items(value, "Buttons", limits.BUTTONS)
    )
    _differ("buttons", [button.id for button in made])
    _differ("buttons", [button.title for button in made])
    return made


def _menu(value: Any) -> Menu:
    if type(value) is not dict:
        raise BadEffect("A list must have a button and sections.")
    button = words(value.get("button"), "The list's button", limits.BUTTON_CHARS)
    listed = _items(value.get("sections"), "Sections of a list", limits.LIST_ROWS)
    least = 1 if len(listed) > 1 else 0
    sections = tuple(
        Section(
            words(item.get("title", ""), "A section's title", limits.LIST_TITLE_CHARS, least),
            tuple(_row(row) for row in _items(item.get("rows"), "Rows of a list", limits.LIST_ROWS)),
        )
        for item in listed
    )
    ids = [row.id for section in sections for row in section.rows]
    if len(ids) > limits.LIST_ROWS:
        raise BadEffect(f"A list has at most {limits.LIST_ROWS} rows in all.")
    _differ("rows", ids)
    return Menu(button, sections)


def _row(item: dict[str, Any]) -> Row:
    return Row(
        words(item.get("id"), "A row's id", limits.ROW_ID_CHARS),
        words(item.get("title"), "A row's title", limits.LIST_TITLE_CHARS),
        words(item.get("description", ""), "A row's description", limits.LIST_DESCRIPTION_CHARS, 0),
    )


def _differ(what: str, values: list[str]) -> None:
    if len(set(values)) < len(values):
        raise BadEffect(f"Two {what} are the same; each must be different.")
