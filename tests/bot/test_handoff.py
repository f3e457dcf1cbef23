"""Taking over: where one of the team writes, the bot is silent for a while, and then goes on by itself."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.bot import handoff
from app.bot.chats import send
from app.bot.chats.send import OperatorMessage
from app.bot.models import Connection
from app.channels.content import build_text_content
from app.channels.contract import InboundMessage, Person
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, wait_until

MINUTE = 60_000


@pytest.fixture
def bot(installation: Flask) -> SimulatedBot:
    return SimulatedBot(installation, [build_reply_command("hi", "Hello")])


def build_typed_message(bot: SimulatedBot, who: int, text: str, at: int | None = None) -> InboundMessage:
    """What somebody of the team typed in the phone app."""
    person = Person(phone=f"1555{who:06}")
    moment = at or bot.services.clock()
    return InboundMessage(f"own.{moment}", person, "text", text, moment, {}, outgoing=True)


def update_connection(bot: SimulatedBot, **values: Any) -> None:
    bot.database.write(lambda session: session.execute(update(Connection).values(**values)))


def test_a_reply_from_the_phone_silences_the_bot_for_as_long_as_the_connection_says(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((1, "hi"), (2, "hi"))
        wait_until(lambda: bot.list_reply_texts(1) and bot.list_reply_texts(2))
        before = bot.services.clock()
        bot.services.receive_local(bot.connection_id, [build_typed_message(bot, 1, "I am here")])
        bot.say((1, "hi"), (2, "hi"))
        wait_until(lambda: len(bot.list_reply_texts(2)) == 2 and len(bot.list_runs()) == 4)
    chat = bot.get_chat(1)
    assert bot.list_reply_texts(1).count("Hello") == 1
    assert chat.pause_reason == handoff.TEAM_REPLY_REASON
    assert before + 60 * MINUTE <= chat.paused_until <= bot.services.clock() + 60 * MINUTE
    assert bot.get_chat(2).paused_at is None


def test_a_reply_to_somebody_the_bot_never_met_counts_too(bot: SimulatedBot):
    bot.services.receive_local(bot.connection_id, [build_typed_message(bot, 7, "Good morning")])
    assert bot.get_chat(7).paused_until
    with bot.run_worker():
        bot.say((7, "hi"))
        wait_until(bot.list_runs)
    assert bot.list_reply_texts(7) == ["Good morning"]


def test_what_was_typed_long_ago_and_a_setting_of_nought_leave_the_bot_alone(bot: SimulatedBot):
    bot.services.receive_local(
        bot.connection_id, [build_typed_message(bot, 1, "Old", bot.services.clock() - 20 * 60 * MINUTE)]
    )
    update_connection(bot, takeover_minutes=0)
    bot.services.receive_local(bot.connection_id, [build_typed_message(bot, 1, "New")])
    assert bot.get_chat(1).paused_at is None


def test_a_message_from_the_page_prolongs_a_pause_but_gives_an_open_one_no_end(bot: SimulatedBot):
    bot.say((1, "hello"), (2, "hello"))
    first, second = bot.get_chat(1).id, bot.get_chat(2).id
    now = bot.services.clock()
    handoff.pause(bot.database, first, "Ada", now, now + MINUTE)
    handoff.pause(bot.database, second, "Ada", now)
    for chat_id in (first, second):
        draft = OperatorMessage(chat_id, "0123456789", build_text_content("Yes?"), "Yes?")
        bot.database.write(lambda session, draft=draft: send.send(session, draft, now))
    assert bot.get_chat(1).paused_until == now + 60 * MINUTE
    assert bot.get_chat(1).pause_reason == "Ada"
    assert (bot.get_chat(2).paused_at, bot.get_chat(2).paused_until) == (now, None)


def test_a_pause_that_was_chosen_longer_stays_longer(bot: SimulatedBot):
    bot.say((1, "hello"))
    now = bot.services.clock()
    handoff.pause(bot.database, bot.get_chat(1).id, "Ada", now, now + 240 * MINUTE)
    bot.services.receive_local(bot.connection_id, [build_typed_message(bot, 1, "Hello?")])
    assert bot.get_chat(1).paused_until == now + 240 * MINUTE


def test_the_bot_answers_by_itself_once_the_time_is_over(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((1, "hi"))
        wait_until(lambda: bot.list_reply_texts(1))
        now = bot.services.clock()
        handoff.pause(bot.database, bot.get_chat(1).id, "Ada", now, now + 3_000)
        bot.say((1, "hi"))
        wait_until(lambda: len(bot.list_runs()) == 2)
        wait_until(lambda: bot.get_chat(1).paused_at is None)
        assert bot.list_reply_texts(1) == ["Hello"]
        bot.say((1, "hi"))
        wait_until(lambda: bot.list_reply_texts(1) == ["Hello", "Hello"])


def test_a_pause_is_made_longer_and_endless_by_hand(bot: SimulatedBot):
    bot.say((1, "hello"))
    chat_id, now = bot.get_chat(1).id, bot.services.clock()
    assert not handoff.set_end(bot.database, chat_id, now + MINUTE)
    handoff.pause(bot.database, chat_id, "Ada", now, now + MINUTE)
    assert handoff.set_end(bot.database, chat_id, now + 9 * MINUTE)
    assert bot.get_chat(1).paused_until == now + 9 * MINUTE
    handoff.set_end(bot.database, chat_id, None)
    assert (bot.get_chat(1).paused_at, bot.get_chat(1).paused_until) == (now, None)
    handoff.resume(bot.database, chat_id)
    assert (bot.get_chat(1).paused_at, bot.get_chat(1).pause_reason) == (None, "")
