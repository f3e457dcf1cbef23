"""Bursts: what somebody writes in several messages is answered once, and nothing of it is lost."""

import time

from flask import Flask
from sqlalchemy import select

from app.bot.bursts import MERGED
from app.bot.history import documents, recent
from app.bot.models import Message
from app.brains.replay import replay
from app.brains.runtime import compile_program
from tests.bot.town import Town, reply, script, until

FALLBACK = {"trigger": {"kind": "fallback"}}
COMMANDS = [
    script("all", "ctx.reply('You said: ' + ctx.message.text)", **FALLBACK),
    reply("help", "Here is help", trigger={"kind": "command", "words": ["help"]}),
]


def town_of(app: Flask, seconds: int = 1, **more: object) -> Town:
    return Town(app, COMMANDS, settings={"burst_seconds": seconds}, **more)


def test_messages_sent_in_a_burst_are_answered_once_and_in_their_order(installation: Flask):
    town = town_of(installation)
    with town.open():
        town.say((1, "I want"), (1, "two"), (2, "Hello"))
        town.say((1, "pizzas"))
        until(lambda: town.texts(1) and town.texts(2))
        until(lambda: len(town.runs()) == 4)
    assert town.texts(1) == ["You said: I want\ntwo\npizzas"]
    assert town.texts(2) == ["You said: Hello"]
    runs = {run.message_id: run for run in town.runs()}
    mine = town.all(select(Message).where(Message.direction == "in", Message.chat_id == town.chat(1).id))
    assert [runs[each.id].outcome for each in mine] == [MERGED, MERGED, "answered"]
    assert {runs[each.id].trace["merged_into"] for each in mine[:2]} == {mine[2].id}
    assert {each.state for each in mine} == {"done"}
    assert (town.chat(1).pending, town.chat(1).ready_at) == (0, None)


def test_a_command_in_a_burst_is_answered_by_itself_and_at_once(installation: Flask):
    town = town_of(installation, seconds=30)
    with town.open():
        town.say((1, "!help"))
        until(lambda: town.texts(1) == ["Here is help"])
        town.say((1, "I want"), (1, "pizza"), (1, "!help"))
        until(lambda: len(town.texts(1)) == 3)
    assert town.texts(1)[1:] == ["You said: I want\npizza", "Here is help"]


def test_without_the_setting_each_message_is_answered(installation: Flask):
    town = town_of(installation, seconds=0)
    with town.open():
        town.say((1, "a"), (1, "b"))
        until(lambda: town.texts(1) == ["You said: a", "You said: b"])


def test_a_burst_that_never_ends_is_answered_after_a_while(installation: Flask):
    town = town_of(installation)
    with town.open():
        said = 0
        while not town.texts(1):
            town.say((1, f"w{said}"))
            said += 1
            assert said < 400
            time.sleep(0.2)
    assert town.texts(1)[0].startswith("You said: w0\nw1\nw2")


def test_a_worker_that_dies_while_it_waits_loses_nothing(installation: Flask):
    town = town_of(installation)
    with town.open():
        town.say((1, "one"), (1, "two"))
        until(lambda: town.chat(1).epoch > 0)
    assert town.texts(1) == []
    with town.open():
        until(lambda: town.texts(1) == ["You said: one\ntwo"])
    assert town.chat(1).pending == 0


def test_a_burst_is_rehearsed_with_all_its_words(installation: Flask):
    town = town_of(installation)
    with town.open():
        town.say((1, "one"), (1, "two"))
        until(lambda: town.texts(1))
    run = next(run for run in town.runs() if run.outcome == "answered")
    assert run.journal["text"] == "one\ntwo"
    with town.database.read() as session:
        [heard] = recent(session, town.brain_id, 10)
        [version] = documents(session, [heard]).values()
    program = compile_program(1, version[0], version[1])
    again = replay(program, heard.past.turn, heard.past.journal, town.bot.sandbox)
    assert again.digest == run.digest
