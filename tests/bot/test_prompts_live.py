"""Prompts in a whole installation: slow answers hold up nobody, budgets end, every call is written down."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.bot.models import Fault
from app.bot.tracing import trace
from app.brains.ai import ledger
from app.brains.ai.models import AiCall, AiMonth
from app.brains.ai.providers import Wish
from app.brains.gallery import demo_document
from app.brains.program import compile_program
from app.brains.replay import replay
from app.brains.runtime import Sender, Turn
from app.settings import Settings
from bench.fake_ai import FakeAi
from bench.fake_ai import Fault as Trouble
from tests.bot.town import Town, reply, script, until

PROMPTS = [
    {
        "name": "assistant",
        "system": "You help {{ sender.name }}.",
        "user": "{{ message.text }}",
        "memory": {"turns": 2},
    }
]
ASK = 'ctx.reply(ctx.ai("assistant"))'


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ai_allow_private": True})


def chat(**more: Any) -> dict[str, Any]:
    return {
        "id": "c_chat", "name": "chat", "trigger": {"kind": "fallback"},
        "action": {"kind": "prompt", "prompt": "assistant", **more},
    }  # fmt: skip


def found(app: Flask, *commands: dict[str, Any], **grant: Any) -> Town:
    return Town(
        app,
        [reply("hi", "Hello {{ sender.name }}"), script("ask slow", ASK, id="c_ask"), *commands],
        prompts=PROMPTS,
        grants={"ai": grant},
    )


def with_provider(town: Town, fake_ai: FakeAi) -> Town:
    wish = Wish("home", fake_ai.url, "fake-small", fake_ai.key, currency="EUR", prices="fake-small 0.15 0.60")
    town.database.write(lambda session: town.bot.ai.providers.create(session, wish, 1))
    return town


@pytest.fixture
def town(installation: Flask, fake_ai: FakeAi) -> Town:
    return with_provider(found(installation, chat()), fake_ai)


def test_a_slow_answer_in_one_chat_delays_no_other(town: Town, fake_ai: FakeAi):
    fake_ai.gate.clear()
    with town.open():
        town.say((0, "be slow"), (100, "ask slow"))
        for _ in range(2):
            assert fake_ai.waiting.acquire(timeout=30)
        town.say(*((who, "hi" if who % 2 else f"q {who}") for who in range(1, 31)))
        until(lambda: all(town.heard(who) for who in range(1, 31)))
        assert (town.heard(0), town.heard(100)) == ([], [])
        fake_ai.gate.set()
        until(lambda: town.heard(0) and town.heard(100))
    assert town.texts(0) == ["You asked: be slow"]
    assert town.texts(100) == ["You asked: ask slow"]
    assert town.texts(2) == ["You asked: q 2"]


def test_every_call_is_written_down_with_its_message(town: Town):
    with town.open():
        town.say((1, "what time is it"))
        until(lambda: town.heard(1))
    (call,) = town.all(select(AiCall))
    assert (call.provider, call.model, call.prompt, call.status) == ("home", "fake-small", "assistant", "ok")
    assert call.messages[-1] == {"role": "user", "content": "what time is it"}
    assert call.answer == "You asked: what time is it"
    assert call.message_id == town.runs()[0].message_id
    # 7 x 0.15 + 6 x 0.60 millionths, half up.
    assert (call.tokens_in, call.tokens_out, call.cost, call.currency) == (7, 6, 5, "EUR")
    with town.database.read() as session:
        told = trace(session, town.runs()[0].message_id)
        assert told
        assert [(each.tokens, each.cost, each.currency) for each in told.calls] == [(13, 5, "EUR")]
        used = ledger.used(session, town.brain_id, town.house.clock())
    assert (used.calls, used.tokens_in, used.tokens_out) == (1, 7, 6)


def test_what_was_said_before_goes_along(town: Town, fake_ai: FakeAi):
    with town.open():
        for number, words in enumerate(("one", "hi", "two"), 1):
            town.say((1, words))
            until(lambda wanted=number: len(town.heard(1)) == wanted)
    assert [each["content"] for each in fake_ai.asked[-1]["messages"]] == [
        "You help P1.", "one", "You asked: one", "hi", "Hello P1", "two",
    ]  # fmt: skip


def test_a_run_is_done_again_without_the_provider(town: Town, fake_ai: FakeAi):
    with town.open():
        town.say((1, "one"))
        until(lambda: town.heard(1))
    (run,) = town.runs()
    asked = len(fake_ai.asked)
    program = compile_program(1, town.brain_id, town.document)
    turn = Turn(run.message_id, "text", "one", Sender(""), chat_id=run.chat_id, at=1, now=1, seed=1)
    assert replay(program, turn, run.journal or {}, town.bot.sandbox).digest == run.digest
    assert len(fake_ai.asked) == asked


def test_when_the_tokens_are_used_up_the_command_says_something_else(installation: Flask, fake_ai: FakeAi):
    town = with_provider(found(installation, chat(otherwise="Enough for now."), monthly_tokens=5), fake_ai)
    with town.open():
        town.say((1, "one two three"))
        until(lambda: len(town.heard(1)) == 1)
        town.say((1, "again"))
        until(lambda: len(town.heard(1)) == 2)
    assert town.texts(1)[1] == "Enough for now."
    assert len(fake_ai.asked) == 1
    assert "has used its 5 AI tokens" in town.runs()[1].trace["reason"]
    assert [row.calls for row in town.all(select(AiMonth))] == [1]


def test_without_a_provider_the_operator_is_told(installation: Flask):
    town = found(installation, chat())
    with town.open():
        town.say((1, "one"))
        until(lambda: town.all(select(Fault)))
    assert "No AI provider is set up" in town.all(select(Fault))[0].message
    assert town.all(select(AiCall)) == []


def test_a_failed_call_is_written_down_and_holds_no_key(town: Town, fake_ai: FakeAi):
    fake_ai.faults.append(Trouble(500, {"message": f"broken {fake_ai.key}"}))
    with town.open():
        town.say((1, "one"))
        until(lambda: town.all(select(Fault)))
    (call,) = town.all(select(AiCall))
    assert (call.status, call.answer) == ("upstream", "")
    stored = f"{call.error} {call.messages} {[run.trace for run in town.runs()]} {town.all(select(Fault))[0].message}"
    assert fake_ai.key not in stored
    assert "trouble of its own" in call.error


def test_months_are_kept_apart(town: Town):
    january, march = 1_767_268_800_000, 1_772_366_400_000
    assert (ledger.month_of(january), ledger.month_of(march)) == ("2026-01", "2026-03")
    with town.database.read() as session:
        assert ledger.used(session, town.brain_id, january).tokens == 0


def test_the_demo_works_without_a_provider(installation: Flask):
    demo = demo_document()
    rest = {name: value for name, value in demo.items() if name not in {"brain", "title", "commands"}}
    town = Town(installation, demo["commands"], **rest)
    with town.open():
        town.say((1, "!ask why is the sky blue"))
        until(lambda: town.heard(1))
    assert "an owner adds one under Settings" in town.texts(1)[0]
