"""`flask brain canary`, `shadow`, `promote` and `stop`: a version is tried without a browser."""

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

BRAIN = """\
brain: greeter
title: Greeter
commands:
- {id: hi, name: Hi, trigger: {kind: exact, texts: [hi]}, action: {kind: reply, template: "Hello {{ sender.name }}"}}
tests:
- {name: greets, steps: [{user: hi}, {bot: Hello Ada}]}
"""


@pytest.fixture
def run(installation: Flask, tmp_path: Path) -> Any:
    runner = installation.test_cli_runner()

    def call(*words: str, text: str = "") -> Any:
        if text:
            (tmp_path / "brain.yaml").write_text(text)
            words = (*words, str(tmp_path / "brain.yaml"))
        return runner.invoke(args=["brain", *words])

    call("import", "--publish", text=BRAIN)
    return call


def test_a_canary_is_begun_and_promoted(run: Any):
    run("import", text=BRAIN.replace("Hello", "Hi there"))
    begun = run("canary", "greeter", "--percent", "25")
    assert (begun.exit_code, begun.output) == (
        0,
        "25 % of the contacts of “greeter” get it from the next message on.\n",
    )
    promoted = run("promote", "greeter")
    assert (promoted.exit_code, promoted.output) == (0, "Version 2 of “greeter” is live for everyone.\n")
    assert "Hi there" in run("export", "greeter", "--live").output
    assert "No version of this brain is being tried" in run("promote", "greeter").output


def test_a_shadow_is_begun_and_stopped(run: Any):
    run("import", text=BRAIN.replace("Hello", "Hi there"))
    assert "runs in shadow mode" in run("shadow", "greeter", "--note", "Friendlier").output
    assert "by its live version alone" in run("stop", "greeter").output
    assert run("stop", "greeter").exit_code == 1


def test_red_tests_a_same_draft_and_an_unknown_brain_are_refused(run: Any):
    same = run("canary", "greeter")
    assert (same.exit_code, "same as version 1" in same.output) == (1, True)
    run("import", text=BRAIN.replace('"Hello {{', '"Bye {{'))
    red = run("canary", "greeter")
    assert (red.exit_code, "did not pass" in red.output) == (1, True)
    assert run("canary", "greeter", "--anyway", "It is late").exit_code == 0
    assert "There is no brain" in run("shadow", "nobody").output
    assert run("canary", "greeter", "--percent", "95").exit_code == 2
