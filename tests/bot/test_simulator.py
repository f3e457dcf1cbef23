"""Simulated phones: the people who hold them, and time that passes in a chat."""

from typing import Any

from flask import Flask
from sqlalchemy import select

from app.bot.models import Cooldown, Message
from app.bot.simulator import advance, invent_person
from app.brains.memory.models import Memory
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until

DAY = 86_400_000


def test_invented_people_are_all_different():
    people = []
    for _ in range(20):
        people.append(invent_person(people))
    assert len({person.phone for person in people}) == 20
    assert all(str(person.phone).startswith("155501") for person in people)


def test_time_that_passes_brings_on_what_is_due_and_closes_the_window(installation: Flask):
    source = "ctx.schedule('tell', after=48 * 3600)\nctx.memory.set('k', 1, ttl=86400)\nctx.reply('ok')"
    cooldown: Any = {"cooldown": {"per": "contact", "seconds": 3600}}
    commands = [
        build_script_command("remind", source, restrict=cooldown),
        build_reply_command("tell", "It is time"),
    ]
    bot = SimulatedBot(installation, commands, grants={"memory": {}, "schedule": {}})
    with bot.run_worker():
        bot.say((1, "remind"), (2, "remind"))
        wait_until(lambda: bot.list_reply_texts(1) == bot.list_reply_texts(2) == ["ok"])
        chat, before = bot.get_chat(1), bot.services.clock()
        bot.database.write(lambda session: advance(session, chat, 2 * DAY + 1000))
        late = select(Message).where(Message.chat_id == chat.id, Message.text == "It is time")
        (message,) = wait_until(lambda: [each for each in bot.select_all(late) if each.state == "failed"])
    assert message.error_code == "window_closed"
    assert bot.get_chat(1).window_until < before < bot.get_chat(2).window_until
    ends = {each.scope: each.expires_at or 0 for each in bot.select_all(select(Memory))}
    rests = {each.scope: each.until for each in bot.select_all(select(Cooldown))}
    for found in (ends, rests):
        assert found[f"contact:{chat.contact_id}"] < before
        assert found[f"contact:{bot.get_chat(2).contact_id}"] > before
