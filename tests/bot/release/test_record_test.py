"""A chat saved as a test: from its beginning or its middle, it is green on the brain that answered it."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from app.bot.release import record_test
from app.bot.release.record_test import NothingToRecordError
from app.brains.testing import GREEN, RED, Suite, run_tests
from app.brains.versions import store
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until

POINTS = """
points = ctx.memory.incr("points")
ctx.reply(f"{ctx.sender.name} has {points}", buttons=["More", "Enough"])
"""
COMMANDS = [
    build_script_command("points", POINTS),
    build_reply_command("hello", "Hello {{ sender.name }}"),
    {
        **build_reply_command("dice", "x"),
        "action": {"kind": "reply", "variants": ["one", "two", "three", "four", "five", "six"]},
    },
    {**build_script_command("more", POINTS), "trigger": {"kind": "button", "ids": ["More"]}},
    build_script_command("random", "ctx.reply(str(ctx.random.randint(1, 10**9)))"),
    build_script_command("soon", 'ctx.schedule("hello", after=1)\nctx.reply("planned")'),
    build_script_command("help", 'ctx.reply("A person comes")\nctx.handoff("asked")'),
]


@pytest.fixture
def bot(installation: Flask) -> Iterator[SimulatedBot]:
    made = SimulatedBot(installation, COMMANDS)
    with made.run_worker():
        yield made
    made.services.close()


def say(bot: SimulatedBot, who: int, text: str, answers: int) -> None:
    bot.say((who, text))
    wait_until(lambda: len(bot.list_replies(who)) == answers)


def press(bot: SimulatedBot, who: int, title: str, answers: int) -> None:
    person = Person(phone=f"1555{who:06}", name=f"P{who}")
    envelope = Envelope(f"press.{answers}", person, bot.services.clock())
    bot.services.receive_local(bot.connection_id, [channel.build_button_reply(envelope, title, title)])
    wait_until(lambda: len(bot.list_replies(who)) == answers)


def record_chat(bot: SimulatedBot, who: int, start: int = 0) -> dict[str, Any]:
    with bot.database.read() as session:
        brain = store.get_brain(session, bot.brain_id)
        offered = record_test.list_messages(session, bot.get_chat(who).id, brain.id)
        first = [each for each in offered if each.can_start][start]
        return record_test.record(session, bot.get_chat(who).id, brain, first.message.id)


def run_test(bot: SimulatedBot, case: dict[str, Any]) -> Any:
    document = {**bot.document, "tests": [{"name": "chat", **case}]}
    (found,) = run_tests(Suite(document, bot.brain_id), bot.services.sandbox)
    return found


def test_a_chat_with_buttons_chance_memory_and_schedules_is_green_again(bot: SimulatedBot):
    for number, text in enumerate(["points", "dice", "random", "hello", "random"], 1):
        say(bot, 1, text, number)
    say(bot, 1, "points", 6)
    press(bot, 1, "More", 7)
    say(bot, 1, "soon", 8)
    wait_until(lambda: len(bot.list_replies(1)) == 9)
    case = record_chat(bot, 1)
    found = run_test(bot, case)
    assert (found.status, found.problem) == (GREEN, "")
    said = [step["bot"] for step in case["steps"] if "bot" in step]
    assert said[0] == {"exact": "P1 has 1", "choices": ["More", "Enough"]}
    assert said[-2:] == ["planned", "Hello P1"]
    assert {"button": "More"} in [step.get("user") for step in case["steps"]]
    assert "phone" not in case["start"]
    assert case["start"]["name"] == "P1"


def test_a_test_can_begin_in_the_middle_with_what_was_remembered(bot: SimulatedBot):
    for number in (1, 2, 3):
        say(bot, 1, "points", number)
    case = record_chat(bot, 1, start=2)
    assert case["start"]["memory"] == {"contact": {"points": 2}}
    assert run_test(bot, case).status == GREEN
    simple = record_test.simplify(case)
    assert simple["steps"] == [
        {"user": "points"},
        {"bot": {"exact": "P1 has 3", "choices": ["More", "Enough"]}},
    ]
    assert run_test(bot, simple).status == GREEN


def test_a_later_change_turns_a_recorded_chat_red(bot: SimulatedBot):
    say(bot, 1, "hello", 1)
    case = record_chat(bot, 1)
    bot.document["commands"] = [
        *COMMANDS[:1],
        build_reply_command("hello", "Bye {{ sender.name }}"),
        *COMMANDS[2:],
    ]
    assert run_test(bot, case).status == RED


def test_what_a_person_answered_is_left_out_and_nothing_is_said_so(bot: SimulatedBot):
    say(bot, 1, "help", 1)
    bot.say((1, "hello"))
    wait_until(lambda: len(bot.list_runs()) == 2)
    case = record_chat(bot, 1)
    assert [step.get("user") for step in case["steps"]] == ["help", None]
    with bot.database.read() as session:
        brain = store.get_brain(session, bot.brain_id)
        with pytest.raises(NothingToRecordError):
            record_test.record(session, bot.get_chat(1).id, brain, 10**6)
