"""Cooldowns of another version: its own runs count, and those before the first as they were recorded."""

from typing import Any

from app.brains.effects.model import Cool, Reply
from app.brains.runtime.cooldown_branch import CooldownBranch
from app.brains.runtime.program import Program, compile_program

KEY = ("c1", "contact:4")


def compile_with(seconds: int, per: str = "contact") -> Program:
    cooldown = {"per": per, "seconds": seconds}
    command = {
        "id": "c1", "name": "run", "trigger": {"kind": "fallback"}, "restrict": {"cooldown": cooldown},
        "action": {"kind": "reply", "template": "Hi"},
    }  # fmt: skip
    return compile_program(1, 1, {"brain": "b", "title": "B", "commands": [command]})


def test_only_a_run_before_the_first_message_is_taken_from_the_record(turn: Any):
    first = turn("hi", contact_id=4)
    branch = CooldownBranch(compile_with(100))
    ran_at = first.now - 10_000
    assert branch.read(first, ["c1", ran_at + 60_000], compile_with(60)) == {KEY: ran_at + 100_000}
    later = CooldownBranch(compile_with(100), since=first.now - 20_000)
    assert later.read(first, ["c1", ran_at + 60_000], compile_with(60)) == {}


def test_what_is_not_known_does_not_rest(turn: Any):
    first = turn("hi", contact_id=4)
    branch = CooldownBranch(compile_with(100))
    assert branch.read(first, None, compile_with(60)) == {}
    assert branch.read(first, ["c1", first.now], None) == {}
    assert branch.read(first, ["gone", first.now], compile_with(60)) == {}
    assert branch.read(first, ["c1", first.now], compile_with(60, "brain")) == {}


def test_the_cooldowns_of_its_own_runs_are_kept_and_listed_as_changed(turn: Any):
    first = turn("hi", contact_id=4)
    branch = CooldownBranch(compile_with(100), first.now, {("c2", "brain"): 5})
    branch.apply([Reply("hi"), Cool("c1", "contact:4", first.now + 100_000)])
    assert branch.changed == {KEY: first.now + 100_000}
    assert branch.read(first, None, None) == {("c2", "brain"): 5, **branch.changed}
