"""Taking over: where one of the team writes, the bot is silent for a while, and then goes on by itself."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.bot import handoff, writing
from app.bot.channels.contract import Inbound, Person
from app.bot.content import text_content
from app.bot.models import Connection
from app.bot.writing import Draft
from tests.bot.town import Town, reply, until

MINUTE = 60_000


@pytest.fixture
def town(installation: Flask) -> Town:
    return Town(installation, [reply("hi", "Hello")])


def typed(town: Town, who: int, text: str, at: int | None = None) -> Inbound:
    """What somebody of the team typed in the phone app."""
    person = Person(phone=f"1555{who:06}")
    moment = at or town.house.clock()
    return Inbound(f"own.{moment}", person, "text", text, moment, {}, outgoing=True)


def setting(town: Town, **values: Any) -> None:
    town.database.write(lambda session: session.execute(update(Connection).values(**values)))


def test_a_reply_from_the_phone_silences_the_bot_for_as_long_as_the_connection_says(town: Town):
    with town.open():
        town.say((1, "hi"), (2, "hi"))
        until(lambda: town.texts(1) and town.texts(2))
        before = town.house.clock()
        town.bot.accept_local(town.connection_id, [typed(town, 1, "I am here")])
        town.say((1, "hi"), (2, "hi"))
        until(lambda: len(town.texts(2)) == 2 and len(town.runs()) == 4)
    chat = town.chat(1)
    assert town.texts(1).count("Hello") == 1
    assert chat.pause_reason == handoff.REPLIED
    assert before + 60 * MINUTE <= chat.paused_until <= town.house.clock() + 60 * MINUTE
    assert town.chat(2).paused_at is None


def test_a_reply_to_somebody_the_bot_never_met_counts_too(town: Town):
    town.bot.accept_local(town.connection_id, [typed(town, 7, "Good morning")])
    assert town.chat(7).paused_until
    with town.open():
        town.say((7, "hi"))
        until(town.runs)
    assert town.texts(7) == ["Good morning"]


def test_what_was_typed_long_ago_and_a_setting_of_nought_leave_the_bot_alone(town: Town):
    town.bot.accept_local(town.connection_id, [typed(town, 1, "Old", town.house.clock() - 20 * 60 * MINUTE)])
    setting(town, takeover_minutes=0)
    town.bot.accept_local(town.connection_id, [typed(town, 1, "New")])
    assert town.chat(1).paused_at is None


def test_a_message_from_the_page_prolongs_a_pause_but_gives_an_open_one_no_end(town: Town):
    town.say((1, "hello"), (2, "hello"))
    first, second = town.chat(1).id, town.chat(2).id
    now = town.house.clock()
    handoff.pause(town.database, first, "Ada", now, now + MINUTE)
    handoff.pause(town.database, second, "Ada", now)
    for chat_id in (first, second):
        draft = Draft(chat_id, "0123456789", text_content("Yes?"), "Yes?")
        town.database.write(lambda session, draft=draft: writing.send(session, draft, now))
    assert town.chat(1).paused_until == now + 60 * MINUTE
    assert town.chat(1).pause_reason == "Ada"
    assert (town.chat(2).paused_at, town.chat(2).paused_until) == (now, None)


def test_a_pause_that_was_chosen_longer_stays_longer(town: Town):
    town.say((1, "hello"))
    now = town.house.clock()
    handoff.pause(town.database, town.chat(1).id, "Ada", now, now + 240 * MINUTE)
    town.bot.accept_local(town.connection_id, [typed(town, 1, "Hello?")])
    assert town.chat(1).paused_until == now + 240 * MINUTE


def test_the_bot_answers_by_itself_once_the_time_is_over(town: Town):
    with town.open():
        town.say((1, "hi"))
        until(lambda: town.texts(1))
        now = town.house.clock()
        handoff.pause(town.database, town.chat(1).id, "Ada", now, now + 3_000)
        town.say((1, "hi"))
        until(lambda: len(town.runs()) == 2)
        until(lambda: town.chat(1).paused_at is None)
        assert town.texts(1) == ["Hello"]
        town.say((1, "hi"))
        until(lambda: town.texts(1) == ["Hello", "Hello"])


def test_a_pause_is_made_longer_and_endless_by_hand(town: Town):
    town.say((1, "hello"))
    chat_id, now = town.chat(1).id, town.house.clock()
    assert not handoff.stay(town.database, chat_id, now + MINUTE)
    handoff.pause(town.database, chat_id, "Ada", now, now + MINUTE)
    assert handoff.stay(town.database, chat_id, now + 9 * MINUTE)
    assert town.chat(1).paused_until == now + 9 * MINUTE
    handoff.stay(town.database, chat_id, None)
    assert (town.chat(1).paused_at, town.chat(1).paused_until) == (now, None)
    handoff.resume(town.database, chat_id)
    assert (town.chat(1).paused_at, town.chat(1).pause_reason) == (None, "")
