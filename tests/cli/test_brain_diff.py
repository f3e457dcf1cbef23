"""`flask brain diff`, `rehearse` and `why`."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.brains.versions import store
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, wait_until

Run = Callable[..., Any]


@pytest.fixture
def bot(installation: Flask) -> SimulatedBot:
    made = SimulatedBot(
        installation, [build_reply_command("hi", "Good morning"), build_reply_command("bye", "Bye")]
    )
    with made.run_worker():
        made.say((1, "hi"), (1, "bye"), (1, "what"))
        wait_until(lambda: len(made.list_runs()) == 3)
    return made


@pytest.fixture
def run(installation: Flask) -> Run:
    runner = installation.test_cli_runner()
    return lambda *words: runner.invoke(args=["brain", *words])


def edit(bot: SimulatedBot, *commands: dict[str, Any]) -> None:
    draft = {**bot.document, "commands": list(commands)}
    bot.database.write(lambda s: store.save_draft(s, bot.brain_id, draft, 1, 2))


def test_diff_shows_words_and_can_fail(bot: SimulatedBot, run: Run):
    assert run("diff", "town", "--exit-code").output == "Nothing differs.\n"
    edit(bot, build_reply_command("bye", "Bye"), build_reply_command("hi", "Good evening"))
    answer = run("diff", "town", "--exit-code")
    assert answer.exit_code == 1
    assert "changed commands c_hi “hi”" in answer.output
    assert "Good [-morning-]{+evening+}" in answer.output
    assert "place" in answer.output
    assert run("diff", "town", "draft", "1").exit_code == 0
    assert "no version 7" in run("diff", "town", "7").output
    assert "is no version" in run("diff", "town", "old").output
    assert "There is no brain" in run("diff", "village").output


def test_rehearse_lists_what_would_change(bot: SimulatedBot, run: Run):
    assert "3 messages: 3 the same, 0 changed." in run("rehearse", "town", "--exit-code").output
    edit(bot, build_reply_command("hi", "Good evening"), build_reply_command("bye", "Bye", enabled=False))
    answer = run("rehearse", "town", "--exit-code")
    assert answer.exit_code == 1
    assert "answered by “hi”: Good evening" in answer.output
    assert "1 the same, 2 changed" in answer.output
    report = json.loads(run("rehearse", "town", "--json", "--last", "2").output)
    assert (report["messages"], report["tally"]) == (2, {"silent": 1, "same": 1})
    assert report["changes"][0]["text"] == "bye"


def test_why_names_the_cause(bot: SimulatedBot, run: Run):
    ids = {run_.trace.get("reason"): run_.message_id for run_ in bot.list_runs()}
    answer = run("why", str(ids["no command matches this message"]))
    assert "No match: No command matches this message." in answer.output
    assert "->" in answer.output
    assert "There is no inbound message 99" in run("why", "99").output
