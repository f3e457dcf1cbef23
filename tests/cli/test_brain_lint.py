"""`flask brain lint`: exit codes, places and remedies, for files and for drafts."""

import json
from pathlib import Path

import pytest
from flask import Flask

_HEAD = "brain: shop\ntitle: Shop\ncommands:\n"
_GOOD = "- {id: c1, name: hi, trigger: {kind: exact, texts: [hi]}, action: {kind: reply, template: Hi}}\n"
_TWICE = (
    "- {id: c2, name: ho, trigger: {kind: exact, texts: [hi, ho]}, action: {kind: reply, template: Ho}}\n"
)
_BROKEN = (
    "- {id: c3, name: x, trigger: {kind: exact, texts: [x]}, "
    'action: {kind: reply, template: "{{ sendr.name }}"}}\n'
)


@pytest.fixture
def run(installation: Flask):
    runner = installation.test_cli_runner()
    return lambda *words: runner.invoke(args=list(words))


@pytest.fixture
def write(tmp_path: Path):
    def make(*commands: str) -> str:
        file = tmp_path / "shop.yaml"
        file.write_text(_HEAD + "".join(commands))
        return str(file)

    return make


def test_a_clean_file_ends_well(run, write):
    answer = run("brain", "lint", write(_GOOD), "--strict")
    assert (answer.exit_code, answer.output) == (0, "Nothing to repair.\n")


def test_an_error_ends_with_1_and_says_where_and_what_to_do(run, write):
    answer = run("brain", "lint", write(_GOOD, _BROKEN))
    assert answer.exit_code == 1
    assert (
        "error unknown-variable  commands.1.action.template: Line 1: “sendr” is not known here."
        in answer.output
    )
    assert "-> Did you mean “sender”?" in answer.output
    assert "1 to repair, 0 worth a look." in answer.output


def test_a_warning_ends_with_1_only_when_strict(run, write):
    file = write(_GOOD, _TWICE)
    assert run("brain", "lint", file).exit_code == 0
    assert "warning duplicate-word" in run("brain", "lint", file).output
    assert run("brain", "lint", file, "--strict").exit_code == 1


def test_findings_come_as_json_with_their_places(run, write):
    answer = run("brain", "lint", write(_GOOD, _TWICE, _BROKEN), "--json")
    rows = json.loads(answer.output)
    assert [(row["code"], row["severity"], row["command_id"], row["line"]) for row in rows] == [
        ("unknown-variable", "error", "c3", 1),
        ("duplicate-word", "warning", "c2", None),
    ]
    assert all(row["message"] and row["fix"] and row["path"] for row in rows)


def test_what_is_not_valid_at_all_is_told_as_well(run, write):
    answer = run("brain", "lint", write(_GOOD.replace("exact", "exactly")), "--json")
    assert answer.exit_code == 1
    assert {row["code"] for row in json.loads(answer.output)} == {"invalid"}


def test_a_draft_is_looked_at_by_its_short_name(run, write):
    file = write(_GOOD, _BROKEN)
    refused = run("brain", "import", file, "--publish")
    assert (refused.exit_code, "sendr" in refused.output) == (1, True)
    assert "to repair before publishing" in run("brain", "import", file).output
    assert run("brain", "lint", "shop").exit_code == 1


@pytest.mark.parametrize(
    ("name", "words"), [("nobody", "There is no brain"), ("no/such.yaml", "There is no file")]
)
def test_what_is_not_there_is_named(run, name: str, words: str):
    answer = run("brain", "lint", name)
    assert answer.exit_code == 1
    assert words in answer.output


def test_a_file_that_is_no_brain_is_refused(run, tmp_path: Path):
    file = tmp_path / "list.yaml"
    file.write_text("- 1\n")
    answer = run("brain", "lint", str(file))
    assert answer.exit_code == 1
    assert "Traceback" not in answer.output
