"""`flask brain test` and the gallery on the command line: exit codes and words."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.brains.document.gallery import load_samples

BRAIN = """\
brain: greeter
title: Greeter
commands:
- {id: hi, name: Hi, trigger: {kind: exact, texts: [hi]}, action: {kind: reply, template: "Hello {{ sender.name }}"}}
tests:
- {name: greets, steps: [{user: hi}, {bot: Hello Ada}]}
"""
RED = BRAIN + "- {name: is wrong, steps: [{user: hi}, {bot: Goodbye}]}\n"


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(text: str) -> str:
        path = tmp_path / "brain.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_green_tests_end_with_0_for_a_file_and_for_a_brain(run: Any, file: Any):
    path = file(BRAIN)
    answer = run("test", path)
    assert (answer.exit_code, answer.output) == (0, "passed greets\n1 of 1 tests passed.\n")
    run("import", path)
    assert run("test", "greeter").output == answer.output


def test_a_red_test_ends_with_1_and_says_what_differs(run: Any, file: Any):
    answer = run("test", file(RED))
    assert answer.exit_code == 1
    assert "step 2 (Goodbye): “Hello Ada” came instead of “Goodbye”." in answer.output
    assert "expected: Goodbye" in answer.output
    rows = json.loads(run("test", file(RED), "--json").output)
    assert [(row["name"], row["status"]) for row in rows] == [("greets", "green"), ("is wrong", "red")]
    assert rows[1]["steps"][1]["came"] == "Hello Ada"
    assert rows[1]["steps"][0]["trace"]["command"] == "Hi"


def test_one_test_is_chosen_and_an_unknown_one_is_named(run: Any, file: Any):
    assert run("test", file(RED), "--only", "greets").exit_code == 0
    answer = run("test", file(RED), "--only", "nothing")
    assert answer.exit_code == 1
    assert "There is no test “nothing”" in answer.output


def test_red_tests_keep_an_import_from_being_published_unless_there_is_a_reason(run: Any, file: Any):
    path = file(RED)
    refused = run("import", path, "--publish")
    assert refused.exit_code == 1
    assert "1 of its tests did not pass (“is wrong”)" in refused.output
    assert "greeter" not in run("list").output
    assert "version 1 is live" in run("import", path, "--publish", "--anyway", "The fair begins").output


def test_the_gallery_lists_searches_and_prints_samples_that_are_green(run: Any, file: Any):
    assert len(run("gallery").output.splitlines()) >= 12
    assert run("gallery", "weather").output.startswith("weather ")
    shown = run("gallery", "--show", "quiz").output
    assert shown.startswith("# Quiz:")
    assert run("test", file(shown)).exit_code == 0
    assert run("gallery", "--show", "nothing").exit_code == 1


def test_the_intents_of_a_file_are_trained_and_their_scores_printed(run: Any, file: Any):
    path = file(next(each for each in load_samples() if each.slug == "shop-intents").text)
    answer = run("train", path)
    assert answer.exit_code == 0
    assert "52 examples, read with the words alone." in answer.output
    assert "good order_status" in answer.output
    assert json.loads(run("train", path, "--json").output)["accuracy"] > 0.8


def test_a_file_without_intents_has_nothing_to_train(run: Any, file: Any):
    answer = run("train", file(BRAIN))
    assert answer.exit_code == 1
    assert "no intents" in answer.output
