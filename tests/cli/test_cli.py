"""The command line: help, exit codes, and errors that say what to do."""

import json

import pytest
from flask import Flask

from tests.conftest import SHARED

ECHO = SHARED.parent


@pytest.fixture
def run(installation: Flask):
    runner = installation.test_cli_runner()
    return lambda *words, **more: runner.invoke(args=list(words), **more)


CONNECT = (
    "connection",
    "add",
    "--name",
    "Shop",
    "--phone-number-id",
    "106540352242922",
    "--access-token",
    "EAAG-token",
    "--app-secret",
    "very-secret-1",
    "--verify-token",
    "my-word-1",
)


def test_init_makes_one_owner(run):
    first = run("init", "--email", "Ada@Example.com", "--password-stdin", input="a long password\n")
    assert (first.exit_code, "ada@example.com" in first.output) == (0, True)
    again = run("init", "--email", "b@example.com", "--password-stdin", input="a long password\n")
    assert again.exit_code == 1
    assert "has an owner already" in again.output


@pytest.mark.parametrize(("email", "password"), [("no address", "a long password"), ("a@b.co", "short")])
def test_init_says_what_is_wrong(run, email: str, password: str):
    answer = run("init", "--email", email, "--password-stdin", input=password + "\n")
    assert answer.exit_code == 1
    assert "Error: " in answer.output


def test_init_refuses_an_unknown_time_zone(run):
    words = ("init", "--email", "a@b.co", "--password-stdin", "--timezone", "Mars/Base")
    answer = run(*words, input="a long password\n")
    assert (answer.exit_code, "no such time zone" in answer.output) == (1, True)


def test_a_brain_goes_in_and_out_as_yaml(run, tmp_path):
    file = tmp_path / "echo.yaml"
    file.write_text(
        "brain: echo\ntitle: Echo\ncommands:\n- id: c1\n  name: echo\n  trigger: {kind: command, words: [echo]}\n"
        '  action: {kind: reply, template: "You said {{ message.text }}"}\n'
    )
    assert "version 1 is live" in run("brain", "import", str(file), "--publish").output
    exported = run("brain", "export", "echo", "--live").output
    file.write_text(exported)
    assert run("brain", "import", str(file)).exit_code == 0
    assert run("brain", "export", "echo").output == exported
    assert "echo" in run("brain", "list").output


def test_a_broken_brain_is_not_published_and_changes_nothing(run, tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text(
        "brain: broken\ntitle: Broken\ncommands:\n- id: c1\n  name: x\n  trigger: {kind: exact, texts: [hi]}\n"
        '  action: {kind: reply, template: "{{ oh"}\n'
    )
    answer = run("brain", "import", str(file), "--publish")
    assert answer.exit_code == 1
    assert "commands.0" in answer.output
    assert "broken" not in run("brain", "list").output


def test_a_connection_is_added_with_its_brain_or_the_reason_why_not(run):
    assert "There is no brain" in run(*CONNECT, "--brain", "nobody").output
    assert run(*CONNECT).exit_code == 0
    again = run(*CONNECT)
    assert (again.exit_code, "already connected" in again.output) == (1, True)
    assert [row["account"] for row in json.loads(run("connection", "list", "--json").output)] == [
        "106540352242922"
    ]


def test_stats_are_json_with_every_promised_figure(run):
    figures = json.loads(run("stats", "--json").output)
    assert set(figures) >= {"messages", "contacts", "chats", "unknown", "dead", "lag"}
    assert set(figures["messages"]) == {"in", "out"}


def test_the_doctor_names_what_is_missing_and_the_remedy(run):
    answer = run("doctor", "--json")
    findings = {finding["check"]: finding for finding in json.loads(answer.output)}
    assert answer.exit_code == 1
    assert findings["sandbox"]["ok"]
    assert not findings["owner"]["ok"]
    assert "init" in findings["owner"]["remedy"]
    assert not findings["worker"]["ok"]


@pytest.mark.parametrize(
    "words", [(), ("connection",), ("brain",), ("brain", "import"), ("stats",), ("doctor",)]
)
def test_every_command_has_help(run, words: tuple[str, ...]):
    answer = run(*words, "--help")
    assert answer.exit_code == 0
    assert "Usage" in answer.output
