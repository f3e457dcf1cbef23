import pytest

from app.channels.content import (
    MAX_TEXT,
    ContentError,
    build_reply_content,
    build_text_content,
    parse_content,
    render_preview,
)

BUTTON = {"id": "yes", "title": "Yes"}
ROW = {"id": "1", "title": "One"}
LIST = {"kind": "list", "body": "Choose", "button": "Open", "sections": [{"rows": [ROW]}]}


def build_row(number):
    return {"id": f"row {number}", "title": f"Row {number}"}


EVERY_KIND = [
    {"kind": "text", "text": "hi", "preview_url": True},
    {"kind": "image", "media_id": "1", "caption": "a"},
    {"kind": "video", "link": "https://example.com/v.mp4"},
    {"kind": "audio", "media_id": "1", "voice": True},
    {"kind": "document", "link": "https://example.com/a.pdf", "filename": "a.pdf"},
    {"kind": "sticker", "media_id": "1"},
    {"kind": "location", "latitude": 5.6, "longitude": -0.2, "name": "Accra"},
    {"kind": "contacts", "contacts": [{"name": {"formatted_name": "Ama"}, "phones": [{"phone": "+233"}]}]},
    {"kind": "reaction", "message_id": "wamid.1", "emoji": ""},
    {"kind": "buttons", "body": "Sure?", "buttons": [BUTTON], "header": "Head", "footer": "Foot"},
    LIST,
    {"kind": "cta_url", "body": "See", "display_text": "Open", "url": "https://example.com"},
    {"kind": "location_request", "body": "Where are you?"},
    {"kind": "flow", "body": "Fill in", "flow_id": "7", "flow_cta": "Start"},
    {"kind": "template", "name": "hello", "language": "en"},
]

REFUSED = [
    ({}, "Unknown kind of message “”."),
    ({"kind": "poem"}, "Unknown kind of message “poem”."),
    ({"kind": "text"}, "The text is missing."),
    ({"kind": "text", "text": ""}, "The text is empty."),
    (
        {"kind": "text", "text": "a" * 4097},
        "The text is too long: at most 4096 characters, it has 4097.",
    ),
    (
        {"kind": "text", "text": "a", "colour": "red"},
        "The colour is not known here: remove it or correct its name.",
    ),
    (
        {"kind": "image"},
        "This message needs either media_id (an uploaded file) or link (a web address), and only one.",
    ),
    (
        {"kind": "image", "media_id": "1", "link": "https://example.com"},
        "This message needs either media_id (an uploaded file) or link (a web address), and only one.",
    ),
    (
        {"kind": "image", "link": "file:///etc/passwd"},
        "The link must be a web address that begins with https://.",
    ),
    (
        {"kind": "image", "media_id": "1", "caption": "c" * 1025},
        "The caption is too long: at most 1024 characters, it has 1025.",
    ),
    (
        {"kind": "audio", "media_id": "1", "caption": "c"},
        "The caption is not known here: remove it or correct its name.",
    ),
    (
        {"kind": "location", "latitude": 91, "longitude": 0},
        "The latitude should be less than or equal to 90.",
    ),
    ({"kind": "contacts", "contacts": []}, "The contacts need at least one entry."),
    (
        {"kind": "contacts", "contacts": [{"name": {"formatted_name": "A"}}] * 6},
        "The contacts are too many: at most 5, there are 6.",
    ),
    ({"kind": "buttons", "body": "b", "buttons": []}, "The buttons need at least one entry."),
    (
        {"kind": "buttons", "body": "b", "buttons": [{"id": str(n), "title": str(n)} for n in range(4)]},
        "The buttons are too many: at most 3, there are 4.",
    ),
    (
        {"kind": "buttons", "body": "b", "buttons": [BUTTON, {"id": "no", "title": "N" * 21}]},
        "The title of buttons 2 is too long: at most 20 characters, it has 21.",
    ),
    (
        {"kind": "buttons", "body": "b", "buttons": [BUTTON, {"id": "yes", "title": "No"}]},
        "This message has two button ids “yes”: each must be different.",
    ),
    (
        {"kind": "buttons", "body": "b", "buttons": [BUTTON, {"id": "no", "title": "Yes"}]},
        "This message has two button titles “Yes”: each must be different.",
    ),
    (
        {"kind": "buttons", "body": "b", "buttons": [BUTTON], "header": "h" * 61},
        "The header is too long: at most 60 characters, it has 61.",
    ),
    (
        {"kind": "buttons", "body": "b", "buttons": [BUTTON], "header": {"kind": "image"}},
        "The header needs either media_id (an uploaded file) or link (a web address), and only one.",
    ),
    (
        {"kind": "buttons", "body": "b" * 1025, "buttons": [BUTTON]},
        "The body is too long: at most 1024 characters, it has 1025.",
    ),
    ({**LIST, "button": "b" * 21}, "The button is too long: at most 20 characters, it has 21."),
    (
        {**LIST, "sections": [{"title": str(n), "rows": [build_row(n)]} for n in range(11)]},
        "The sections are too many: at most 10, there are 11.",
    ),
    (
        {
            **LIST,
            "sections": [
                {"title": f"{s}", "rows": [build_row(s * 6 + n) for n in range(6)]} for s in range(2)
            ],
        },
        "This message holds at most 10 rows in all, this one has 12.",
    ),
    (
        {**LIST, "sections": [{"rows": [ROW]}, {"title": "b", "rows": [build_row(2)]}]},
        "This message has several sections: give each of them a title.",
    ),
    (
        {**LIST, "sections": [{"rows": [ROW, ROW]}]},
        "This message has two row ids “1”: each must be different.",
    ),
    (
        {**LIST, "sections": [{"rows": [{**ROW, "description": "d" * 73}]}]},
        "The description of rows 1 of sections 1 is too long: at most 72 characters, it has 73.",
    ),
    (
        {"kind": "flow", "body": "b", "flow_cta": "c"},
        "This message needs either flow_id or flow_name, and only one.",
    ),
    (
        {"kind": "template", "name": "n", "language": "en", "components": [{"type": "button"}]},
        "The components 1 of type button needs sub_type and index.",
    ),
]


