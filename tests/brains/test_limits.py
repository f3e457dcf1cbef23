"""The page on scripts says what the table of limits says."""

from pathlib import Path

import pytest

from app.brains import limits
from app.brains.confined.context import Context
from app.brains.confined.guards import ATTRIBUTES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scripts.md").read_text()


@pytest.mark.parametrize("budget", limits.BUDGET_CARD, ids=lambda budget: budget.name)
def test_the_page_names_every_budget(budget):
    assert f"| {budget.title} | {budget.allowed:,.0f} {budget.unit} |" in PAGE


@pytest.mark.parametrize("name", sorted({*ATTRIBUTES[Context], "ai", "http"}))
def test_the_page_names_all_of_ctx(name):
    assert f"ctx.{name}" in PAGE or f"`{name}" in PAGE


def test_the_page_names_the_other_limits():
    for words in (
        f"{limits.CALL_SECONDS:.0f} s for a whole run",
        f"{limits.CALLS_AI} requests to the AI and {limits.CALLS_HTTP} to the web",
        f"{limits.MEMORY_ENTRIES} variables for each contact",
        f"{limits.MEMORY_SCOPE_BYTES // 1024} KB of them together",
        f"{limits.SCHEDULED} scheduled commands in a chat",
        f"{limits.HTTP_SECONDS:.0f} s, {limits.HTTP_BYTES // 1024} KB",
    ):
        assert words in PAGE, words
