"""Markdown of a model becomes WhatsApp's formatting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.channels.content.markup import to_whatsapp


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("**Bold** and __this__", "*Bold* and *this*"),
        ("***both***", "*_both_*"),
        ("# Menu\n## **Soups** ##\ntext", "*Menu*\n*Soups*\ntext"),
        ("* one\n+ two\n  * three\n- four\n1. five", "- one\n- two\n  - three\n- four\n1. five"),
        ("See [our shop](https://a.example/x?y=1).", "See our shop (https://a.example/x?y=1)."),
        ("[https://a.example](https://a.example)", "https://a.example"),
        ("![logo](https://a.example/l.png)", "logo (https://a.example/l.png)"),
        ("[mail](mailto:a@b.c)", "mail (a@b.c)"),
        ("~~gone~~", "~gone~"),
        ("`**code**` and\n```\n**x** # y\n```", "`**code**` and\n```\n**x** # y\n```"),
        ("a\n---\nb", "a\n\nb"),
        (
            "*already bold* _italic_ 2 * 3 ** 4 snake__case__name",
            "*already bold* _italic_ 2 * 3 ** 4 snake__case__name",
        ),
        ("#hashtag and [note] (x)", "#hashtag and [note] (x)"),
        (
            "Menu:\n\n| Dish | **Price** |\n|:---|---:|\n| Soup | 3 |\n\nBye",
            "Menu:\n\n*Dish* | *Price*\nSoup | 3\n\nBye",
        ),
        ("a | b\n--- | ---\n1 | 2", "*a* | *b*\n1 | 2"),
        ("no | table\nat | all", "no | table\nat | all"),
    ],
)
def test_markdown_is_shown_as_whatsapp_formats_it(given_text: str, shown: str):
    assert to_whatsapp(given_text) == shown
    assert to_whatsapp(shown) == shown


@given(st.text(alphabet="*_#~`[]()| \nabc-", max_size=200))
def test_no_text_is_lost_but_marks(text: str):
    letters = [each for each in text if each in "abc"]
    assert [each for each in to_whatsapp(text) if each in "abc"] == letters
