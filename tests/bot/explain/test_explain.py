"""Why a message was not answered: every reason for silence by its right name, and no reason where there is none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.bot import handoff
from app.bot.explain.explain import explain
from app.bot.explain.explanation import CAUSE_TITLES, Explanation
from app.bot.models import Chat, Connection, Message
from app.brains.document.gallery import load_samples
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.channels.cloud.parse import build_notice
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from tests.bot.simulated_bot import (
    CloudBot,
    SimulatedBot,
    build_reply_command,
    build_script_command,
    wait_until,
)

HOUR = 3_600_000
DAY = 24 * HOUR
COMMANDS: list[dict[str, Any]] = [
    build_reply_command("hi", "Hello {{ sender.name }}"),
    build_reply_command("off", "never", enabled=False),
    build_reply_command("group", "never", restrict={"chats": "group"}),
    build_reply_command("friends", "never", restrict={"allow": ["+233 20 000"]}),
    build_reply_command("rest", "Resting", restrict={"cooldown": {"seconds": 86_400}}),
    build_reply_command("tired", "Once", restrict={"cooldown": {"seconds": 86_400, "message": "Later."}}),
    build_script_command("crash", "ctx.reply({}['no'])"),
    build_script_command("flood", "for n in range(100):\n    ctx.reply(str(n))"),
    build_script_command("quota", "for n in range(200):\n    ctx.memory.top('x')"),
    build_script_command("mute", "pass"),
    build_script_command("greedy", "ctx.memory.set('n', 1)", trigger={"kind": "starts_with", "texts": ["order"]}),
    build_reply_command("order", "Ordered", trigger={"kind": "exact", "texts": ["order 7"]}),
    build_reply_command(
        "say", "{{ args.word }}", trigger={"kind": "command", "words": ["say"]},
        arguments=[{"name": "word", "type": "word"}],
    ),
]  # fmt: skip


def update_rows(bot: SimulatedBot, table: Any, **values: Any) -> None:
    bot.database.write(lambda session: session.execute(update(table).values(**values)))


def find_last_inbound(bot: SimulatedBot) -> int:
    query = select(Message).where(Message.direction == "in").order_by(Message.id.desc()).limit(1)
    return bot.select_all(query)[0].id


def explain_message(bot: SimulatedBot, message_id: int | None = None) -> Explanation:
    with bot.database.read() as session:
        found = explain(session, message_id or find_last_inbound(bot), HOUR, bot.services.clock())
    assert found
    return found


@pytest.fixture
def bot(installation: Flask) -> SimulatedBot:
    return SimulatedBot(installation, COMMANDS)


@pytest.fixture
def ask(bot: SimulatedBot) -> Callable[..., Explanation]:
    """Say things, let the brain handle them all, and explain the last one."""

    def handled(*words: str) -> Explanation:
        bot.say(*((1, word) for word in words))
        with bot.run_worker():
            wait_until(
                lambda: (
                    not bot.select_all(select(Message).where(Message.state.in_(("new", "queued", "sending"))))
                )
            )
        return explain_message(bot)

    return handled


@pytest.mark.parametrize(
    ("words", "cause", "told"),
    [
        (["off"], "disabled", "“off” matches, but it is switched off."),
        (["group"], "restriction", "runs in groups only"),
        (["friends"], "restriction", "not allowed to this person"),
        (["rest", "rest"], "cooldown", "rests for"),
        (["tired", "tired"], "cooldown", "rests for"),
        (["flood"], "limit", "“flood” failed"),
        (["quota"], "limit", "“quota” failed"),
        (["order 7"], "lost", "“greedy” is checked before “order”"),
        (["crash"], "error", "“crash” failed in line 1"),
        (["unheard of"], "no_match", "No command matches"),
        (["mute"], "nothing_to_say", "matches and did not reply"),
        (["!say"], "answered", "the argument word is missing"),
    ],
)
def test_what_the_brain_decided_is_named(
    ask: Callable[..., Explanation], words: list[str], cause: str, told: str
):
    found = ask(*words)
    assert (found.cause, told in found.sentence) == (cause, True), found
    assert found.action_target == "command"
    assert found.version == 1


def test_a_paused_chat_is_named(ask: Callable[..., Explanation], bot: SimulatedBot):
    ask("hi")
    handoff.pause(bot.database, bot.get_chat(1).id, "Ben answers.", 5)
    found = ask("hi")
    assert (found.cause, "Ben answers." in found.sentence, found.action_target) == ("paused", True, "chat")
    handoff.resume(bot.database, bot.get_chat(1).id)
    assert "resumed since" in explain_message(bot).advice


def test_a_message_that_came_too_late_is_named(bot: SimulatedBot):
    item = replace(bot.build_item(1, "hi"), at=bot.services.clock() - 2 * HOUR)
    bot.services.receive_local(bot.connection_id, [item])
    found = explain_message(bot)
    assert (found.cause, "120 minutes" in found.sentence) == ("old", True)
    bot.services.receive_local(
        bot.connection_id, [replace(bot.build_item(1, "👍"), kind="reaction", is_trigger=False)]
    )
    assert explain_message(bot).cause == "no_trigger"


def test_a_message_delivered_again_is_named(bot: SimulatedBot, ask: Callable[..., Explanation]):
    item = bot.build_item(1, "hi")
    bot.services.receive_local(bot.connection_id, [item])
    assert ask().cause == "answered"
    for _ in range(2):
        bot.services.receive_local(bot.connection_id, [item])
    bot.services.receive_local(bot.connection_id, [item, item])
    found = explain_message(bot)
    assert (found.cause, "4 times more" in found.sentence) == ("duplicate", True)


def test_a_new_message_twice_in_one_delivery_counts_once(bot: SimulatedBot, ask: Callable[..., Explanation]):
    item = bot.build_item(1, "hi")
    bot.services.receive_local(bot.connection_id, [item, item])
    assert ask().cause == "duplicate"
    assert len(bot.list_runs()) == 1


def test_a_closed_window_is_named(installation: Flask):
    shop = CloudBot(installation, COMMANDS)
    shop.services.receive_local(shop.connection_id, [shop.build_item(1, "hi")])
    update_rows(shop, Chat, window_until=1)
    with shop.run_worker():
        wait_until(lambda: shop.select_all(select(Message).where(Message.state == "failed")))
    assert explain_message(shop).cause == "window"
    update_rows(shop, Message, state="dead", error_code="500", error="It failed 8 times.")
    found = explain_message(shop)
    assert (found.cause, "It failed 8 times." in found.sentence) == ("not_sent", True)


@pytest.mark.parametrize(("value", "is_said"), [("stop", True), ("resume", False)])
def test_a_person_who_stopped_marketing_messages_is_named(installation: Flask, value: str, is_said: bool):
    shop = CloudBot(installation, [build_reply_command("hi", "Hello")])
    choice = {"wa_id": "1555000001", "value": value, "category": "marketing_messages"}
    with shop.run_worker():
        shop.say((1, "hi"))
        wait_until(lambda: shop.select_all(select(Message).where(Message.direction == "out")))
    update_rows(shop, Message, state="failed", error_code="131050", error="The person has stopped them.")
    for stopped in ("stop", value):
        payload = {"user_preferences": [{**choice, "value": stopped}]}
        shop.services.receive_local(shop.connection_id, [build_notice("user_preferences", payload)])
    found = explain_message(shop)
    assert found.cause == "not_sent"
    assert ("stopped marketing messages: WhatsApp refuses marketing templates" in found.sentence) == is_said


def test_what_no_brain_was_asked_about_is_named(bot: SimulatedBot, ask: Callable[..., Explanation]):
    update_rows(bot, Connection, enabled=False)
    assert ask("hi").cause == "off"
    update_rows(bot, Connection, enabled=True)
    assert "when this came" in explain_message(bot).sentence
    update_rows(bot, Connection, brain_id=None)
    found = ask("hi")
    assert (found.cause, found.action_target) == ("no_brain", "connection")
    update_rows(bot, Connection, brain_id=bot.brain_id)
    bot.database.write(lambda s: store.archive(s, bot.brain_id, bot.services.clock()))
    assert ask("hi").cause == "archived"
    bot.database.write(lambda s: store.restore(s, bot.brain_id, bot.services.clock()))
    assert (explain_message(bot).cause, explain_message(bot).action_target) == ("unpublished", "")
    update_rows(bot, Brain, live_version_id=None)
    assert (ask("hi").cause, explain_message(bot).action_target) == ("unpublished", "versions")


def test_what_is_not_handled_yet_says_so(bot: SimulatedBot):
    bot.say((1, "hi"))
    assert (explain_message(bot).cause, "waits for a worker" in explain_message(bot).sentence) == (
        "waiting",
        True,
    )
    update_rows(bot, Chat, lease_until=bot.services.clock() + DAY)
    assert "right now" in explain_message(bot).sentence
    update_rows(bot, Message, error="The sandbox is busy.")
    assert "tried again automatically: The sandbox is busy." in explain_message(bot).sentence
    update_rows(bot, Message, state="dead", attempts=8)
    assert (explain_message(bot).cause, explain_message(bot).action_target) == ("error", "again")


def test_fifty_clean_messages_have_no_reason_for_silence(bot: SimulatedBot, ask: Callable[..., Explanation]):
    bot.say(*((n % 10, "!say yes" if n % 3 else "hi") for n in range(50)))
    ask()
    inbound = bot.select_all(select(Message).where(Message.direction == "in"))
    assert len(inbound) == 50
    assert {explain_message(bot, message.id).cause for message in inbound} == {"answered"}


def test_an_answer_and_an_unknown_message_have_no_explanation(
    bot: SimulatedBot, ask: Callable[..., Explanation]
):
    ask("hi")
    (answer,) = bot.list_replies(1)
    with bot.database.read() as session:
        assert explain(session, answer.id, HOUR, 0) is None
        assert explain(session, 999, HOUR, 0) is None


def test_every_cause_has_its_words():
    assert all(CAUSE_TITLES.values())
    assert Explanation("old", "x").title == "Too old"


def press(bot: SimulatedBot, title: str) -> None:
    """Press a button of the last answer."""
    payload = bot.list_replies(1)[-1].payload
    button = next(each for each in payload["buttons"] if each["title"] == title)
    envelope = Envelope(f"sim.press.{title}", Person(phone="1555000001", name="P1"), bot.services.clock())
    item = channel.build_button_reply(envelope, button["id"], title)
    with bot.run_worker():
        bot.services.receive_local(bot.connection_id, [item])
        wait_until(lambda: bot.list_runs()[-1].message_id == find_last_inbound(bot))


def test_a_question_back_and_its_answers_are_explained(installation: Flask):
    document = next(each.document for each in load_samples() if each.slug == "internet-support")
    parts = {name: document[name] for name in ("settings", "grants", "intents")}
    bot = SimulatedBot(installation, document["commands"], **parts)
    bot.say((1, "um problema com o roteador"))
    with bot.run_worker():
        wait_until(lambda: len(bot.list_replies(1)) == 1)
    found = explain_message(bot)
    assert (found.cause, found.title) == ("asked_back", "Asked back")
    assert "asked back: “Talk to a technician” or “No connection”?" in found.sentence
    press(bot, "Sem conexão")
    wait_until(lambda: len(bot.list_replies(1)) == 2)
    assert "Desligue o roteador" in bot.list_reply_texts(1)[-1]
    found = explain_message(bot)
    assert found.cause == "answered"
    assert "confirmed: “No connection”" in found.sentence
    assert (bot.list_runs()[-1].journal or {}).get("answer") == "no_connection"
