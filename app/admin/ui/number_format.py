"""Format of numbers: counts, durations, rates, money, and changes against another period."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

from app.brains.ai import prices
from app.immutable import immutable

# Money is counted in millionths of its currency.
Unit = Literal["count", "ms", "rate", "money"]
NO_VALUE: Final = "–"
# Changes smaller than this are none.
_MIN_CHANGE: Final = 0.005
_SIGNS: Final = {"USD": "$", "EUR": "€", "GBP": "£"}
_CENT_MICROS: Final = 10_000


@immutable
class Change:
    """How a number differs from the one before; `tone`: good | bad | quiet."""

    words: str
    tone: str
    hint: str


def round_value(unit: Unit, value: float | None) -> float | None:
    """Return a number as charts and tables show it: rates in percent, times to a millisecond or three digits."""
    if value is None or unit in {"count", "money"}:
        return value
    if unit == "rate":
        return round(100 * value, 1)
    return round(value, 1) if value < 10 else round(value)


def format_value(unit: Unit, value: float | None) -> str:
    """Return a number with its unit."""
    return format_rounded(unit, round_value(unit, value))


def format_rounded(unit: Unit, shown: float | None) -> str:
    """Return a rounded number with its unit."""
    if shown is None:
        return NO_VALUE
    if unit == "count":
        return f"{shown:,.0f}"
    if unit == "rate":
        return f"{shown:.1f} %"
    return format_micros(int(shown)) if unit == "money" else _format_duration(shown)


def format_micros(micros: int) -> str:
    """Return millionths of a currency in whole units with 6 digits behind the point, such as 1.240000."""
    return f"{Decimal(micros).scaleb(-6):f}"


def format_spend(sums: Mapping[str, int]) -> str:
    """Return sums (micros) by currency to the cent, such as $1.24, or 1.24 EUR · 0.40 USD."""
    if len(sums) == 1:
        return "".join(_add_currency(_format_cents(micros), currency) for currency, micros in sums.items())
    return " · ".join(f"{_format_cents(micros)} {code}" for code, micros in sums.items()) or NO_VALUE


def format_price(micros: int, currency: str) -> str:
    """Return what one thing cost with all its digits, such as $0.000312."""
    return _add_currency(prices.format_amount(micros), currency)


def _format_cents(micros: int) -> str:
    if 0 < micros < _CENT_MICROS:
        return "<0.01"
    return f"{Decimal(micros).scaleb(-6).quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def _add_currency(number: str, currency: str) -> str:
    if currency not in _SIGNS:
        return f"{number} {currency}"
    return f"{number[:-4]}{_SIGNS[currency]}{number[-4:]}" if number[0] == "<" else _SIGNS[currency] + number


def _format_duration(ms: float) -> str:
    if ms < 10:
        return f"{ms:.1f} ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.2f} s"
    return f"{ms / 60_000:.1f} min" if ms < 3_600_000 else f"{ms / 3_600_000:.1f} h"


def compute_change(unit: Unit, value: float | None, before: float | None, better: int = 0) -> Change | None:
    """Compare with the period before; `better`: 1 when more is better, -1 when less is, 0 when neither."""
    if value is None or before is None or (unit != "rate" and not before):
        return None
    by = value - before if unit == "rate" else value / before - 1
    amount = f"{abs(100 * by):,.1f} points" if unit == "rate" else f"{abs(100 * by):,.0f} %"
    hint = f"{format_value(unit, before)} in the period before"
    if abs(by) < _MIN_CHANGE / (10 if unit == "rate" else 1):
        return Change(f"±{amount}", "quiet", hint)
    tone = "quiet" if not better else "good" if (by > 0) == (better > 0) else "bad"
    return Change(f"{'+' if by > 0 else '−'}{amount}", tone, hint)
