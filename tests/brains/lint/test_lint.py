"""The lint of a whole brain: what it must find, what it must leave alone, and where it says so."""

import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.brains import limits
from app.brains.document.gallery import build_demo_document
from app.brains.document.yaml_format import load_yaml
from app.brains.lint import ERROR, WARNING, Finding, is_blocking, lint, review
from app.brains.sandbox import Sandbox

CORPUS = Path(__file__).parent / "corpus"
SAMPLES = sorted((Path(__file__).parents[3] / "app" / "brains" / "document" / "samples").glob("*.yaml"))
Case = dict[str, Any]
Lint = Callable[[Case], list[Finding]]


def load_cases(*names: str) -> list[Case]:
    return [case for name in names for case in yaml.safe_load((CORPUS / f"{name}.yaml").read_text())]


DEFECTS = load_cases("names", "triggers", "calls", "never", "intents")
CLEAN = load_cases("clean")


def build_document(case: Case) -> Case:
    """Fill in what a case leaves out; %4200% stands for a text of so many characters."""
    commands = []
    for place, given in enumerate(case["commands"]):
        action = {"kind": "reply", **given["action"]}
        if "template" in action:
            long = re.sub(r"%(\d+)%", lambda found: "x" * int(found[1]), action["template"])
            action["template"] = long
        commands.append({"id": f"c{place}", "name": f"command {place}", **given, "action": action})
    rest = {
        name: case[name] for name in ("settings", "grants", "groups", "prompts", "intents") if name in case
    }
    return {"brain": "case", "title": "Case", **rest, "commands": commands}


@pytest.fixture(scope="module")
def run_lint(sandbox: Sandbox) -> Lint:
    return lambda case: lint(build_document(case), partial(sandbox.read_facts, "draft:lint"))


def matches(finding: Finding, expected: Case) -> bool:
    at = finding.path == expected["at"] or finding.path.startswith(f"{expected['at']}.")
    return finding.code == expected["code"] and at and expected.get("line") in {None, finding.line}


def test_the_corpus_is_large_enough_and_its_brains_are_valid(sandbox: Sandbox):
    assert len(DEFECTS) >= 60
    assert len(CLEAN) >= 25
    for case in [*DEFECTS, *CLEAN]:
        found = review(build_document(case), sandbox, "draft:lint")
        assert [each for each in found if not isinstance(each, Finding)] == [], case["name"]


def test_recall_and_false_alarms_over_the_corpus(run_lint: Lint):
    missed, beside = [], []
    for case in DEFECTS:
        found = run_lint(case)
        if not any(matches(each, case["expect"]) for each in found):
            missed.append((case["name"], [(each.code, each.path, each.line) for each in found]))
        beside += [(case["name"], each.code) for each in found if each.code != case["expect"]["code"]]
    alarms = [(case["name"], each.code) for case in CLEAN for each in run_lint(case)]
    alarmed = {name for name, _ in alarms}
    recall = 1 - len(missed) / len(DEFECTS)
    print(f"\nlint: recall {recall:.1%} of {len(DEFECTS)} defects, missed {missed}")
    print(f"lint: false alarms in {len(alarmed) / len(CLEAN):.1%} of {len(CLEAN)} clean brains {alarms}")
    print(f"lint: {len(beside)} findings beside the seeded ones {beside}")
    assert recall >= 0.95
    assert len(alarmed) / len(CLEAN) <= 0.05
    assert len(beside) / len(DEFECTS) <= 0.05


@pytest.mark.parametrize("case", load_cases("never"), ids=lambda case: case["name"])
def test_what_can_never_work_is_found(run_lint: Lint, case: Case):
    assert any(matches(each, case["expect"]) for each in run_lint(case))


@pytest.mark.parametrize("case", DEFECTS, ids=lambda case: case["name"])
def test_each_finding_says_what_to_do(run_lint: Lint, case: Case):
    for finding in run_lint(case):
        assert finding.severity in {ERROR, WARNING}
        assert finding.message.endswith("."), finding
        assert finding.fix.endswith((".", "?")), finding
        assert finding.path


