"""Usage card of a test run: what it used of each limit, and when it warns."""

from collections.abc import Mapping

from app.brains.limits import BUDGET_CARD
from app.immutable import immutable

# From this share on a line warns: the next busier message may go over.
WARN_SHARE = 0.8


@immutable
class UsageLine:
    """One allowance; `used` and `allowed` in words with digits grouped, `share` in percent of 100 at most."""

    title: str
    unit: str
    used: str
    allowed: str
    share: int
    tone: str  # quiet | warn | bad


def build_lines(usage: Mapping[str, float]) -> list[UsageLine]:
    """Draw every line of the table of limits; what was not measured stands as a dash."""
    return [
        _line(budget.title, budget.unit, usage.get(budget.name), budget.allowed) for budget in BUDGET_CARD
    ]


def _line(title: str, unit: str, used: float | None, allowed: float) -> UsageLine:
    if used is None:
        return UsageLine(title, unit, "–", _format_number(allowed), 0, "quiet")
    part = used / allowed if allowed else 0.0
    tone = "bad" if part > 1 else "warn" if part >= WARN_SHARE else "quiet"
    # Something used is something seen, however little it was.
    share = min(100, max(round(part * 100), 1 if used > 0 else 0))
    return UsageLine(title, unit, _format_number(used), _format_number(allowed), share, tone)


def _format_number(value: float) -> str:
    if value < 10 and value != int(value):
        return f"{value:.2f}" if value < 1 else f"{value:.1f}"
    return f"{value:,.0f}"
