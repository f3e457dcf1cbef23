"""Prompts in a whole installation: slow answers hold up nobody, budgets end, every call is written down."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.bot.explain.timeline import build_timeline
from app.bot.models import CommandError
from app.brains.ai import usage
from app.brains.ai.models import AiCall, AiMonth
from app.brains.ai.provider_store import ProviderInput
from app.brains.document.gallery import build_demo_document
from app.brains.runtime.program import compile_program
from app.brains.runtime.replay import replay
from app.brains.turn import Sender, Turn
from app.settings import Settings
from bench.fake_ai import FakeAi
from bench.fake_ai import Fault as Trouble
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until

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


def build_chat_command(**more: Any) -> dict[str, Any]:
    return {
        "id": "c_chat", "name": "chat", "trigger": {"kind": "fallback"},
        "action": {"kind": "prompt", "prompt": "assistant", **more},
    }  # fmt: skip


def build_bot(app: Flask, *commands: dict[str, Any], **grant: Any) -> SimulatedBot:
    return SimulatedBot(
        app,
        [
            build_reply_command("hi", "Hello {{ sender.name }}"),
            build_script_command("ask slow", ASK, id="c_ask"),
            *commands,
        ],
        prompts=PROMPTS,
        grants={"ai": grant},
    )


def add_provider(bot: SimulatedBot, fake_ai: FakeAi) -> SimulatedBot:
    fields = ProviderInput(
        "home", fake_ai.url, "fake-small", fake_ai.key, currency="EUR", prices="fake-small 0.15 0.60"
    )
    bot.database.write(lambda session: bot.services.ai.providers.create(session, fields, 1))
    return bot


@pytest.fixture
def bot(installation: Flask, fake_ai: FakeAi) -> SimulatedBot:
    return add_provider(build_bot(installation, build_chat_command()), fake_ai)


def test_a_slow_answer_in_one_chat_delays_no_other(bot: SimulatedBot, fake_ai: FakeAi):
    fake_ai.gate.clear()
    with bot.run_worker():
        bot.say((0, "be slow"), (100, "ask slow"))
        for _ in range(2):
            assert fake_ai.waiting.acquire(timeout=30)
        bot.say(*((who, "hi" if who % 2 else f"q {who}") for who in range(1, 31)))
        wait_until(lambda: all(bot.list_replies(who) for who in range(1, 31)))
        assert (bot.list_replies(0), bot.list_replies(100)) == ([], [])
        fake_ai.gate.set()
        wait_until(lambda: bot.list_replies(0) and bot.list_replies(100))
    assert bot.list_reply_texts(0) == ["You asked: be slow"]
    assert bot.list_reply_texts(100) == ["You asked: ask slow"]
    assert bot.list_reply_texts(2) == ["You asked: q 2"]


def test_every_call_is_written_down_with_its_message(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((1, "what time is it"))
        wait_until(lambda: bot.list_replies(1))
    (call,) = bot.select_all(select(AiCall))
    assert (call.provider, call.model, call.prompt, call.status) == ("home", "fake-small", "assistant", "ok")
    assert call.messages[-1] == {"role": "user", "content": "what time is it"}
    assert call.answer == "You asked: what time is it"
    assert call.message_id == bot.list_runs()[0].message_id
    # 7 x 0.15 + 6 x 0.60 millionths, half up.
    assert (call.tokens_in, call.tokens_out, call.cost, call.currency) == (7, 6, 5, "EUR")
    with bot.database.read() as session:
        told = build_timeline(session, bot.list_runs()[0].message_id)
        assert told
        assert [(each.tokens, each.cost, each.currency) for each in told.calls] == [(13, 5, "EUR")]
        used = usage.read_month(session, bot.brain_id, bot.services.clock())
    assert (used.calls, used.tokens_in, used.tokens_out) == (1, 7, 6)


def test_what_was_said_before_goes_along(bot: SimulatedBot, fake_ai: FakeAi):
    with bot.run_worker():
        for number, words in enumerate(("one", "hi", "two"), 1):
            bot.say((1, words))
            wait_until(lambda wanted=number: len(bot.list_replies(1)) == wanted)
    assert [each["content"] for each in fake_ai.asked[-1]["messages"]] == [
        "You help P1.", "one", "You asked: one", "hi", "Hello P1", "two",
    ]  # fmt: skip


def test_a_run_is_done_again_without_the_provider(bot: SimulatedBot, fake_ai: FakeAi):
    with bot.run_worker():
        bot.say((1, "one"))
        wait_until(lambda: bot.list_replies(1))
    (run,) = bot.list_runs()
    asked = len(fake_ai.asked)
    program = compile_program(1, bot.brain_id, bot.document)
    turn = Turn(run.message_id, "text", "one", Sender(""), chat_id=run.chat_id, at=1, now=1, seed=1)
    assert replay(program, turn, run.journal or {}, bot.services.sandbox).digest == run.digest
    assert len(fake_ai.asked) == asked


def test_when_the_tokens_are_used_up_the_command_says_something_else(installation: Flask, fake_ai: FakeAi):
    bot = add_provider(
        build_bot(installation, build_chat_command(otherwise="Enough for now."), monthly_tokens=5), fake_ai
    )
    with bot.run_worker():
        bot.say((1, "one two three"))
        wait_until(lambda: len(bot.list_replies(1)) == 1)
        bot.say((1, "again"))
        wait_until(lambda: len(bot.list_replies(1)) == 2)
    assert bot.list_reply_texts(1)[1] == "Enough for now."
    assert len(fake_ai.asked) == 1
    assert "has used its 5 AI tokens" in bot.list_runs()[1].trace["reason"]
    assert [row.calls for row in bot.select_all(select(AiMonth))] == [1]


def test_without_a_provider_the_operator_is_told(installation: Flask):
    bot = build_bot(installation, build_chat_command())
    with bot.run_worker():
        bot.say((1, "one"))
        wait_until(lambda: bot.select_all(select(CommandError)))
    assert "No AI provider is set up" in bot.select_all(select(CommandError))[0].message
    assert bot.select_all(select(AiCall)) == []


def test_a_failed_call_is_written_down_and_holds_no_key(bot: SimulatedBot, fake_ai: FakeAi):
    fake_ai.faults.append(Trouble(500, {"message": f"broken {fake_ai.key}"}))
    with bot.run_worker():
        bot.say((1, "one"))
        wait_until(lambda: bot.select_all(select(CommandError)))
    (call,) = bot.select_all(select(AiCall))
    assert (call.status, call.answer) == ("upstream", "")
    (error,) = bot.select_all(select(CommandError))
    stored = f"{call.error} {call.messages} {[run.trace for run in bot.list_runs()]} {error.message}"
    assert fake_ai.key not in stored
    assert "trouble of its own" in call.error


def test_months_are_kept_apart(bot: SimulatedBot):
    january, march = 1_767_268_800_000, 1_772_366_400_000
    assert (usage.format_month(january), usage.format_month(march)) == ("2026-01", "2026-03")
    with bot.database.read() as session:
        assert usage.read_month(session, bot.brain_id, january).tokens == 0


def test_the_demo_works_without_a_provider(installation: Flask):
    demo = build_demo_document()
    rest = {name: value for name, value in demo.items() if name not in {"brain", "title", "commands"}}
    bot = SimulatedBot(installation, demo["commands"], **rest)
    with bot.run_worker():
        bot.say((1, "!ask why is the sky blue"))
        wait_until(lambda: bot.list_replies(1))
    assert "an owner adds one under Settings" in bot.list_reply_texts(1)[0]
