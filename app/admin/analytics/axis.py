"""Chart axes: scale, tick marks and their labels."""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from app.admin.ui.number_format import Unit

# Lines of charts.js: height of the drawing without its margins, and the least space between two marks, in px.
_HEIGHT_PX: Final = 145
_SPACE_PX: Final = 30
# What lies above the highest value, so that its line is not cut off.
_ROOM: Final = 1.08
_FULL_RATE: Final = 100
_LOWEST_TOP: Final[dict[str, float]] = {"count": 4, "ms": 1, "money": 1}
# Of a chart that has nothing to draw yet: a hundredth of a unit of money.
_EMPTY_TOP: Final[dict[str, float]] = {**_LOWEST_TOP, "money": 10_000}
_STEPS: Final = (1, 2, 2.5, 5)
# Halves of a message are no number.
_WHOLE_STEPS: Final = (1, 2, 5)
_THOUSANDS: Final = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K"))


def build_axis(unit: Unit, values: Iterable[float | None]) -> dict[str, Any]:
    """Return the axis of a chart: `top` (in its unit) and `marks`, each a value and its text.

    `values`: all that is drawn, rounded as number_format.round_value does.
    """
    highest = max((value for value in values if value is not None), default=0)
    lowest = _LOWEST_TOP if highest else _EMPTY_TOP
    top = _FULL_RATE if unit == "rate" else max(highest * _ROOM, lowest[unit])
    step = _choose_step(unit, top)
    marks = [round(n * step, 6) for n in range(math.floor(top / step + 1e-9) + 1)]
    return {"top": top, "marks": [[mark, format_mark(unit, mark)] for mark in marks]}


def _choose_step(unit: Unit, top: float) -> float:
    """Return the smallest round number whose multiples are not too close on an axis of this height."""
    least = top * _SPACE_PX / _HEIGHT_PX
    power = 10.0 ** math.floor(math.log10(least))
    steps = _WHOLE_STEPS if unit == "count" else _STEPS
    found = next((step * power for step in (*steps, 10) if step * power >= least * (1 - 1e-12)), 10 * power)
    return max(found, 1) if unit == "count" else found


def format_mark(unit: Unit, value: float) -> str:
    """Return a mark's value as short as can be: 12K, 2.5 s, 0.002."""
    if unit == "rate":
        return f"{value:g} %"
    if unit == "money":
        return f"{Decimal(f'{value / 1e6:.3g}'):,f}"
    return _shorten(value) if unit == "count" else _format_time(value)


def _shorten(count: float) -> str:
    for size, letter in _THOUSANDS:
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return f"{count:g}"


def _format_time(ms: float) -> str:
    if ms < 1000:
        return f"{ms:g} ms"
    return f"{ms / 1000:g} s" if ms < 60_000 else f"{ms / 60_000:.4g} min"
