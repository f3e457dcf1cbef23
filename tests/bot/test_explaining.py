"""Why a message was not answered: every reason for silence by its right name, and no reason where there is none."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.bot import handoff
from app.bot.explaining import explain
from app.bot.explanation import CAUSES, Explanation
from app.bot.models import Chat, Connection, Message
from app.brains import versions
from app.brains.models import Brain
from tests.bot.town import Shop, Town, reply, script, until

HOUR = 3_600_000
DAY = 24 * HOUR
COMMANDS: list[dict[str, Any]] = [
    reply("hi", "Hello {{ sender.name }}"),
    reply("off", "never", enabled=False),
    reply("group", "never", restrict={"chats": "group"}),
    reply("friends", "never", restrict={"allow": ["+233 20 000"]}),
    reply("rest", "Resting", restrict={"cooldown": {"seconds": 86_400}}),
    reply("tired", "Once", restrict={"cooldown": {"seconds": 86_400, "message": "Later."}}),
    script("crash", "ctx.reply({}['no'])"),
    script("flood", "for n in range(100):\n    ctx.reply(str(n))"),
    script("quota", "for n in range(200):\n    ctx.memory.top('x')"),
    script("mute", "pass"),
    script("greedy", "ctx.memory.set('n', 1)", trigger={"kind": "starts_with", "texts": ["order"]}),
    reply("order", "Ordered", trigger={"kind": "exact", "texts": ["order 7"]}),
    reply(
        "say", "{{ args.word }}", trigger={"kind": "command", "words": ["say"]},
        arguments=[{"name": "word", "type": "word"}],
    ),
]  # fmt: skip


def change(town: Town, table: Any, **values: Any) -> None:
    town.database.write(lambda session: session.execute(update(table).values(**values)))


def last(town: Town) -> int:
    query = select(Message).where(Message.direction == "in").order_by(Message.id.desc()).limit(1)
    return town.all(query)[0].id


def why(town: Town, message_id: int | None = None) -> Explanation:
    with town.database.read() as session:
        found = explain(session, message_id or last(town), HOUR, town.house.clock())
    assert found
    return found


@pytest.fixture
def town(installation: Flask) -> Town:
    return Town(installation, COMMANDS)


@pytest.fixture
def ask(town: Town) -> Callable[..., Explanation]:
    """Say things, let the brain handle them all, and explain the last one."""

    def handled(*words: str) -> Explanation:
        town.say(*((1, word) for word in words))
        with town.open():
            until(
                lambda: not town.all(select(Message).where(Message.state.in_(("new", "queued", "sending"))))
            )
        return why(town)

    return handled


@pytest.mark.parametrize(
    ("words", "cause", "told"),
    [
        (["off"], "disabled", "“off” fits, but it is switched off."),
        (["group"], "restriction", "runs in groups only"),
        (["friends"], "restriction", "not allowed to this person"),
        (["rest", "rest"], "cooldown", "rests for"),
        (["tired", "tired"], "cooldown", "rests for"),
        (["flood"], "limit", "“flood” failed"),
        (["quota"], "limit", "“quota” failed"),
        (["order 7"], "lost", "“greedy” is asked before “order”"),
        (["crash"], "error", "“crash” failed in line 1"),
        (["unheard of"], "no_match", "No command fits"),
        (["mute"], "nothing_to_say", "decided to say nothing"),
        (["!say"], "answered", "the argument word is missing"),
    ],
)
def test_what_the_brain_decided_is_named(
    ask: Callable[..., Explanation], words: list[str], cause: str, told: str
):
    found = ask(*words)
    assert (found.cause, told in found.sentence) == (cause, True), found
    assert found.place == "command"
    assert found.version == 1


def test_a_paused_chat_is_named(ask: Callable[..., Explanation], town: Town):
    ask("hi")
    handoff.pause(town.database, town.chat(1).id, "Ben answers.", 5)
    found = ask("hi")
    assert (found.cause, "Ben answers." in found.sentence, found.place) == ("paused", True, "chat")
    handoff.resume(town.database, town.chat(1).id)
    assert "resumed since" in why(town).advice


def test_a_message_that_came_too_late_is_named(town: Town):
    item = replace(town.item(1, "hi"), at=town.house.clock() - 2 * HOUR)
    town.bot.accept_local(town.connection_id, [item])
    found = why(town)
    assert (found.cause, "120 minutes" in found.sentence) == ("old", True)
    town.bot.accept_local(town.connection_id, [replace(town.item(1, "👍"), kind="reaction", triggers=False)])
    assert why(town).cause == "no_trigger"


def test_a_message_delivered_again_is_named(town: Town, ask: Callable[..., Explanation]):
    item = town.item(1, "hi")
    town.bot.accept_local(town.connection_id, [item])
    assert ask().cause == "answered"
    for _ in range(2):
        town.bot.accept_local(town.connection_id, [item])
    town.bot.accept_local(town.connection_id, [item, item])
    found = why(town)
    assert (found.cause, "4 times more" in found.sentence) == ("duplicate", True)


def test_a_new_message_twice_in_one_delivery_counts_once(town: Town, ask: Callable[..., Explanation]):
    item = town.item(1, "hi")
    town.bot.accept_local(town.connection_id, [item, item])
    assert ask().cause == "duplicate"
    assert len(town.runs()) == 1


def test_a_closed_window_is_named(installation: Flask):
    shop = Shop(installation, COMMANDS)
    shop.bot.accept_local(shop.connection_id, [shop.item(1, "hi")])
    change(shop, Chat, window_until=1)
    with shop.open():
        until(lambda: shop.all(select(Message).where(Message.state == "failed")))
    assert why(shop).cause == "window"
    change(shop, Message, state="dead", error_code="500", error="It failed 8 times.")
    found = why(shop)
    assert (found.cause, "It failed 8 times." in found.sentence) == ("not_sent", True)


def test_what_no_brain_was_asked_about_is_named(town: Town, ask: Callable[..., Explanation]):
    change(town, Connection, enabled=False)
    assert ask("hi").cause == "off"
    change(town, Connection, enabled=True)
    assert "when this came" in why(town).sentence
    change(town, Connection, brain_id=None)
    found = ask("hi")
    assert (found.cause, found.place) == ("no_brain", "connection")
    change(town, Connection, brain_id=town.brain_id)
    town.database.write(lambda s: versions.archive(s, town.brain_id, town.house.clock()))
    assert ask("hi").cause == "archived"
    town.database.write(lambda s: versions.restore(s, town.brain_id, town.house.clock()))
    assert (why(town).cause, why(town).place) == ("unpublished", "")
    change(town, Brain, live_version_id=None)
    assert (ask("hi").cause, why(town).place) == ("unpublished", "versions")


def test_what_is_not_handled_yet_says_so(town: Town):
    town.say((1, "hi"))
    assert (why(town).cause, "waits for a worker" in why(town).sentence) == ("waiting", True)
    change(town, Chat, lease_until=town.house.clock() + DAY)
    assert "right now" in why(town).sentence
    change(town, Message, error="The sandbox is busy.")
    assert "tried again by itself: The sandbox is busy." in why(town).sentence
    change(town, Message, state="dead", attempts=8)
    assert (why(town).cause, why(town).place) == ("error", "again")


def test_fifty_clean_messages_have_no_reason_for_silence(town: Town, ask: Callable[..., Explanation]):
    town.say(*((n % 10, "!say yes" if n % 3 else "hi") for n in range(50)))
    ask()
    inbound = town.all(select(Message).where(Message.direction == "in"))
    assert len(inbound) == 50
    assert {why(town, message.id).cause for message in inbound} == {"answered"}


def test_an_answer_and_an_unknown_message_have_no_explanation(town: Town, ask: Callable[..., Explanation]):
    ask("hi")
    (answer,) = town.heard(1)
    with town.database.read() as session:
        assert explain(session, answer.id, HOUR, 0) is None
        assert explain(session, 999, HOUR, 0) is None


def test_every_cause_has_its_words():
    assert all(CAUSES.values())
    assert Explanation("old", "x").title == "Too old"
