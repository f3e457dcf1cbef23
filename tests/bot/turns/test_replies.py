"""From effects to content: within WhatsApp's limits, or with a reason an operator understands."""

from typing import Any

import pytest

from app.bot.turns.replies import build_content, find_quoted_id, find_replied_id, get_text
from app.brains.effects.model import Button, Media, Menu, React, Reply, Row, Section
from app.channels.content import ContentError, parse_content

YES = Button("y", "Yes")
MENU = Menu("Choose", (Section("", (Row("1", "One"), Row("2", "Two", "second"))),))


def compose_content(effect: Any, kind: str = "text") -> dict[str, Any]:
    return build_content(effect, find_replied_id(kind, "wamid.1"))


def quoted_id(effect: Any, kind: str = "text") -> str | None:
    return find_quoted_id(effect, find_replied_id(kind, "wamid.1"))


def test_a_plain_reply_is_a_text():
    assert compose_content(Reply("Hello")) == {"kind": "text", "text": "Hello", "preview_url": False}


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("Look: https://example.com/menu", True),
        ("HTTP://EXAMPLE.COM", True),
        ("(https://пример.рф/я)", True),
        ("見て https://example.jp", True),
        ("example.com", False),
        ("https:// and ftp://example.com", False),
        ("xhttps://example.com", False),
        ("no link", False),
    ],
)
def test_a_preview_is_asked_for_where_it_is_switched_on_and_the_text_has_a_link(text: str, is_shown: bool):
    switched_on = compose_content(Reply(text, link_preview=True))
    assert switched_on == {"kind": "text", "text": text, "preview_url": is_shown}
    assert compose_content(Reply(text))["preview_url"] is False


def test_buttons_keep_their_ids_and_margins():
    assert compose_content(Reply("Sure?", (YES,), header="Head", footer="Foot")) == {
        "kind": "buttons",
        "body": "Sure?",
        "header": "Head",
        "footer": "Foot",
        "buttons": [{"id": "y", "title": "Yes"}],
    }


def test_a_list_has_no_empty_parts():
    assert compose_content(Reply("Pick", menu=MENU))["sections"] == [
        {"rows": [{"id": "1", "title": "One"}, {"id": "2", "title": "Two", "description": "second"}]}
    ]


@pytest.mark.parametrize(
    ("media", "words", "fields"),
    [
        (Media("image", "https://x.example/a.png", "Look"), "Look", {"caption": "Look"}),
        (Media("audio", "https://x.example/a.ogg", voice=True), "", {"voice": True}),
        (Media("document", "https://x.example/a.pdf", filename="a.pdf"), "a.pdf", {"filename": "a.pdf"}),
        (Media("video", "https://x.example/a.mp4", filename="not for films"), "not for films", {}),
    ],
)
def test_files_are_links(media: Media, words: str, fields: dict[str, Any]):
    made = compose_content(media)
    assert get_text(media) == words
    assert {"kind": media.kind, "link": media.link, **fields}.items() <= made.items()
    assert parse_content(made)


@pytest.mark.parametrize("emoji", ["👍", ""])
def test_a_reaction_is_about_its_message(emoji: str):
    assert compose_content(React(emoji)) == {"kind": "reaction", "message_id": "wamid.1", "emoji": emoji}
    assert (get_text(React(emoji)), quoted_id(React(emoji))) == (emoji, "wamid.1")


def test_a_reply_quotes_only_what_somebody_said():
    assert quoted_id(Reply("a", quote=True)) == "wamid.1"
    assert quoted_id(Reply("a", quote=True), "schedule") is None
    assert quoted_id(Reply("a")) is None


@pytest.mark.parametrize(
    ("effect", "kind", "why"),
    [
        (React("👍"), "schedule", "no message to react to"),
        (Reply("a" * 1025, menu=MENU), "text", "at most 1024"),
        (Reply("a", header="Head"), "text", "needs buttons or a list"),
        (Reply("a", (YES, YES)), "text", "two button ids"),
        (Media("image", "ftp://x"), "text", "https://"),
    ],
)
def test_what_whatsapp_would_refuse_is_explained(effect: Any, kind: str, why: str):
    with pytest.raises(ContentError, match=why):
        compose_content(effect, kind)
