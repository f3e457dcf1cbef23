"""Prices are read exactly, each wrong line is named, and a cost is a whole number of millionths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.brains.ai import prices
from app.brains.ai.prices import WrongPrices

MICROS = st.integers(0, 10**12 - 1)


def catch_error(text: str) -> str:
    with pytest.raises(WrongPrices) as error:
        prices.parse_lines(text)
    return str(error.value)


def test_a_line_is_a_model_and_two_prices():
    text = "\n gpt-4o-mini\t0.15   0.60 \n\norg/model:free 0 0\nexact 0.000001 999999.999999"
    assert prices.parse_lines(text) == {
        "gpt-4o-mini": [150_000, 600_000],
        "org/model:free": [0, 0],
        "exact": [1, 999_999_999_999],
    }
    assert prices.parse_lines("") == {}


@given(st.dictionaries(st.from_regex(r"[a-z0-9:/._-]{1,100}", fullmatch=True), st.tuples(MICROS, MICROS)))
def test_what_is_written_reads_the_same(found: dict[str, tuple[int, int]]):
    kept = {model: list(price) for model, price in list(found.items())[: prices.MAX_MODELS]}
    assert prices.parse_lines(prices.format_lines(kept)) == kept


@pytest.mark.parametrize(
    "price", ["0,15", ".5", "5.", "-1", "+1", "1e3", "nan", "1.1234567", "1000000", "$1", "٣", "1_0"]
)
def test_what_is_no_price_is_refused(price: str):
    assert catch_error(f"a 1 1\n\nm 1 {price}").startswith(f"Line 3: “{price}” is no price. Write a number")


def test_each_wrong_line_says_what_to_do():
    words = catch_error("m 1\na 1 2\nb 1 2 3\na 3 4\n" + "x" * 101 + " 1 2")
    assert words.count("write a model, its price asked") == 2
    assert "Line 1: " in words
    assert "Line 2: " not in words
    assert "Line 4: “a” has a price above already. Remove one" in words
    assert "Line 5: write the model's name in at most 100" in words


def test_there_are_at_most_fifty_lines():
    lines = [f"m{n} 1 2" for n in range(51)]
    assert len(prices.parse_lines("\n".join(lines[:50]))) == 50
    assert "These are 51 lines. Leave at most 50" in catch_error("\n".join(lines))


@pytest.mark.parametrize(
    ("tokens", "wanted"),
    [
        ((0, 0), 0),
        ((1, 0), 1),
        ((3, 0), 2),
        ((0, 1), 0),
        ((10**6, 10**6), 900_000),
        ((2**31, 0), 1_073_741_824),
    ],
)
def test_a_cost_is_rounded_half_up(tokens: tuple[int, int], wanted: int):
    assert prices.compute_cost({"m": [500_000, 400_000]}, ("m",), tokens) == wanted


def test_the_model_that_answered_counts_before_the_one_asked():
    known = {"gpt-4o": [10**6, 0], "gpt-4o-2024": [2 * 10**6, 0]}
    assert prices.compute_cost(known, ("gpt-4o-2024", "gpt-4o"), (5, 0)) == 10
    assert prices.compute_cost(known, ("gpt-4o-2099", "gpt-4o"), (5, 0)) == 5
    assert prices.compute_cost(known, ("other", "another"), (5, 0)) is None


@pytest.mark.parametrize(
    ("code", "fits"), [("EUR", True), ("eur", False), ("EURO", False), ("", False), ("€UR", False)]
)
def test_a_currency_is_three_capitals(code: str, fits: bool):
    assert prices.is_currency(code) is fits
