"""Scripts as people meet them: a running worker, the real sandbox, effects that come true."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.bot import claims, handoff
from app.bot.lease import Claim
from app.bot.models import Fault, Message, Schedule
from app.bot.programs import Programs
from app.brains.models import Memory
from app.brains.runtime import Runtime
from tests.bot.town import Town, reply, script, until

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
    script("points", POINTS),
    script("shared", SHARED),
    script("broken", BROKEN, errors_to="+1555000099"),
    script("show", SHOW),
    script("soon", 'ctx.schedule("tick", after=1, word="tea")\nctx.reply("planned")'),
    script(
        "tick",
        'ctx.reply("Time for " + ctx.args.word)',
        arguments=[{"name": "word", "type": "rest"}],
        trigger={"kind": "command", "words": ["tick"]},
    ),
    script("react", 'ctx.schedule("show", after=1)'),
    script("human", 'ctx.reply("One moment.")\nctx.handoff("asked for a person")'),
    script("quoted", "ctx.reply(ctx.message.quoted.text if ctx.message.quoted else 'nothing')"),
    reply("hi", "Hello {{ sender.name }}, {{ memory.points|default(0) }}"),
]


@pytest.fixture
def town(installation: Flask) -> Town:
    return Town(installation, COMMANDS)


def test_memory_lives_from_one_message_to_the_next(town: Town):
    with town.open():
        for _ in range(3):
            town.say((1, "points"))
        town.say((2, "points"), (1, "hi"))
        until(lambda: len(town.heard(1)) == 4 and town.heard(2))
    assert town.texts(1) == ["You have 1", "You have 2", "You have 3", "Hello P1, 3"]
    assert town.texts(2) == ["You have 1"]


def test_many_chats_change_one_value_and_none_is_lost(town: Town):
    with town.open():
        town.say(*((who, "shared") for who in range(12)))
        until(lambda: all(town.heard(who) for who in range(12)), 40)
    assert sorted(town.texts(who)[0] for who in range(12)) == sorted(f"Number {n}" for n in range(1, 13))


def test_a_failed_run_leaves_nothing_but_its_record_and_tells_whom_it_concerns(town: Town):
    with town.open():
        town.say((1, "broken"))
        (alert,) = until(lambda: town.heard(99))
        town.say((1, "broken"))
        until(lambda: len(town.runs()) == 2)
    assert "“broken” of “Town” failed (line 7)" in alert.text
    assert town.heard(1) == []
    assert town.all(select(Memory)) == []
    assert town.all(select(Schedule)) == []
    assert town.chat(1).paused_at is None
    (fault,) = town.all(select(Fault))
    assert (fault.count, fault.line, len(town.heard(99))) == (2, 7, 1)
    run = town.runs()[0]
    assert (run.outcome, run.trace["error"]["line"]) == ("failed", 7)
    assert run.journal
    assert run.digest


def test_everything_a_script_can_say_is_sent_in_its_order(town: Town):
    with town.open():
        town.say((1, "show"))
        sent = until(lambda: len(town.heard(1)) == 5 and town.heard(1))
    assert [message.kind for message in sent] == ["reaction", "list", "buttons", "image", "document"]
    asked = town.all(select(Message).where(Message.direction == "in"))[0]
    assert (sent[0].payload["message_id"], sent[0].quoted_id) == (asked.provider_id, asked.provider_id)
    assert [row["title"] for row in sent[1].payload["sections"][0]["rows"]] == ["One", "Two"]
    assert (sent[2].payload["header"], sent[2].quoted_id) == ("Head", asked.provider_id)
    assert (sent[3].text, sent[4].text) == ("A picture", "a.pdf")


def test_a_scheduled_command_runs_at_its_time(town: Town):
    with town.open():
        town.say((1, "soon"))
        until(lambda: town.texts(1) == ["planned"])
        until(lambda: len(town.heard(1)) == 2)
    assert town.texts(1)[1] == "Time for tea"
    assert town.all(select(Schedule)) == []


def test_a_tick_cannot_react_and_says_why(town: Town):
    with town.open():
        town.say((1, "react"))
        until(lambda: [run for run in town.runs() if run.outcome == "failed"])
    assert "no message to react to" in town.all(select(Fault))[0].message


def test_a_handoff_is_quiet_until_somebody_resumes(town: Town):
    with town.open():
        town.say((1, "human"))
        until(lambda: town.texts(1) == ["One moment."])
        town.say((1, "hi"))
        until(lambda: len(town.runs()) == 2)
        assert town.runs()[1].trace["reason"] == "A person answers in this chat: asked for a person"
        assert handoff.resume(town.database, town.chat(1).id)
        town.say((1, "hi"))
        until(lambda: len(town.heard(1)) == 2)
    assert town.texts(1) == ["One moment.", "Hello P1, 0"]


@contextmanager
def counted(town: Town) -> Iterator[list[str]]:
    """Collect the statements that SQLAlchemy runs meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(town.database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(town.database.engine, "before_cursor_execute", note)


def claimed(town: Town, *words: tuple[int, str]) -> list[claims.Job]:
    town.say(*words)
    wish = claims.Wish(Claim("w", 64, town.house.clock() + 5, 60_000), 1_000, town.bot.channels)
    return town.database.writer.submit(claims.claim, wish).result().jobs


@pytest.mark.parametrize(
    ("template", "queries"), [("Hello {{ sender.name }}", 0), ("{{ memory.points|default(0) }}", 1)]
)
def test_a_batch_reads_only_what_its_brain_may_look_at(installation: Flask, template: str, queries: int):
    town = Town(installation, [reply("hi", template)])
    programs = Programs(town.database, Runtime(town.bot.sandbox), town.house.clock, town.bot.capabilities)
    programs.run(claimed(town, (0, "hi")))
    jobs = claimed(town, *((who, "hi") for who in range(1, 9)))
    with counted(town) as statements:
        assert len(programs.run(jobs)) == 8
    assert len(statements) == queries


def test_a_quoted_message_is_read_for_who_asks(town: Town):
    with town.open():
        town.say((1, "hi"))
        hello = until(lambda: town.heard(1))[0]
        quoting = replace(town.item(1, "quoted"), quoted_id=hello.provider_id)
        town.bot.accept_local(town.connection_id, [quoting])
        until(lambda: len(town.heard(1)) == 2)
    assert town.texts(1)[1] == "Hello P1, 0"
