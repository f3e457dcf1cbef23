from typing import Any

import pytest

from app.admin.ui import number_format


@pytest.mark.parametrize(
    ("numbers", "words", "tone"),
    [
        (("count", 112, 100, 0), "+12 %", "quiet"),
        (("count", 80, 100, -1), "−20 %", "good"),
        (("ms", 300, 200, -1), "+50 %", "bad"),
        (("rate", 0.9, 0.95, 1), "−5.0 points", "bad"),
        (("rate", 0.9, 0.9, 1), "±0.0 points", "quiet"),
    ],
)
def test_a_change_is_told_in_words_with_its_meaning(numbers: tuple[Any, ...], words: str, tone: str):
    found = number_format.compute_change(*numbers)
    assert found
    assert (found.words, found.tone) == (words, tone)


def test_there_is_no_change_from_nothing():
    assert number_format.compute_change("count", 5, 0, 1) is None
    assert number_format.compute_change("ms", None, 5, 1) is None


@pytest.mark.parametrize(
    ("sums", "words"),
    [
        ({}, "–"),
        ({"USD": 1_235_000}, "$1.24"),
        ({"EUR": 9_999}, "<€0.01"),
        ({"CHF": 10_000}, "0.01 CHF"),
        ({"CHF": 1}, "<0.01 CHF"),
        ({"JPY": 1_234_567_000_000}, "1,234,567.00 JPY"),
        ({"EUR": 1_240_000, "USD": 5}, "1.24 EUR · <0.01 USD"),
    ],
)
def test_money_is_told_to_the_cent(sums: dict[str, int], words: str):
    assert number_format.format_spend(sums) == words


def test_the_price_of_one_call_has_all_its_digits():
    said = [number_format.format_price(*each) for each in ((312, "USD"), (0, "CHF"), (1_500_000, "EUR"))]
    assert said == ["$0.000312", "0.00 CHF", "€1.50"]


def test_amounts_carry_their_units():
    assert [number_format.format_value("count", 1234567), number_format.format_value("rate", 0.98765)] == [
        "1,234,567",
        "98.8 %",
    ]
    said = [number_format.format_value("ms", value) for value in (4.26, 840.4, 1240, 90_000, None)]
    assert said == ["4.3 ms", "840 ms", "1.24 s", "1.5 min", "–"]
