from app.admin.ui import usage_card
from app.brains import limits


def test_the_budget_card_has_a_line_for_each_limit_and_a_dash_for_what_is_unknown():
    lines = {
        line.title: line
        for line in usage_card.build_lines({"cpu_ms": 220.0, "effects": 40, "memory_mb": 0.4})
    }
    assert len(lines) == len(limits.BUDGET_CARD)
    assert (lines["Time"].used, lines["Time"].allowed, lines["Time"].tone) == ("220", "250", "warn")
    assert (lines["Effects"].share, lines["Effects"].tone) == (100, "bad")
    assert (lines["Memory"].used, lines["Memory"].share) == ("0.40", 1)
    assert lines["Printed text"].used == "–"
