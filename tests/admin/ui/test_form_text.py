"""Texts as typed in a form."""

import pytest

from app.admin.ui.form_text import normalise_newlines, parse_number, split_lines


def test_line_ends_of_any_browser_become_plain():
    assert normalise_newlines("a\r\nb\rc\nd") == "a\nb\nc\nd"


def test_lines_that_say_nothing_are_left_out():
    assert split_lines(" one \n\n \ntwo") == ["one", "two"]


@pytest.mark.parametrize(
    ("typed", "number"),
    [("7", 7), (" -2 ", -2), ("1,5", 1.5), ("1e3", 1000.0), ("inf", "inf"), ("nan", "nan"), ("many", "many")],
)
def test_what_is_no_number_stays_a_text(typed: str, number: float | str):
    assert parse_number(typed) == number
