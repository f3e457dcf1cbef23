"""Forms of templates: every part is asked for or it is not offered; what WhatsApp refuses is refused before."""

from typing import Any

import pytest

from app.bot.chats.templates import TemplateFormError, fill, find_unknown_part, parse_template
from app.channels.contract import MessageTemplate


def build(*components: dict[str, Any]) -> MessageTemplate:
    return MessageTemplate("t", "en", "UTILITY", components)


BODY = {"type": "BODY", "text": "Pay {{1}}"}
PLACE = {
    "header-latitude": "5.6", "header-longitude": "-0.18", "header-name": "Shop", "header-address": "Main St 1",
}  # fmt: skip


def test_a_location_header_is_asked_for_in_all_its_parts():
    shape = parse_template(build({"type": "HEADER", "format": "LOCATION"}, BODY))
    content, _ = fill(shape, {**PLACE, "body-1": "10"})
    (place,) = content["components"][0]["parameters"]
    assert place["location"] == {
        "latitude": "5.6",
        "longitude": "-0.18",
        "name": "Shop",
        "address": "Main St 1",
    }
    with pytest.raises(TemplateFormError, match="-90 to 90"):
        fill(shape, {**PLACE, "header-latitude": "91", "body-1": "10"})


def test_a_document_header_goes_out_with_its_file_name():
    shape = parse_template(build({"type": "HEADER", "format": "DOCUMENT"}, BODY))
    content, _ = fill(
        shape, {"header": "https://a.example/x", "header-filename": "Rechnung.pdf", "body-1": "10"}
    )
    assert content["components"][0]["parameters"] == [
        {"type": "document", "document": {"link": "https://a.example/x", "filename": "Rechnung.pdf"}}
    ]


@pytest.mark.parametrize("value", ["a     b", "a\nb", "a\tb", "a\u2028b", "x" * 1_025])
def test_a_value_whatsapp_refuses_is_refused_with_words(value: str):
    with pytest.raises(TemplateFormError, match="Body"):
        fill(parse_template(build(BODY)), {"body-1": value})
    content, _ = fill(parse_template(build(BODY)), {"body-1": "a    b"})
    assert content["components"][0]["parameters"][0]["text"] == "a    b"


def test_a_code_to_copy_is_asked_for():
    buttons = {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE", "example": ["X"]}]}
    content, _ = fill(parse_template(build(BODY, buttons)), {"body-1": "1", "button-0": "SAVE10"})
    assert content["components"][1] == {
        "type": "button", "sub_type": "copy_code", "index": 0,
        "parameters": [{"type": "coupon_code", "coupon_code": "SAVE10"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"type": "CAROUSEL", "cards": []}, "a part of the kind “carousel”"),
        ({"type": "LIMITED_TIME_OFFER"}, "a part of the kind “limited time offer”"),
        ({"type": "HEADER", "format": "PRODUCT"}, "a header of the kind “product”"),
        ({"type": "HEADER", "format": "GIF"}, "a header of the kind “gif”"),
        (
            {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "x"}, {"type": "MPM"}]},
            "a button of the kind “mpm”",
        ),
        ({"type": "BUTTONS", "buttons": [{"type": "FLOW"}]}, "a button of the kind “flow”"),
        ({"type": "BUTTONS", "buttons": [{"type": "OTP"}]}, "a button of the kind “otp”"),
        ({"type": "BUTTONS", "buttons": [{"type": "CATALOG"}]}, "a button of the kind “catalog”"),
        ({}, "a part of the kind “unknown”"),
    ],
)
def test_a_template_with_parts_the_form_does_not_know_says_which_and_cannot_be_sent(
    part: dict[str, Any], words: str
):
    assert find_unknown_part(build(BODY, part)) == words
    with pytest.raises(TemplateFormError, match="cannot be sent from here"):
        fill(parse_template(build(BODY, part)), {"body-1": "10"})
    assert not find_unknown_part(build(BODY, {"type": "FOOTER", "text": "x"}))


@pytest.mark.parametrize("link", ["report.pdf", "ftp://a.example/x", "https://", "javascript:alert(1)"])
def test_a_header_file_needs_a_web_address(link: str):
    for form in ("IMAGE", "VIDEO", "DOCUMENT"):
        shape = parse_template(build({"type": "HEADER", "format": form}, BODY))
        with pytest.raises(TemplateFormError, match="begins with https://"):
            fill(shape, {"header": link, "header-filename": "x.pdf", "body-1": "10"})


def test_a_text_header_and_a_code_have_their_own_lengths():
    buttons = {"type": "BUTTONS", "buttons": [{"type": "COPY_CODE"}]}
    shape = parse_template(build({"type": "HEADER", "format": "TEXT", "text": "For {{1}}"}, BODY, buttons))
    good = {"header-1": "x" * 60, "body-1": "10", "button-0": "x" * 20}
    assert fill(shape, good)
    for name in ("header-1", "button-0"):
        with pytest.raises(TemplateFormError, match="too long"):
            fill(shape, {**good, name: good[name] + "x"})


def test_numbered_values_go_out_by_their_number():
    shape = parse_template(build({"type": "BODY", "text": "{{2}} before {{10}} and {{1}}"}))
    content, words = fill(shape, {"body-1": "a", "body-2": "b", "body-10": "c"})
    assert [each["text"] for each in content["components"][0]["parameters"]] == ["a", "b", "c"]
    assert words == "b before c and a"
