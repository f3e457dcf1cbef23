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
from app.brains.exchange import load
from app.brains.gallery import demo_document
from app.brains.lint import ERROR, WARNING, Finding, lint, review, stops
from app.brains.lint.samples import sample
from app.brains.sandbox import SCRIPT, TEMPLATE, Sandbox, Source
from app.brains.sandbox.facts import read_facts
from app.brains.triggers.regex import Config as Regex

CORPUS = Path(__file__).parent / "lint_corpus"
SAMPLES = sorted((Path(__file__).parents[2] / "app" / "brains" / "samples").glob("*.yaml"))
Case = dict[str, Any]
Lint = Callable[[Case], list[Finding]]


def cases(*names: str) -> list[Case]:
    return [case for name in names for case in yaml.safe_load((CORPUS / f"{name}.yaml").read_text())]


DEFECTS = cases("names", "triggers", "calls")
CLEAN = cases("clean")


def document(case: Case) -> Case:
    """Fill in what a case leaves out; %4200% stands for a text of so many characters."""
    commands = []
    for place, given in enumerate(case["commands"]):
        action = {"kind": "reply", **given["action"]}
        if "template" in action:
            long = re.sub(r"%(\d+)%", lambda found: "x" * int(found[1]), action["template"])
            action["template"] = long
        commands.append({"id": f"c{place}", "name": f"command {place}", **given, "action": action})
    rest = {name: case[name] for name in ("settings", "grants", "groups", "prompts") if name in case}
    return {"brain": "case", "title": "Case", **rest, "commands": commands}


@pytest.fixture(scope="module")
def looked(sandbox: Sandbox) -> Lint:
    return lambda case: lint(document(case), partial(sandbox.facts, "draft:lint"))


def fits(finding: Finding, expected: Case) -> bool:
    at = finding.path == expected["at"] or finding.path.startswith(f"{expected['at']}.")
    return finding.code == expected["code"] and at and expected.get("line") in {None, finding.line}


def test_the_corpus_is_large_enough_and_its_brains_are_valid(sandbox: Sandbox):
    assert len(DEFECTS) >= 60
    assert len(CLEAN) >= 25
    for case in [*DEFECTS, *CLEAN]:
        found = review(document(case), sandbox, "draft:lint")
        assert [each for each in found if not isinstance(each, Finding)] == [], case["name"]


def test_recall_and_false_alarms_over_the_corpus(looked: Lint):
    missed, beside = [], []
    for case in DEFECTS:
        found = looked(case)
        if not any(fits(each, case["expect"]) for each in found):
            missed.append((case["name"], [(each.code, each.path, each.line) for each in found]))
        beside += [(case["name"], each.code) for each in found if each.code != case["expect"]["code"]]
    alarms = [(case["name"], each.code) for case in CLEAN for each in looked(case)]
    alarmed = {name for name, _ in alarms}
    recall = 1 - len(missed) / len(DEFECTS)
    print(f"\nlint: recall {recall:.1%} of {len(DEFECTS)} defects, missed {missed}")
    print(f"lint: false alarms in {len(alarmed) / len(CLEAN):.1%} of {len(CLEAN)} clean brains {alarms}")
    print(f"lint: {len(beside)} findings beside the seeded ones {beside}")
    assert recall >= 0.95
    assert len(alarmed) / len(CLEAN) <= 0.05
    assert len(beside) / len(DEFECTS) <= 0.05


@pytest.mark.parametrize("case", DEFECTS, ids=lambda case: case["name"])
def test_each_finding_says_what_to_do(looked: Lint, case: Case):
    for finding in looked(case):
        assert finding.severity in {ERROR, WARNING}
        assert finding.message.endswith("."), finding
        assert finding.fix.endswith((".", "?")), finding
        assert finding.path


def test_every_rule_is_documented_and_has_a_seeded_defect():
    root = Path(__file__).parents[2]
    text = (root / "docs" / "lint.md").read_text()
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE))
    source = "".join(path.read_text() for path in (root / "app" / "brains" / "lint").glob("*.py"))
    assert documented == {case["expect"]["code"] for case in DEFECTS}
    assert [code for code in documented if f'"{code}"' not in source] == []


def test_errors_come_first_and_only_they_stop(looked: Lint):
    broken = {"trigger": {"kind": "exact", "texts": ["b"]}, "action": {"template": "{{ nobody }}"}}
    twice = {"trigger": {"kind": "exact", "texts": ["a", "a"]}, "action": {"template": "x"}}
    found = looked({"commands": [twice, broken]})
    assert [(each.code, stops(each)) for each in found] == [
        ("unknown-variable", True),
        ("duplicate-word", False),
    ]


