"""Numbers as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brains.document.arguments import Argument, parse
from app.brains.document.numbers import parse_number, parse_whole_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,5", 1.5),
        ("1.25", 1.25),
        ("1,234.50", 1234.5),
        ("1.234,50", 1234.5),
        ("1,234,567", 1234567),
        ("1.234.567", 1234567),
        ("1'000", 1000),
        ("1’234.5", 1234.5),
        ("0,500", 0.5),
        ("1234,567", 1234.567),
        ("−3,5", -3.5),
        ("\u200e１２", 12),
        ("٣", 3),
        ("١٬٢٣٤٫٥", 1234.5),
        ("१२", 12),
        ("+7", 7),
    ],
)
def test_a_number_of_any_style_is_read(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["1,000", "12.345", "-999,999"])
def test_what_can_be_read_in_two_ways_is_refused_with_both(text):
    for parse_any in (parse_number, parse_whole_number):
        with pytest.raises(ValueError, match=r"can be read in two ways: write [0-9]+ or [0-9]+[.][0-9]+"):
            parse_any(text)


@pytest.mark.parametrize(
    "text", ["", "-", "nan", "1,00,000", "1.2.3", "1,2,3", "12€", "1e5", "1_000", "0x10", "10²", "②", "1½"]
)
def test_what_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="must be a number"):
        parse_number(text)


@given(st.integers(0, 10**15 - 1), st.sampled_from(["", ",", ".", "'", "’"]))
def test_whole_numbers_are_read_with_any_sign_between_thousands(number, sign):
    text = f"{number:,}".replace(",", sign)
    try:
        assert parse_whole_number(text) == number
    except ValueError:
        assert sign in {",", "."}
        assert 1000 <= number < 10**6


def test_a_space_between_thousands_belongs_to_the_last_number():
    arguments = [Argument.model_validate({"name": "amount", "type": "number"})]
    assert parse(arguments, "1 000").values == {"amount": 1000}
    read = parse(arguments, "1\u202f000,50 EUR")
    assert (read.values, read.surplus) == ({"amount": 1000.5}, "EUR")
    assert parse(arguments, "1 2 3").values == {"amount": 1}