def test_every_rule_is_documented_and_has_a_seeded_defect():
    root = Path(__file__).parents[3]
    text = (root / "docs" / "lint.md").read_text()
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    # A capability names what its permission will refuse.
    folders = [root / "app" / "brains" / name for name in ("lint", "capabilities")]
    source = "".join(path.read_text() for folder in folders for path in folder.glob("*.py"))
    assert documented == {case["expect"]["code"] for case in DEFECTS}
    assert [code for code in documented if f'"{code}"' not in source] == []


def test_errors_come_first_and_only_they_stop(run_lint: Lint):
    broken = {"trigger": {"kind": "exact", "texts": ["b"]}, "action": {"template": "{{ nobody }}"}}
    twice = {"trigger": {"kind": "exact", "texts": ["a", "a"]}, "action": {"template": "x"}}
    found = run_lint({"commands": [twice, broken]})
    assert [(each.code, is_blocking(each)) for each in found] == [
        ("unknown-variable", True),
        ("duplicate-word", False),
    ]


def test_a_finding_points_at_the_operators_own_columns(run_lint: Lint):
    source = "name = 'Ama'\nctx.reply(f'é {naem}' + ctx.sender.phon)"
    found = run_lint(
        {"commands": [{"trigger": {"kind": "fallback"}, "action": {"kind": "script", "source": source}}]}
    )
    places = {(each.line, each.column, each.end_column) for each in found}
    line = source.splitlines()[1]
    assert (2, line.index("ctx.sender.phon") + 1, len(line)) in places
    assert all(
        each.excerpt == tuple(f"{n}: {text}" for n, text in enumerate(source.splitlines(), 1))
        for each in found
    )
    assert {each.fix for each in found} >= {"Did you mean “phone”?"}


def test_a_draft_that_is_not_valid_or_cannot_be_read_has_its_problems_first(sandbox: Sandbox):
    assert lint({"commands": 3}, partial(sandbox.read_facts, "draft:lint")) == []
    half = build_document(
        {
            "commands": [
                {"trigger": {"kind": "exact", "texts": ["a"]}, "action": {"kind": "script", "source": "if"}},
                {"trigger": {"kind": "exact", "texts": ["a", "b"]}, "action": {"template": "{{ nobody }}"}},
            ]
        }
    )
    found = review(half, sandbox, "draft:lint")
    assert [each.path for each in found if is_blocking(each)] == [
        "commands.0.action.source",
        "commands.1.action.template",
    ]
    assert not any("unused" in getattr(each, "code", "") for each in found)


def test_the_demo_brain_is_clean(sandbox: Sandbox):
    assert review(build_demo_document(), sandbox, "draft:lint") == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_gallery_is_clean(sandbox: Sandbox, path: Path):
    assert review(load_yaml(path.read_text()), sandbox, "draft:lint") == []


def test_a_brain_of_500_commands_is_looked_at_in_a_moment(sandbox: Sandbox):
    commands = [
        {"trigger": {"kind": "command", "words": [f"word{n}"]}, "action": {"template": f"Answer {n}"}}
        for n in range(limits.COMMANDS)
    ]
    data = build_document({"commands": commands})
    read = partial(sandbox.read_facts, "draft:lint")
    assert lint(data, read) == []
    before = time.perf_counter()
    lint(data, read)
    assert time.perf_counter() - before < 3


def test_a_dead_choice_of_a_script_is_named_with_its_id_at_its_own_place(run_lint: Lint):
    buttons = 'ctx.reply("?", buttons=["A", {"id": "b:1", "title": "B"}])'
    source = buttons + '\nctx.reply("?", list={"button": "O", "rows": ["C"]})'
    trigger = {"kind": "exact", "texts": ["start"]}
    found = run_lint({"commands": [{"trigger": trigger, "action": {"kind": "script", "source": source}}]})
    assert [(each.message, each.line, each.severity) for each in found] == [
        ("Line 1: Nothing happens when somebody presses “A”.", 1, WARNING),
        ("Line 1: Nothing happens when somebody presses “B”.", 1, WARNING),
        ("Line 2: Nothing happens when somebody chooses “C”.", 2, WARNING),
    ]
    assert "its id, “b:1”" in found[1].fix
    assert found[0].column == source.index('"A"') + 1
