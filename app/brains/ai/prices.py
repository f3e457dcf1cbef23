"""Token prices of AI models: parsing an owner's price lines, cost of a call in micros (millionths).

Money is counted in micros, millionths of a currency; a price is the micros for a million tokens.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from app.signals import DomainError

MAX_MODELS: Final = 50
CURRENCY: Final = "USD"
_CODE = re.compile(r"[A-Z]{3}")
_PRICE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_MICROS: Final = 10**6
_EXAMPLE: Final = "such as “gpt-4o-mini 0.15 0.60”"

# What a million tokens asked and a million answered cost, by model.
Prices = Mapping[str, Sequence[int]]


class WrongPrices(DomainError):
    """Price lines that cannot be parsed; the message names each wrong line."""

    code = "ai-prices"


def is_currency(code: str) -> bool:
    """Tell whether a text has the form of an ISO 4217 code, such as USD."""
    return _CODE.fullmatch(code) is not None


def parse_lines(text: str) -> dict[str, list[int]]:
    """Parse one line a model: its name, input price and output price per 1M tokens; raises WrongPrices."""
    lines = [(n, line.split()) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > MAX_MODELS:
        raise WrongPrices(
            f"These are {len(lines)} lines. Leave at most {MAX_MODELS}: those of the models you ask."
        )
    found: dict[str, list[int]] = {}
    wrong: list[str] = []
    for number, words in lines:
        problem = next(_find_problems(words, found), "")
        if problem:
            wrong.append(f"Line {number}: {problem}")
        else:
            found[words[0]] = [int(Decimal(price) * _MICROS) for price in words[1:]]
    if wrong:
        raise WrongPrices(" ".join(wrong))
    return found


def _find_problems(words: Sequence[str], known: Mapping[str, object]) -> Iterator[str]:
    model, *prices = words
    if len(prices) != 2:
        yield f"write a model, its price asked and its price answered, with spaces between them, {_EXAMPLE}."
    if len(model) > 100 or not model.isprintable():
        yield "write the model's name in at most 100 plain signs."
    for price in prices:
        if not _PRICE.fullmatch(price):
            yield (
                f"“{price[:20]}” is no price. Write a number below a million with a point "
                "and up to 6 digits after it, such as 0.15."
            )
    if model in known:
        yield f"“{model}” has a price above already. Remove one of the two lines."


def format_lines(prices: Prices) -> str:
    """Format prices as the lines an owner writes."""
    return "\n".join(
        f"{model}  {format_amount(input_price)}  {format_amount(output_price)}"
        for model, (input_price, output_price) in prices.items()
    )


def format_amount(micros: int) -> str:
    """Format micros as whole units with all significant digits, at least two after the point."""
    digits = f"{micros % _MICROS:06d}".rstrip("0")
    return f"{micros // _MICROS}.{digits:0<2}"


def compute_cost(prices: Prices, models: Sequence[str], tokens: tuple[int, int]) -> int | None:
    """Return the cost (micros, half up) of input and output tokens by the first model with a price; None without."""
    price = next((prices[model] for model in models if model in prices), None)
    if price is None:
        return None
    exact = tokens[0] * price[0] + tokens[1] * price[1]
    return (exact + _MICROS // 2) // _MICROS
