"""A chat saved as a test: from its beginning or its middle, it is green on the brain that answered it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.bot import recording
from app.bot.channels import simulator
from app.bot.channels.contract import Person
from app.bot.channels.simulator import Envelope
from app.bot.recording import NothingToRecord
from app.brains import versions
from app.brains.testing import GREEN, RED, Suite, run_tests
from tests.bot.town import Town, reply, script, until

POINTS = """
points = ctx.memory.incr("points")
ctx.reply(f"{ctx.sender.name} has {points}", buttons=["More", "Enough"])
"""
COMMANDS = [
    script("points", POINTS),
    reply("hello", "Hello {{ sender.name }}"),
    {
        **reply("dice", "x"),
        "action": {"kind": "reply", "variants": ["one", "two", "three", "four", "five", "six"]},
    },
    {**script("more", POINTS), "trigger": {"kind": "button", "ids": ["More"]}},
    script("random", "ctx.reply(str(ctx.random.randint(1, 10**9)))"),
    script("soon", 'ctx.schedule("hello", after=1)\nctx.reply("planned")'),
    script("help", 'ctx.reply("A person comes")\nctx.handoff("asked")'),
]


@pytest.fixture
def town(installation: Flask) -> Iterator[Town]:
    made = Town(installation, COMMANDS)
    with made.open():
        yield made
    made.bot.close()


def say(town: Town, who: int, text: str, answers: int) -> None:
    town.say((who, text))
    until(lambda: len(town.heard(who)) == answers)


def press(town: Town, who: int, title: str, answers: int) -> None:
    person = Person(phone=f"1555{who:06}", name=f"P{who}")
    envelope = Envelope(f"press.{answers}", person, town.house.clock())
    town.bot.accept_local(town.connection_id, [simulator.button(envelope, title, title)])
    until(lambda: len(town.heard(who)) == answers)


def recorded(town: Town, who: int, start: int = 0) -> dict[str, Any]:
    with town.database.read() as session:
        brain = versions.get_brain(session, town.brain_id)
        offered = recording.lines(session, town.chat(who).id, brain.id)
        first = [each for each in offered if each.starts][start]
        return recording.record(session, town.chat(who).id, brain, first.message.id)


def result(town: Town, case: dict[str, Any]) -> Any:
    document = {**town.document, "tests": [{"name": "chat", **case}]}
    (found,) = run_tests(Suite(document, town.brain_id), town.bot.sandbox)
    return found


def test_a_chat_with_buttons_chance_memory_and_schedules_is_green_again(town: Town):
    for number, text in enumerate(["points", "dice", "random", "hello", "random"], 1):
        say(town, 1, text, number)
    say(town, 1, "points", 6)
    press(town, 1, "More", 7)
    say(town, 1, "soon", 8)
    until(lambda: len(town.heard(1)) == 9)
    case = recorded(town, 1)
    found = result(town, case)
    assert (found.status, found.problem) == (GREEN, "")
    said = [step["bot"] for step in case["steps"] if "bot" in step]
    assert said[0] == {"exact": "P1 has 1", "choices": ["More", "Enough"]}
    assert said[-2:] == ["planned", "Hello P1"]
    assert {"button": "More"} in [step.get("user") for step in case["steps"]]
    assert "phone" not in case["start"]
    assert case["start"]["name"] == "P1"


def test_a_test_can_begin_in_the_middle_with_what_was_remembered(town: Town):
    for number in (1, 2, 3):
        say(town, 1, "points", number)
    case = recorded(town, 1, start=2)
    assert case["start"]["memory"] == {"contact": {"points": 2}}
    assert result(town, case).status == GREEN
    simple = recording.simplified(case)
    assert simple["steps"] == [
        {"user": "points"},
        {"bot": {"exact": "P1 has 3", "choices": ["More", "Enough"]}},
    ]
    assert result(town, simple).status == GREEN


def test_a_later_change_turns_a_recorded_chat_red(town: Town):
    say(town, 1, "hello", 1)
    case = recorded(town, 1)
    town.document["commands"] = [*COMMANDS[:1], reply("hello", "Bye {{ sender.name }}"), *COMMANDS[2:]]
    assert result(town, case).status == RED


def test_what_a_person_answered_is_left_out_and_nothing_is_said_so(town: Town):
    say(town, 1, "help", 1)
    town.say((1, "hello"))
    until(lambda: len(town.runs()) == 2)
    case = recorded(town, 1)
    assert [step.get("user") for step in case["steps"]] == ["help", None]
    with town.database.read() as session:
        brain = versions.get_brain(session, town.brain_id)
        with pytest.raises(NothingToRecord):
            recording.record(session, town.chat(1).id, brain, 10**6)