@pytest.mark.parametrize("data", EVERY_KIND, ids=lambda data: data["kind"])
def test_every_kind_is_accepted_and_survives_a_round_trip(data):
    content = parse_content(data)
    stored = content.model_dump(mode="json", exclude_none=True)
    assert parse_content(stored) == content
    assert stored.items() >= data.items() or data["kind"] == "contacts"


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_what_whatsapp_would_refuse_is_refused_in_plain_words(data, words):
    with pytest.raises(ContentError) as caught:
        parse_content(data)
    assert str(caught.value) == words
    assert caught.value.code == "content"


@pytest.mark.parametrize("junk", [None, 5, "text", [], {"kind": ["text"]}, {"kind": None}])
def test_junk_is_refused_like_any_content(junk):
    with pytest.raises(ContentError):
        parse_content(junk)


def test_texts_are_cleaned_of_what_no_column_holds():
    content = parse_content({"kind": "text", "text": "a\0b\ud800"})
    assert content.model_dump()["text"] == "a\ufffdb?"
    assert build_text_content("a\0b\ud800")["text"] == "a\ufffdb?"


@pytest.mark.parametrize("text", ["x", "x" * MAX_TEXT, "é\n😀"])
def test_the_quick_way_to_a_text_gives_the_same_content(text):
    assert build_text_content(text) == parse_content({"kind": "text", "text": text}).model_dump()


def test_a_text_without_characters_or_with_too_many_is_an_error():
    with pytest.raises(ContentError, match="empty"):
        build_text_content("")
    with pytest.raises(ContentError, match="at most 4096 characters, it has 4097"):
        build_text_content("x" * 4097)


def test_a_reply_with_buttons_becomes_buttons_that_come_back_as_their_titles():
    assert build_reply_content("hi") == build_text_content("hi")
    assert build_reply_content("Sure?", ("Yes", "No")) == {
        "kind": "buttons",
        "body": "Sure?",
        "buttons": [{"id": "Yes", "title": "Yes"}, {"id": "No", "title": "No"}],
    }
    with pytest.raises(ContentError, match="at most 3"):
        build_reply_content("Sure?", ("a", "b", "c", "d"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"kind": "text", "text": "hi"}, "hi"),
        ({"kind": "image", "media_id": "1", "caption": "Our shop"}, "Our shop"),
        ({"kind": "image", "media_id": "1"}, "Image"),
        ({"kind": "video", "media_id": "1"}, "Video"),
        ({"kind": "audio", "media_id": "1", "voice": True}, "Voice note"),
        ({"kind": "audio", "media_id": "1"}, "Audio"),
        ({"kind": "document", "media_id": "1", "filename": "a.pdf"}, "Document: a.pdf"),
        ({"kind": "sticker", "media_id": "1"}, "Sticker"),
        ({"kind": "location", "latitude": 1, "longitude": 2, "name": "Accra"}, "Location: Accra"),
        ({"kind": "contacts", "contacts": [{"name": {"formatted_name": "Ama"}}]}, "Contact: Ama"),
        ({"kind": "contacts", "contacts": ["?"]}, "Contact"),
        ({"kind": "reaction", "message_id": "1", "emoji": "👍"}, "Reacted 👍"),
        ({"kind": "reaction", "message_id": "1", "emoji": ""}, "Took a reaction back"),
        ({"kind": "buttons", "body": "Sure?"}, "Sure?"),
        (LIST, "Choose"),
        ({"kind": "cta_url", "body": "See"}, "See"),
        ({"kind": "location_request", "body": "Where?"}, "Where?"),
        ({"kind": "flow", "body": "Fill in"}, "Fill in"),
        ({"kind": "template", "name": "hello"}, "Template: hello"),
        ({"kind": "poem", "text": "?"}, "Message"),
        ({"kind": ["text"]}, "Message"),
        ({}, "Message"),
    ],
)
def test_a_chat_shows_words_for_every_content(content, words):
    assert render_preview(content) == words
