from typing import Any

import pytest

from app.brains.document.validation import InvalidDocument
from app.brains.effects.model import Increment, Reply
from app.brains.limits import BUDGET_CARD
from app.brains.runtime.dry_run import DryRunRequest, try_command

ECHO = {"kind": "command", "words": ["echo"]}


def build_script_command(source):
    return {"trigger": ECHO, "action": {"kind": "script", "source": source}}


@pytest.fixture
def try_script(sandbox, brain, turn):
    def go(*commands: Any, text="!echo", **changes: Any):
        return try_command(DryRunRequest(brain(*commands), 1, turn(text, **changes)), sandbox)

    return go


def test_a_try_shows_effects_output_result_and_what_was_used(try_script):
    outcome = try_script(
        build_script_command("ctx.reply('x' * 10)\nctx.memory.incr('n')\nprint('seen')\nctx.result(3)")
    )
    assert outcome.effects == (Reply("x" * 10), Increment("contact", "n", 1))
    assert (outcome.trace.output, outcome.trace.result) == ("seen\n", 3)
    used = outcome.trace.usage
    assert used.keys() <= {line.name for line in BUDGET_CARD}
    assert {"cpu_ms", "memory_mb", "source", "nodes"} <= used.keys()
    assert used["source"] > 50


def test_a_try_of_one_command_needs_no_trigger_and_waits_for_no_repair(try_script):
    broken = {"trigger": {"kind": "regex", "pattern": "("}, "action": {"template": "x"}}
    good = build_script_command("ctx.reply('hi')")
    assert try_script(broken, good, text="", command_id="c1").effects == (Reply("hi"),)
    with pytest.raises(InvalidDocument):
        try_script(broken, good, text="", command_id="c0")
    with pytest.raises(InvalidDocument):
        try_script(broken, good)


def test_a_brain_that_is_wrong_as_a_whole_cannot_be_tried(sandbox, brain, turn):
    for change in ({"settings": {"timezone": "Mars"}}, {"commands": 3}, {"commands": [3]}):
        with pytest.raises(InvalidDocument):
            try_command(DryRunRequest({**brain(), **change}, 1, turn("x", command_id="c0")), sandbox)


def test_a_failed_try_has_its_place_and_what_it_would_have_done(try_script):
    outcome = try_script(build_script_command("ctx.reply('x')\n1 / 0"))
    assert (outcome.status, outcome.effects) == ("failed", ())
    assert outcome.trace.error["line"] == 2
    assert outcome.trace.dropped == [["reply", {"text": "x"}]]


def test_a_try_with_calls_is_waited_for(try_script):
    outcome = try_script(
        {**build_script_command("ctx.call('other')"), "name": "a"},
        {**build_script_command("ctx.reply('b')"), "name": "other"},
    )
    assert outcome.effects == (Reply("b"),)
    assert outcome.trace.usage["source"] == len("ctx.call('other')")
