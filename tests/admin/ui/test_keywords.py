"""Keywords as somebody types them."""

import pytest

from app.admin.ui.keywords import join_keywords, split_keywords


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("hours, open, when do you open", ["hours", "open", "when do you open"]),
        ("hours\r\nopen\n\n , when do you open ,", ["hours", "open", "when do you open"]),
        ('"Yes, please", no', ["Yes, please", "no"]),
        ("“Ja, bitte”\nnein", ["Ja, bitte", "nein"]),
        ("营业时间，几点开门、地址", ["营业时间", "几点开门", "地址"]),
        ("مرحبا، أهلا", ["مرحبا", "أهلا"]),
        ("hello, hello", ["hello"]),
        ('say "hi", bye', ['say "hi"', "bye"]),
        ("", []),
        (" , \n", []),
    ],
)
def test_commas_and_lines_separate_keywords_and_quotes_keep_one_together(typed: str, words: list[str]):
    assert split_keywords(typed) == words


@pytest.mark.parametrize("words", [["hello, there", "hours"], ['a "b"'], ["two words"], []])
def test_what_is_drawn_is_read_back_the_same(words: list[str]):
    assert split_keywords(join_keywords(words)) == words
