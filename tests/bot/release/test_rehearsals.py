"""Drafts rehearsed on what people really wrote: exactly what changes is told, and nothing leaves or stays."""

import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.bot.models import Cooldown, Message, Run, Schedule
from app.bot.rehearsing import Job, Wish
from app.brains import versions
from app.brains.models import Memory
from app.brains.problems import InvalidDocument
from app.settings import Settings
from bench.fake_graph import Options, ThreadedGraph, running
from tests.bot.town import Shop, reply, script, until

MESSAGES = 500
PEOPLE = 20
POINTS = """\
points = ctx.memory.incr("points")
best = ctx.memory.top("points")
if ctx.message.text.endswith("prize"):
    ctx.memory.set("prize", "gold")
ctx.reply(f"{points} points, {len(best)} people, lucky number {ctx.random.randint(1, 1000)}")
"""
NOTES = """\
ctx.memory.set("note", ctx.message.text)
ctx.reply("Kept: " + ctx.message.text)
"""


def starting(name: str, action: dict[str, Any], **more: Any) -> dict[str, Any]:
    trigger = {"kind": "starts_with", "texts": [name]}
    return {"id": f"c_{name}", "name": name, "trigger": trigger, "action": action, **more}


COMMANDS: list[dict[str, Any]] = [
    starting("points", {"kind": "script", "source": POINTS}),
    starting("note", {"kind": "script", "source": NOTES}),
    starting("greet", {"kind": "reply", "variants": ["Hello {{ sender.name }}", "Hi!", "{{ now.time }}"]}),
    reply("hours", "9 to 5"),
    reply("address", "Main street 1"),
    reply("rest", "Resting", restrict={"cooldown": {"seconds": 86_400}}),
    script("hidden", "ctx.reply('Boo')"),
    script("broken", "ctx.reply({}['no'])"),
    script("web", "ctx.reply('no web')"),
    script("menu", "ctx.reply('Choose', buttons=['One', 'Two'])"),
]


