"""Bursts: what somebody writes in several messages is answered once, and nothing of it is lost."""

import time

from flask import Flask
from sqlalchemy import select

from app.bot.models import Message
from app.bot.release.recorded_turns import list_recent, load_documents
from app.bot.states import RunOutcome
from app.brains.runtime.program import compile_program
from app.brains.runtime.replay import replay
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until

FALLBACK = {"trigger": {"kind": "fallback"}}
COMMANDS = [
    build_script_command("all", "ctx.reply('You said: ' + ctx.message.text)", **FALLBACK),
    build_reply_command("help", "Here is help", trigger={"kind": "command", "words": ["help"]}),
]


def build_bot(app: Flask, seconds: int = 1, **more: object) -> SimulatedBot:
    return SimulatedBot(app, COMMANDS, settings={"burst_seconds": seconds}, **more)


def test_messages_sent_in_a_burst_are_answered_once_and_in_their_order(installation: Flask):
    bot = build_bot(installation)
    with bot.run_worker():
        bot.say((1, "I want"), (1, "two"), (2, "Hello"))
        bot.say((1, "pizzas"))
        wait_until(lambda: bot.list_reply_texts(1) and bot.list_reply_texts(2))
        wait_until(lambda: len(bot.list_runs()) == 4)
    assert bot.list_reply_texts(1) == ["You said: I want\ntwo\npizzas"]
    assert bot.list_reply_texts(2) == ["You said: Hello"]
    runs = {run.message_id: run for run in bot.list_runs()}
    mine = bot.select_all(
        select(Message).where(Message.direction == "in", Message.chat_id == bot.get_chat(1).id)
    )
    assert [runs[each.id].outcome for each in mine] == [RunOutcome.MERGED, RunOutcome.MERGED, "answered"]
    assert {runs[each.id].trace["merged_into"] for each in mine[:2]} == {mine[2].id}
    assert {each.state for each in mine} == {"done"}
    assert (bot.get_chat(1).pending, bot.get_chat(1).ready_at) == (0, None)


def test_a_command_in_a_burst_is_answered_by_itself_and_at_once(installation: Flask):
    bot = build_bot(installation, seconds=30)
    with bot.run_worker():
        bot.say((1, "!help"))
        wait_until(lambda: bot.list_reply_texts(1) == ["Here is help"])
        bot.say((1, "I want"), (1, "pizza"), (1, "!help"))
        wait_until(lambda: len(bot.list_reply_texts(1)) == 3)
    assert bot.list_reply_texts(1)[1:] == ["You said: I want\npizza", "Here is help"]


def test_without_the_setting_each_message_is_answered(installation: Flask):
    bot = build_bot(installation, seconds=0)
    with bot.run_worker():
        bot.say((1, "a"), (1, "b"))
        wait_until(lambda: bot.list_reply_texts(1) == ["You said: a", "You said: b"])


def test_a_burst_that_never_ends_is_answered_after_a_while(installation: Flask):
    # A silence no busy machine makes between two of these messages by itself.
    bot = build_bot(installation, seconds=3)
    with bot.run_worker():
        said = 0
        while not bot.list_reply_texts(1):
            bot.say((1, f"w{said}"))
            said += 1
            assert said < 400
            time.sleep(0.2)
    assert bot.list_reply_texts(1)[0].startswith("You said: w0\nw1\nw2")


def test_a_worker_that_dies_while_it_waits_loses_nothing(installation: Flask):
    bot = build_bot(installation)
    with bot.run_worker():
        bot.say((1, "one"), (1, "two"))
        wait_until(lambda: bot.get_chat(1).epoch > 0)
    assert bot.list_reply_texts(1) == []
    with bot.run_worker():
        wait_until(lambda: bot.list_reply_texts(1) == ["You said: one\ntwo"])
    assert bot.get_chat(1).pending == 0


def test_a_burst_is_rehearsed_with_all_its_words(installation: Flask):
    bot = build_bot(installation)
    with bot.run_worker():
        bot.say((1, "one"), (1, "two"))
        wait_until(lambda: bot.list_reply_texts(1))
    run = next(run for run in bot.list_runs() if run.outcome == "answered")
    assert run.journal["text"] == "one\ntwo"
    with bot.database.read() as session:
        [heard] = list_recent(session, bot.brain_id, 10)
        [version] = load_documents(session, [heard]).values()
    program = compile_program(1, version[0], version[1])
    again = replay(program, heard.run.turn, heard.run.journal, bot.services.sandbox)
    assert again.digest == run.digest
