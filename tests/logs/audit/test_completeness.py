"""Completeness: operators' changes go the way that is audited, and no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[3] / "app"
# What operators use; and the packages whose functions they call.
FRONT = [path for folder in ("admin", "api", "cli") for path in sorted((APP / folder).rglob("*.py"))]
WAYS_AROUND = {"run", "submit", "post"}
# Handlers of the writer that operators set off, and why the audit has them all the same.
EXCUSED = {"cli/audit/commands.py": "it adds its entry itself"}
# Handlers and statements on the driver write these tables past the watch; all of it is the pipeline's or the system's.
RECORDED_BY_HAND = {
    "bot/turns/canary.py": "a rollout that is rolled back",
    "privacy/erasure.py": "an erasure that has ended",
    "privacy/retention.py": "what is too old",
}


def list_ways_around(path: Path) -> Iterator[str]:
    """Yield the calls of a file that write without a watched session."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            if node.func.attr in WAYS_AROUND and owner.endswith("writer"):
                yield ast.unparse(node.func)
            if owner.endswith("engine") and node.func.attr == "begin":
                yield ast.unparse(node.func)


@pytest.mark.parametrize("path", FRONT, ids=lambda path: str(path.relative_to(APP)))
def test_pages_and_commands_write_through_the_audited_way_alone(path: Path):
    if str(path.relative_to(APP)) not in EXCUSED:
        assert list(list_ways_around(path)) == []


@pytest.mark.parametrize("name", RECORDED_BY_HAND)
def test_what_the_system_changes_past_the_watch_is_recorded_by_hand(name: str):
    assert "audit.record(" in (APP / name).read_text()


def test_no_page_and_no_command_words_an_entry_itself():
    """The domain does: whoever calls it, the words are the same."""
    wording = [str(path.relative_to(APP)) for path in FRONT if "name_action(" in path.read_text()]
    assert wording == []