def changed(commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Change the behaviour on seven messages, and much that nobody notices."""
    draft = {each["name"]: each for each in deepcopy(commands)}
    draft["hours"]["action"]["template"] = "8 to 6"
    draft["points"]["action"]["source"] = "# Counts.\n" + POINTS.replace('"gold"', '"silver"')
    draft["hidden"]["enabled"] = False
    draft["address"]["action"]["template"] = "{{ nobody.knows }}"
    draft["broken"]["action"]["source"] = "ctx.reply('Repaired')"
    draft["web"]["action"]["source"] = (
        "try:\n    ctx.http.get('https://api.example.com/news?key=1')\n"
        "except Exception:\n    pass\nctx.reply('no web')"
    )
    draft["menu"]["action"]["source"] = "ctx.reply('Choose', buttons=['One', 'Three'])"
    draft["note"]["name"] = "Note taking"
    return [*draft.values(), reply("unsaid", "x")]


GRANTS = {"http": {"allow": ["api.example.com"]}}
WORDS = ["hours", "points prize", "hidden", "address", "broken", "web", "menu"]
EXPECTED = dict(
    zip(
        WORDS,
        ["changed", "changed", "silent", "failing", "answering", "new_call", "changed"],
        strict=True,
    )
)


@pytest.fixture
def graph() -> Iterator[ThreadedGraph]:
    with running(Options()) as fake:
        yield fake


@pytest.fixture
def settings(settings: Settings, graph: ThreadedGraph) -> Settings:
    return settings.model_copy(update={"graph_base_url": graph.url, "sandbox_children": 2})


class Theatre(Shop):
    """A shop whose messages are rehearsed."""

    def stored(self) -> list[Any]:
        """Return everything a rehearsal must leave alone."""
        with self.database.read() as session:
            memory = [
                (row.scope, row.key, row.value, row.rev, row.updated_at)
                for row in session.scalars(select(Memory).order_by(Memory.id))
            ]
            counts = [session.scalar(select(func.count()).select_from(table)) for table in
                      (Message, Run, Cooldown, Schedule)]  # fmt: skip
        return [memory, counts]

    def rehearse(self, commands: list[dict[str, Any]], count: int = 1_000, **document: Any) -> Job:
        draft = {**self.document, **document, "commands": commands}
        job = self.bot.rehearsals.start(Wish("r1", 7, self.brain_id, draft, count))
        assert job.future
        job.future.result(60)
        return job


def said_by_people() -> list[tuple[int, str]]:
    """Return what is said: mostly what the draft does not change, and each changed behaviour once."""
    common = ["points", "points again", "note a b c", "greet", "rest", "nothing fits", "note d"]
    words = [common[n % len(common)] for n in range(MESSAGES - len(WORDS))]
    for place, word in enumerate(WORDS):
        words.insert(40 + place * 61, word)
    return [(n % PEOPLE, word) for n, word in enumerate(words)]


def test_seven_changes_in_five_hundred_messages_are_listed_and_nothing_else(
    installation: Flask, graph: ThreadedGraph
):
    shop = Theatre(installation, COMMANDS, grants=GRANTS)
    with shop.open():
        shop.say(*said_by_people())
        until(lambda: len(shop.runs()) == MESSAGES, 60)
        until(
            lambda: not shop.all(select(Message).where(Message.state.in_(("queued", "sending", "new")))), 60
        )
    sent, stored = len(graph.log), shop.stored()
    assert sent > 300
    began = time.monotonic()
    job = shop.rehearse(changed(COMMANDS), grants=GRANTS)
    took = time.monotonic() - began
    print(f"\n{MESSAGES} messages rehearsed in {took:.1f} s: {dict(job.tally)}")
    assert job.state == "done"
    reasons = {each.heard.words: (each.compared.before.why, each.compared.after.why) for each in job.changes}
    assert {each.heard.words: each.compared.kind for each in job.changes} == EXPECTED, reasons
    assert (len(job.changes), job.done, job.tally["same"]) == (7, MESSAGES, MESSAGES - 7)
    assert len(graph.log) == sent
    assert shop.stored() == stored
    assert took < 30
    found = {each.heard.words: each.compared for each in job.changes}
    assert found["web"].new_calls == ("http.get https://api.example.com/news",)
    assert "nobody" in found["address"].after.why
    assert job.forecast
    assert job.forecast.calls_before == {"memory.top": job.forecast.calls_after["memory.top"]}
    assert job.forecast.calls_after["http.get"] == 1
    assert min(*job.forecast.before, *job.forecast.after) > 0


def test_the_same_draft_changes_nothing(installation: Flask):
    shop = Theatre(installation, COMMANDS, grants=GRANTS)
    with shop.open():
        shop.say(*((n % 3, word) for n, word in enumerate([*WORDS, "greet", "points", "rest", "rest"])))
        until(lambda: len(shop.runs()) == len(WORDS) + 4)
    job = shop.rehearse(COMMANDS, grants=GRANTS)
    assert job.changes == []
    assert job.tally == {"same": len(WORDS) + 4}


def test_messages_from_before_the_first_publish_are_newly_answered_and_paused_chats_left_out(
    installation: Flask,
):
    shop = Theatre(installation, [reply("hi", "Hello")])
    brain_id = shop.brain_id
    live = shop.database.write(lambda s: _live(s, brain_id, None))
    with shop.open():
        shop.say((1, "hi"), (2, "other"))
        until(lambda: len(shop.runs()) == 2)
        shop.database.write(lambda s: _live(s, brain_id, live))
        shop.bot.house.database.write(lambda s: _pause(s, shop.chat(2).id))
        shop.say((2, "hi"))
        until(lambda: len(shop.runs()) == 3)
    job = shop.rehearse([reply("hi", "Hello")])
    assert [(each.heard.words, each.compared.kind) for each in job.changes] == [("hi", "answering")]
    assert job.tally == {"answering": 1, "same": 1}
    assert job.changes[0].compared.before.why == "The connection has no published brain."


def _live(session: Any, brain_id: int, version_id: int | None) -> int | None:
    brain = versions.get_brain(session, brain_id)
    brain.live_version_id, former = version_id, brain.live_version_id
    return former


def _pause(session: Any, chat_id: int) -> None:
    from app.bot.models import Chat  # noqa: PLC0415  used here alone

    session.get_one(Chat, chat_id).paused_at = 1


def test_only_the_last_messages_are_asked_and_a_memory_nobody_looked_at_is_named(installation: Flask):
    shop = Theatre(installation, [reply("a", "A"), reply("b", "B")])
    with shop.open():
        shop.say((1, "a"), (1, "b"), (1, "a"), (2, "b"))
        until(lambda: len(shop.runs()) == 4)
    looking = script("b", "ctx.reply(str(ctx.memory.get('n', 0)))")
    job = shop.rehearse([reply("a", "A"), looking], count=2)
    assert (job.total, job.tally["changed"]) == (2, 1)
    assert "remembered" in job.changes[0].compared.notes[0]


def test_a_rehearsal_ends_when_it_is_cancelled_or_another_begins(installation: Flask):
    shop = Theatre(installation, [reply("a", "A")])
    rehearsals = shop.bot.rehearsals
    with shop.open():
        shop.say((1, "a"))
        until(lambda: len(shop.runs()) == 1)
    first = rehearsals.start(Wish("one", 7, shop.brain_id, shop.document, 50))
    second = rehearsals.start(Wish("two", 7, shop.brain_id, shop.document, 50))
    other = rehearsals.start(Wish("three", 8, shop.brain_id, shop.document, 50))
    assert first.cancelled.is_set()
    assert rehearsals.find(7, "one") is None
    assert rehearsals.find(7, "two") is second
    assert rehearsals.find(7, "three") is None
    assert rehearsals.latest(8, shop.brain_id) is other
    until(lambda: {first.state, second.state, other.state} == {"cancelled", "done"})
    second.cancelled.set()
    assert second.state == "cancelled"


def test_a_draft_that_cannot_run_is_refused(installation: Flask):
    shop = Theatre(installation, [reply("a", "A")])
    with pytest.raises(InvalidDocument):
        shop.bot.rehearsals.start(Wish("one", 7, shop.brain_id, {"commands": [{}]}, 50))


def test_a_rehearsal_that_breaks_is_told_as_failed(installation: Flask):
    shop = Theatre(installation, [reply("a", "A")])
    with shop.open():
        shop.say((1, "a"))
        until(lambda: len(shop.runs()) == 1)
    Base = type(shop.runs()[0]).metadata  # noqa: N806  the tables
    Base.drop_all(shop.database.engine)
    job = shop.bot.rehearsals.start(Wish("one", 7, shop.brain_id, shop.document, 50))
    until(lambda: job.state == "failed")
