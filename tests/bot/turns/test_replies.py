"""From effects to content: within WhatsApp's limits, or with a reason an operator understands."""

from typing import Any

import pytest

from app.bot.composing import compose
from app.bot.content import ContentError, parse_content
from app.brains.effects import Button, Media, Menu, React, Reply, Row, Section

YES = Button("y", "Yes")
MENU = Menu("Choose", (Section("", (Row("1", "One"), Row("2", "Two", "second"))),))


def content(effect: Any, kind: str = "text") -> dict[str, Any]:
    return dict(compose(effect, kind, "wamid.1").content)


def test_a_plain_reply_is_a_text():
    assert content(Reply("Hello")) == {"kind": "text", "text": "Hello", "preview_url": False}


def test_buttons_keep_their_ids_and_margins():
    assert content(Reply("Sure?", (YES,), header="Head", footer="Foot")) == {
        "kind": "buttons",
        "body": "Sure?",
        "header": "Head",
        "footer": "Foot",
        "buttons": [{"id": "y", "title": "Yes"}],
    }


def test_a_list_has_no_empty_parts():
    assert content(Reply("Pick", menu=MENU))["sections"] == [
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
    made = compose(media, "text", "wamid.1")
    assert made.text == words
    assert {"kind": media.kind, "link": media.link, **fields}.items() <= made.content.items()
    assert parse_content(made.content)


@pytest.mark.parametrize("emoji", ["👍", ""])
def test_a_reaction_is_about_its_message(emoji: str):
    made = compose(React(emoji), "text", "wamid.1")
    assert made.content == {"kind": "reaction", "message_id": "wamid.1", "emoji": emoji}
    assert made.quoted_id == "wamid.1"


def test_a_reply_quotes_only_what_somebody_said():
    assert compose(Reply("a", quote=True), "text", "wamid.1").quoted_id == "wamid.1"
    assert compose(Reply("a", quote=True), "schedule", "schedule:1").quoted_id is None
    assert compose(Reply("a"), "text", "wamid.1").quoted_id is None


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
        compose(effect, kind, "wamid.1")
