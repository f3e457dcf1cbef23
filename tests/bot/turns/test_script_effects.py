"""Scripts as people meet them: a running worker, the real sandbox, effects that come true."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.bot import handoff
from app.bot.lease import LeaseRequest
from app.bot.models import CommandError, Message, Schedule
from app.bot.turns import claim
from app.bot.turns.run import TurnRunner
from app.brains.memory.models import Memory
from app.brains.runtime.runtime import Runtime
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until

POINTS = """
points = ctx.memory.get("points", 0) + 1
ctx.memory.set("points", points)
ctx.reply("You have " + str(points))
"""
SHARED = """
n = ctx.memory.get("n", 0, scope="brain")
ctx.memory.set("n", n + 1, scope="brain")
ctx.reply("Number " + str(n + 1))
"""
BROKEN = """
ctx.memory.set("half", 1)
ctx.schedule("tick", after=1)
ctx.handoff("never")
ctx.reply("never")
ctx.react("never")
missing = {}["key"]
"""
SHOW = """
ctx.react("👍")
ctx.reply("Pick", list={"button": "Choose", "rows": ["One", {"id": "two", "title": "Two", "description": "2nd"}]})
ctx.reply("Sure?", buttons=["Yes", "No"], header="Head", footer="Foot", quote=True)
ctx.send_image("https://example.com/a.png", caption="A picture")
ctx.send_document("https://example.com/a.pdf", filename="a.pdf")
"""
COMMANDS = [
    build_script_command("points", POINTS),
    build_script_command("shared", SHARED),
    build_script_command("broken", BROKEN, errors_to="+1555000099"),
    build_script_command("show", SHOW),
    build_script_command("soon", 'ctx.schedule("tick", after=1, word="tea")\nctx.reply("planned")'),
    build_script_command(
        "tick",
        'ctx.reply("Time for " + ctx.args.word)',
        arguments=[{"name": "word", "type": "rest"}],
        trigger={"kind": "command", "words": ["tick"]},
    ),
    build_script_command("react", 'ctx.schedule("show", after=1)'),
    build_script_command("human", 'ctx.reply("One moment.")\nctx.handoff("asked for a person")'),
    build_script_command("quoted", "ctx.reply(ctx.message.quoted.text if ctx.message.quoted else 'nothing')"),
    build_reply_command("hi", "Hello {{ sender.name }}, {{ memory.points|default(0) }}"),
]


@pytest.fixture
def bot(installation: Flask) -> SimulatedBot:
    return SimulatedBot(installation, COMMANDS)


def test_memory_lives_from_one_message_to_the_next(bot: SimulatedBot):
    with bot.run_worker():
        for _ in range(3):
            bot.say((1, "points"))
        bot.say((2, "points"), (1, "hi"))
        wait_until(lambda: len(bot.list_replies(1)) == 4 and bot.list_replies(2))
    assert bot.list_reply_texts(1) == ["You have 1", "You have 2", "You have 3", "Hello P1, 3"]
    assert bot.list_reply_texts(2) == ["You have 1"]


def test_many_chats_change_one_value_and_none_is_lost(bot: SimulatedBot):
    with bot.run_worker():
        bot.say(*((who, "shared") for who in range(12)))
        wait_until(lambda: all(bot.list_replies(who) for who in range(12)), 40)
    assert sorted(bot.list_reply_texts(who)[0] for who in range(12)) == sorted(
        f"Number {n}" for n in range(1, 13)
    )


def test_a_failed_run_leaves_nothing_but_its_record_and_tells_whom_it_concerns(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((99, "I am here: nobody else may be written to."), (1, "broken"))
        (alert,) = wait_until(lambda: bot.list_replies(99))
        bot.say((1, "broken"))
        wait_until(lambda: len(bot.list_runs()) == 3)
    assert "“broken” of “Town” failed (line 7)" in alert.text
    assert bot.list_replies(1) == []
    assert bot.select_all(select(Memory)) == []
    assert bot.select_all(select(Schedule)) == []
    assert bot.get_chat(1).paused_at is None
    (fault,) = bot.select_all(select(CommandError))
    assert (fault.count, fault.line, len(bot.list_replies(99))) == (2, 7, 1)
    run = bot.list_runs()[-1]
    assert (run.outcome, run.trace["error"]["line"]) == ("failed", 7)
    assert run.journal
    assert run.digest


def test_everything_a_script_can_say_is_sent_in_its_order(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((1, "show"))
        sent = wait_until(lambda: len(bot.list_replies(1)) == 5 and bot.list_replies(1))
    assert [message.kind for message in sent] == ["reaction", "list", "buttons", "image", "document"]
    asked = bot.select_all(select(Message).where(Message.direction == "in"))[0]
    assert (sent[0].payload["message_id"], sent[0].quoted_id) == (asked.provider_id, asked.provider_id)
    assert [row["title"] for row in sent[1].payload["sections"][0]["rows"]] == ["One", "Two"]
    assert (sent[2].payload["header"], sent[2].quoted_id) == ("Head", asked.provider_id)
    assert (sent[3].text, sent[4].text) == ("A picture", "a.pdf")


def test_a_scheduled_command_runs_at_its_time(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((1, "soon"))
        wait_until(lambda: len(bot.list_replies(1)) == 2)
    assert bot.list_reply_texts(1) == ["planned", "Time for tea"]
    assert bot.select_all(select(Schedule)) == []


def test_a_scheduled_run_cannot_react_and_says_why(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((1, "react"))
        wait_until(lambda: [run for run in bot.list_runs() if run.outcome == "failed"])
    assert "no message to react to" in bot.select_all(select(CommandError))[0].message


def test_a_handoff_is_quiet_until_somebody_resumes(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((1, "human"))
        wait_until(lambda: bot.list_reply_texts(1) == ["One moment."])
        bot.say((1, "hi"))
        wait_until(lambda: len(bot.list_runs()) == 2)
        assert bot.list_runs()[1].trace["reason"] == "A person answers in this chat: asked for a person"
        assert handoff.resume(bot.database, bot.get_chat(1).id)
        bot.say((1, "hi"))
        wait_until(lambda: len(bot.list_replies(1)) == 2)
    assert bot.list_reply_texts(1) == ["One moment.", "Hello P1, 0"]


@contextmanager
def count_statements(bot: SimulatedBot) -> Iterator[list[str]]:
    """Collect the statements that SQLAlchemy runs meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(bot.database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(bot.database.engine, "before_cursor_execute", note)


def claim_turns(bot: SimulatedBot, *words: tuple[int, str]) -> list[claim.Job]:
    bot.say(*words)
    request = claim.ClaimRequest(
        LeaseRequest("w", 64, bot.services.clock() + 5, 60_000), 1_000, bot.services.channels
    )
    return bot.database.writer.submit(claim.claim_chats, request).result().jobs


@pytest.mark.parametrize(
    ("template", "queries"), [("Hello {{ sender.name }}", 0), ("{{ memory.points|default(0) }}", 1)]
)
def test_a_batch_reads_only_what_its_brain_may_look_at(installation: Flask, template: str, queries: int):
    bot = SimulatedBot(installation, [build_reply_command("hi", template)])
    programs = TurnRunner(
        bot.database, Runtime(bot.services.sandbox), bot.services.clock, bot.services.capabilities
    )
    programs.run(claim_turns(bot, (0, "hi")))
    jobs = claim_turns(bot, *((who, "hi") for who in range(1, 9)))
    with count_statements(bot) as statements:
        assert len(programs.run(jobs)) == 8
    assert len(statements) == queries


def test_a_quoted_message_is_read_for_who_asks(bot: SimulatedBot):
    with bot.run_worker():
        bot.say((1, "hi"))
        hello = wait_until(lambda: bot.list_replies(1))[0]
        quoting = replace(bot.build_item(1, "quoted"), quoted_id=hello.provider_id)
        bot.services.receive_local(bot.connection_id, [quoting])
        wait_until(lambda: len(bot.list_replies(1)) == 2)
    assert bot.list_reply_texts(1)[1] == "Hello P1, 0"
