"""The budget card: what a try used of each allowance."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.brains.limits import CARD

# From this share on a line warns: the next busier message may go over.
NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Line:
    """One allowance; `used` and `allowed` in words with digits grouped, `share` in percent of 100 at most."""

    title: str
    unit: str
    used: str
    allowed: str
    share: int
    tone: str  # quiet | warn | bad


def card(usage: Mapping[str, float]) -> list[Line]:
    """Draw every line of the table of limits; what was not measured stands as a dash."""
    return [_line(budget.title, budget.unit, usage.get(budget.name), budget.allowed) for budget in CARD]


def _line(title: str, unit: str, used: float | None, allowed: float) -> Line:
    if used is None:
        return Line(title, unit, "–", _figure(allowed), 0, "quiet")
    part = used / allowed if allowed else 0.0
    tone = "bad" if part > 1 else "warn" if part >= NEAR else "quiet"
    # Something used is something seen, however little it was.
    share = min(100, max(round(part * 100), 1 if used > 0 else 0))
    return Line(title, unit, _figure(used), _figure(allowed), share, tone)


def _figure(value: float) -> str:
    if value < 10 and value != int(value):
        return f"{value:.2f}" if value < 1 else f"{value:.1f}"
    return f"{value:,.0f}"
