"""Read marks and typing: sent by setting, after the commit, once, and never in the way of a send."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app.bot.chats import unread
from app.bot.delivery import read_marks
from app.bot.delivery.http_loop import THREAD_NAME, HttpLoop
from app.bot.delivery.rate_limit import PairRule, SendTarget
from app.bot.delivery.read_marks import ReadMarks
from app.bot.health.status import collect_stats
from app.bot.models import Connection, Message
from app.bot.states import ReadMark
from app.channels.contract import Person
from app.settings import Settings
from bench.fake_graph import ThreadedGraph, running
from bench.graph import Options
from tests.bot.simulated_bot import (
    CloudBot,
    SimulatedBot,
    build_reply_command,
    build_script_command,
    wait_until,
)
from tests.conftest import SHARED

MARKED = {"messaging_product": "whatsapp", "status": "read"}
TYPING = {"typing_indicator": {"type": "text"}}
COMMANDS = [build_reply_command("hi", "Hello"), build_script_command("still", "pass")]


@pytest.fixture
def graph() -> Iterator[ThreadedGraph]:
    schema = SHARED / "fixtures/whatsapp_openapi/outbound_message.schema.json"
    with running(Options(schema=schema)) as fake:
        yield fake


@pytest.fixture
def settings(settings: Settings, graph: ThreadedGraph) -> Settings:
    return settings.model_copy(update={"graph_base_url": graph.url})


@pytest.fixture
def bot(installation: Flask) -> CloudBot:
    return CloudBot(installation, COMMANDS)


def change(bot: SimulatedBot, **values: Any) -> None:
    bot.database.write(lambda session: session.execute(update(Connection).values(**values)))
    bot.services.registry.invalidate()


def build_target(bot: SimulatedBot) -> SendTarget:
    rule = PairRule(0)
    limits = {"repeatable": False, "grace_ms": 0, "last_webhook_at": 0}
    return SendTarget(bot.connection_id, "1", Person("u"), None, 0, rule, "resend", None, **limits)


def has_thread() -> bool:
    return any(each.name == THREAD_NAME for each in threading.enumerate())


def list_marked(graph: ThreadedGraph) -> list[str]:
    return [each["message_id"] for each in graph.read_marks]


def settle(bot: SimulatedBot, number: int) -> None:
    """Wait until so many messages are handled, and their marks had time to go out."""
    done = select(Message).where(Message.direction == "in", Message.state == "done")
    wait_until(lambda: len(bot.select_all(done)) >= number)
    time.sleep(0.3)


def test_nothing_is_marked_where_it_is_off_and_no_thread_runs_for_it(bot: CloudBot, graph: ThreadedGraph):
    bot.say((1, "hi"), (2, "still"))
    assert not has_thread()
    with bot.run_worker():
        settle(bot, 2)
    assert graph.read_marks == []


def test_marks_and_sends_share_one_thread_and_one_session(bot: CloudBot, graph: ThreadedGraph):
    change(bot, mark_read=ReadMark.AT_ONCE)
    with bot.run_worker():
        bot.say((1, "hi"))
        wait_until(lambda: bot.list_reply_texts(1) == ["Hello"] and graph.read_marks)
        assert [each.name for each in threading.enumerate()].count(THREAD_NAME) == 1
    # The end of a worker is not the end of marks: a web process sends them too.
    bot.say((2, "hi"))
    wait_until(lambda: len(graph.read_marks) == 2)


def test_a_database_that_cannot_be_read_is_counted_each_time_and_logged_once_a_minute(
    bot: CloudBot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    times = [1_000, 2_000, 30_000, 61_000, 62_000]
    services, moments = bot.services, iter(times)
    marks = ReadMarks(
        services.channels, services.registry, services.counters, lambda: next(moments), HttpLoop()
    )

    def fail(_connection_id: int) -> None:
        raise OperationalError("SELECT secret", {}, Exception("database is locked"))

    monkeypatch.setattr(bot.services.registry, "find", fail)
    for _ in times:
        marks.note_opened(bot.connection_id, "wamid.1")
    lines = [each.getMessage() for each in caplog.records if "read marks left out" in each.getMessage()]
    assert len(lines) == 2
    assert "OperationalError" in lines[0]
    assert "secret" not in lines[0]
    bot.services.counters.flush(bot.database)
    with bot.database.read() as session:
        assert collect_stats(session, 0)["counters"] == {"read_mark.failed": 5}


def test_a_message_is_marked_when_the_bot_answers_it_and_not_when_it_is_silent(
    bot: CloudBot, graph: ThreadedGraph
):
    change(bot, mark_read=ReadMark.ON_ANSWER)
    with bot.run_worker():
        bot.say((1, "hi"), (2, "still"), (3, "no command"))
        settle(bot, 3)
    assert graph.read_marks == [{**MARKED, "message_id": "wamid.1"}]


def test_at_once_needs_no_worker_and_marks_the_newest_of_each_person_once(
    bot: CloudBot, graph: ThreadedGraph
):
    change(bot, mark_read=ReadMark.AT_ONCE)
    items = [bot.build_item(who, text) for who, text in [(1, "a"), (1, "b"), (2, "c")]]
    bot.services.receive_local(bot.connection_id, items)
    wait_until(lambda: len(graph.read_marks) == 2)
    bot.services.receive_local(bot.connection_id, items)  # delivered again
    time.sleep(0.3)
    assert sorted(list_marked(graph)) == ["wamid.2", "wamid.3"]


def test_groups_reactions_and_our_own_phone_are_not_marked(bot: CloudBot, graph: ThreadedGraph):
    change(bot, mark_read=ReadMark.AT_ONCE, show_typing=True)
    item = bot.build_item(1, "a")
    others = [
        replace(item, provider_id="w.group", group_id="g1"),
        replace(item, provider_id="w.react", kind="reaction", is_trigger=False),
        replace(item, provider_id="w.echo", outgoing=True, is_trigger=False),
    ]
    bot.services.receive_local(bot.connection_id, [*others, replace(item, provider_id="w.own")])
    wait_until(lambda: graph.read_marks)
    time.sleep(0.2)
    assert list_marked(graph) == ["w.own"]


def test_typing_is_shown_while_a_turn_takes_longer_than_a_second_and_ends_with_it(
    installation: Flask, graph: ThreadedGraph, monkeypatch: pytest.MonkeyPatch
):
    bot = CloudBot(installation, COMMANDS)
    change(bot, show_typing=True)
    marks, target = bot.services.read_marks, build_target(bot)
    monkeypatch.setattr(read_marks, "TYPING_AFTER_S", 0.2)
    monkeypatch.setattr(read_marks, "TYPING_INTERVAL_S", 0.2)
    marks.begin_turn(target, 1, "wamid.long")
    marks.begin_turn(target, 2, "wamid.short")
    marks.end_turn(2, "wamid.short")
    wait_until(lambda: len(graph.read_marks) == 2)
    marks.end_turn(1, "wamid.long")
    time.sleep(0.5)
    assert graph.read_marks[0] == {**MARKED, "message_id": "wamid.long", **TYPING}
    assert len(graph.read_marks) <= 3
    assert set(list_marked(graph)) == {"wamid.long"}


def test_typing_is_shown_so_many_times_at_most(
    bot: CloudBot, graph: ThreadedGraph, monkeypatch: pytest.MonkeyPatch
):
    change(bot, show_typing=True)
    monkeypatch.setattr(read_marks, "TYPING_AFTER_S", 0.01)
    monkeypatch.setattr(read_marks, "TYPING_INTERVAL_S", 0.01)
    bot.services.read_marks.begin_turn(build_target(bot), 1, "wamid.long")
    wait_until(lambda: len(graph.read_marks) == read_marks.MAX_TYPING)
    time.sleep(0.3)
    assert len(graph.read_marks) == read_marks.MAX_TYPING


def test_a_quick_answer_shows_no_typing_and_a_slow_one_does(
    installation: Flask, graph: ThreadedGraph, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(read_marks, "TYPING_AFTER_S", 0.1)
    slow = "n = 0\nwhile n < 4000000:\n    n = n + 1\nctx.reply('done')"
    bot = CloudBot(installation, [*COMMANDS, build_script_command("slow", slow)])
    change(bot, mark_read=ReadMark.ON_ANSWER, show_typing=True)
    with bot.run_worker():
        bot.say((1, "still"))  # starts the sandbox
        settle(bot, 1)
        graph.read_marks.clear()
        bot.say((1, "hi"))
        settle(bot, 2)
        bot.say((2, "slow"))
        settle(bot, 3)
    quick, shown = graph.read_marks
    assert quick == {**MARKED, "message_id": "wamid.2"}
    # It is marked as read with it: another mark says nothing new.
    assert shown == {**MARKED, "message_id": "wamid.3", **TYPING}


def test_a_refused_mark_is_counted_and_not_repeated_and_the_answer_goes_out(
    bot: CloudBot, graph: ThreadedGraph
):
    change(bot, mark_read=ReadMark.AT_ONCE)
    graph.plan({"code": 100})
    bot.say((1, "hi"))
    wait_until(lambda: graph.counts["requests"] == 1)
    with bot.run_worker():
        wait_until(lambda: bot.list_reply_texts(1) == ["Hello"])
    assert graph.read_marks == []
    bot.services.counters.flush(bot.database)
    with bot.database.read() as session:
        assert collect_stats(session, 0)["counters"] == {"read_mark.failed": 1}


def test_after_a_refusal_of_the_account_no_marks_go_out_for_a_while(bot: CloudBot, graph: ThreadedGraph):
    change(bot, mark_read=ReadMark.AT_ONCE)
    graph.plan({"code": 190})
    bot.say((1, "a"))
    wait_until(lambda: graph.counts["requests"] == 1)
    time.sleep(0.2)
    bot.say((2, "b"))
    time.sleep(0.3)
    assert graph.counts["requests"] == 1
    assert graph.read_marks == []


def test_an_unreachable_provider_keeps_nothing_waiting(bot: CloudBot, graph: ThreadedGraph):
    change(bot, mark_read=ReadMark.AT_ONCE, show_typing=True)
    graph.options = replace(graph.options, latency_ms=20_000)
    began = time.monotonic()
    bot.say(*((who, "a") for who in range(1, 30)))
    assert time.monotonic() - began < 15
    began = time.monotonic()
    bot.services.read_marks.close()
    assert time.monotonic() - began < 15


def test_a_simulated_phone_has_no_marks(installation: Flask, monkeypatch: pytest.MonkeyPatch):
    bot = SimulatedBot(installation, COMMANDS)
    change(bot, mark_read=ReadMark.AT_ONCE, show_typing=True)
    with monkeypatch.context() as patched, bot.run_worker():
        patched.setattr(ReadMarks, "_start", pytest.fail)
        bot.say((1, "hi"))
        wait_until(lambda: bot.list_reply_texts(1) == ["Hello"])


@pytest.mark.parametrize(
    ("setting", "marked"), [("off", []), ("answer", ["wamid.2"]), ("at_once", ["wamid.2"])]
)
def test_a_chat_that_an_operator_opens_is_marked_unless_it_is_off(
    bot: CloudBot, graph: ThreadedGraph, setting: str, marked: list[str]
):
    bot.say((1, "a"), (1, "b"))
    change(bot, mark_read=setting)
    chat = bot.get_chat(1)
    with bot.database.read() as session:
        last = unread.find_last_read(session, chat.id, upto=1_000)
    assert last == (bot.connection_id, "wamid.2")
    bot.services.read_marks.note_opened(*last)
    time.sleep(0.3)
    assert list_marked(graph) == marked