def test_a_finding_points_at_the_operators_own_columns(looked: Lint):
    source = "name = 'Ama'\nctx.reply(f'é {naem}' + ctx.sender.phon)"
    found = looked(
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
    assert lint({"commands": 3}, partial(sandbox.facts, "draft:lint")) == []
    half = document(
        {
            "commands": [
                {"trigger": {"kind": "exact", "texts": ["a"]}, "action": {"kind": "script", "source": "if"}},
                {"trigger": {"kind": "exact", "texts": ["a", "b"]}, "action": {"template": "{{ nobody }}"}},
            ]
        }
    )
    found = review(half, sandbox, "draft:lint")
    assert [each.path for each in found if stops(each)] == [
        "commands.0.action.source",
        "commands.1.action.template",
    ]
    assert not any("unused" in getattr(each, "code", "") for each in found)


def test_the_demo_brain_is_clean(sandbox: Sandbox):
    assert review(demo_document(), sandbox, "draft:lint") == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_gallery_is_clean(sandbox: Sandbox, path: Path):
    assert review(load(path.read_text()), sandbox, "draft:lint") == []


def test_a_brain_of_500_commands_is_looked_at_in_a_moment(sandbox: Sandbox):
    commands = [
        {"trigger": {"kind": "command", "words": [f"word{n}"]}, "action": {"template": f"Answer {n}"}}
        for n in range(limits.COMMANDS)
    ]
    data = document({"commands": commands})
    read = partial(sandbox.facts, "draft:lint")
    assert lint(data, read) == []
    before = time.perf_counter()
    lint(data, read)
    assert time.perf_counter() - before < 3


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(?P<day>mon|tue)[a-z]*day$", r"(?i)\bhello\b", r"\d{2,4}-[^x-]{3}", r"a+b*c?", r"[[:alpha:]]+\.",
        r"(?:ab|cd){2}", r"\pL+", r"[]x]+", r"(?i:yes)|no", r"x{,3}", r"caf\x{e9}|tea", r"(a|b)(c|d)",
    ],
)  # fmt: skip
def test_texts_made_from_a_pattern_fit_it(pattern: str):
    compiled = Regex(kind="regex", pattern=pattern).compiled
    texts = sample(pattern, compiled)
    assert all(compiled.search(text) for text in texts)
    assert texts or "\\x{" in pattern


@pytest.mark.parametrize("pattern", ["(" * 60 + "a" + ")" * 60, "a{1000}", "(a{30}){30}", "[", "x|" * 300])
def test_a_hard_pattern_costs_nothing(pattern: str):
    class Everything:
        def search(self, _text: str) -> bool:
            return True

    assert all(len(text) <= 200 for text in sample(pattern, Everything()))


def test_facts_are_read_in_the_sandbox_and_kept_with_the_code(sandbox: Sandbox):
    sources = [
        Source.of(SCRIPT, "ctx.reply(ctx.args.x)"),
        Source.of(TEMPLATE, "{{ args.x }}"),
        Source.of(SCRIPT, "if"),
    ]
    script, template, broken = sandbox.facts("draft:facts", sources)
    assert script is not None
    assert template is not None
    assert ("use", ("args", "x")) in {(fact.kind, fact.texts) for fact in script}
    assert ("use", ("args", "x")) in {(fact.kind, fact.texts) for fact in template}
    assert broken is None
    assert sandbox.facts("draft:facts", sources)[0] is script


def test_a_source_with_more_facts_than_fit_says_so(sandbox: Sandbox):
    names = [f"ctx.log(ctx.args['{'é' * 60}{n}'])" for n in range(140)]
    (facts,) = sandbox.facts("draft:facts", [Source.of(SCRIPT, "\n".join(names))])
    assert facts
    assert facts[-1].kind == "more"


@pytest.mark.parametrize(
    "value",
    [
        None, 3, "use", {"use": 1}, [None], [["use"]], [["use", "x", 1, 1, 1, 1, True]], [[1, [], 1, 1, 1, 1, True]],
        [["use", [3], 1, 1, 1, 1, True]],
    ],
)  # fmt: skip
def test_what_a_hostile_child_calls_facts_is_left_out(value: Any):
    assert read_facts(value) == ()


def test_strange_numbers_of_a_hostile_child_are_dropped():
    (fact,) = read_facts([["use", ["a" * 999, "\ud800"], 0, -1, True, 2**70, "yes"]])
    assert (fact.line, fact.column, fact.end_column, fact.number, fact.flag) == (None, None, None, -1, False)
    assert len(fact.texts[0]) == limits.FACT_CHARS
    fact.texts[1].encode()
