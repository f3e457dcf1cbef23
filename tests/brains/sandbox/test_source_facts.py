from typing import Any

import pytest

from app.brains import limits
from app.brains.sandbox import SCRIPT, TEMPLATE, Sandbox, Source
from app.brains.sandbox.source_facts import read_facts


def test_facts_are_read_in_the_sandbox_and_kept_with_the_code(sandbox: Sandbox):
    sources = [
        Source.from_text(SCRIPT, "ctx.reply(ctx.args.x)"),
        Source.from_text(TEMPLATE, "{{ args.x }}"),
        Source.from_text(SCRIPT, "if"),
    ]
    script, template, broken = sandbox.read_facts("draft:facts", sources)
    assert script is not None
    assert template is not None
    assert ("use", ("args", "x")) in {(fact.kind, fact.texts) for fact in script}
    assert ("use", ("args", "x")) in {(fact.kind, fact.texts) for fact in template}
    assert broken is None
    assert sandbox.read_facts("draft:facts", sources)[0] is script


def test_a_source_with_more_facts_than_fit_says_so(sandbox: Sandbox):
    names = [f"ctx.log(ctx.args['{'é' * 60}{n}'])" for n in range(140)]
    (facts,) = sandbox.read_facts("draft:facts", [Source.from_text(SCRIPT, "\n".join(names))])
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
