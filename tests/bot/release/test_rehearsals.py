"""Drafts rehearsed on what people really wrote: exactly what changes is told, and nothing leaves or stays."""

import time
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.bot.models import Cooldown, Message, Run, Schedule
from app.bot.release.rehearsals import RehearsalJob, RehearsalRequest
from app.brains.document.validation import InvalidDocument
from app.brains.memory.models import Memory
from app.brains.versions import store
from app.settings import Settings
from bench.fake_graph import ThreadedGraph, running
from bench.graph import Options
from tests.bot.simulated_bot import CloudBot, build_reply_command, build_script_command, wait_until

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


def build_prefix_command(name: str, action: dict[str, Any], **more: Any) -> dict[str, Any]:
    trigger = {"kind": "starts_with", "texts": [name]}
    return {"id": f"c_{name}", "name": name, "trigger": trigger, "action": action, **more}


COMMANDS: list[dict[str, Any]] = [
    build_prefix_command("points", {"kind": "script", "source": POINTS}),
    build_prefix_command("note", {"kind": "script", "source": NOTES}),
    build_prefix_command(
        "greet", {"kind": "reply", "variants": ["Hello {{ sender.name }}", "Hi!", "{{ now.time }}"]}
    ),
    build_reply_command("hours", "9 to 5"),
    build_reply_command("address", "Main street 1"),
    build_reply_command("rest", "Resting", restrict={"cooldown": {"seconds": 86_400}}),
    build_script_command("hidden", "ctx.reply('Boo')"),
    build_script_command("broken", "ctx.reply({}['no'])"),
    build_script_command("web", "ctx.reply('no web')"),
    build_script_command("menu", "ctx.reply('Choose', buttons=['One', 'Two'])"),
]


def change_commands(commands: list[dict[str, Any]]) -> list[dict[str, Any]]:
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
    return [*draft.values(), build_reply_command("unsaid", "x")]


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


class RehearsalBot(CloudBot):
    """A Cloud API bot whose messages are rehearsed."""

    def snapshot_tables(self) -> list[Any]:
        """Return everything a rehearsal must leave alone."""
        with self.database.read() as session:
            memory = [
                (row.scope, row.key, row.value, row.rev, row.updated_at)
                for row in session.scalars(select(Memory).order_by(Memory.id))
            ]
            counts = [session.scalar(select(func.count()).select_from(table)) for table in
                      (Message, Run, Cooldown, Schedule)]  # fmt: skip
        return [memory, counts]

    def rehearse(self, commands: list[dict[str, Any]], count: int = 1_000, **document: Any) -> RehearsalJob:
        draft = {**self.document, **document, "commands": commands}
        job = self.services.rehearsals.start(RehearsalRequest("r1", 7, self.brain_id, draft, count))
        assert job.future
        job.future.result(60)
        return job


def list_inbound_texts() -> list[tuple[int, str]]:
    """Return what is said: mostly what the draft does not change, and each changed behaviour once."""
    common = ["points", "points again", "note a b c", "greet", "rest", "nothing fits", "note d"]
    words = [common[n % len(common)] for n in range(MESSAGES - len(WORDS))]
    for place, word in enumerate(WORDS):
        words.insert(40 + place * 61, word)
    return [(n % PEOPLE, word) for n, word in enumerate(words)]


def test_seven_changes_in_five_hundred_messages_are_listed_and_nothing_else(
    installation: Flask, graph: ThreadedGraph
):
    bot = RehearsalBot(installation, COMMANDS, grants=GRANTS)
    with bot.run_worker():
        bot.say(*list_inbound_texts())
        wait_until(lambda: len(bot.list_runs()) == MESSAGES, 60)
        wait_until(
            lambda: (
                not bot.select_all(select(Message).where(Message.state.in_(("queued", "sending", "new"))))
            ),
            60,
        )
    sent, stored = len(graph.log), bot.snapshot_tables()
    assert sent > 300
    began = time.monotonic()
    job = bot.rehearse(change_commands(COMMANDS), grants=GRANTS)
    took = time.monotonic() - began
    print(f"\n{MESSAGES} messages rehearsed in {took:.1f} s: {dict(job.tally)}")
    assert job.state == "done"
    # What is remembered after a new call nobody knows.
    in_doubt = {each.recorded.run.turn.chat_id for each in job.changes if each.recorded.text == "web"}
    unsure = [each for each in job.changes if each.comparison.kind == "unsure"]
    assert {each.recorded.run.turn.chat_id for each in unsure} == in_doubt
    assert all("not certain" in each.comparison.notes[-1] for each in unsure)
    changes = [each for each in job.changes if each not in unsure]
    reasons = {
        each.recorded.text: (each.comparison.before.why, each.comparison.after.why) for each in job.changes
    }
    assert {each.recorded.text: each.comparison.kind for each in changes} == EXPECTED, reasons
    assert (len(changes), job.done, job.tally["same"]) == (7, MESSAGES, MESSAGES - len(job.changes))
    assert len(graph.log) == sent
    assert bot.snapshot_tables() == stored
    assert took < 30
    found = {each.recorded.text: each.comparison for each in job.changes}
    assert found["web"].new_calls == ("http.get https://api.example.com/news",)
    assert "nobody" in found["address"].after.why
    assert job.forecast
    assert job.forecast.calls_before == {"memory.top": job.forecast.calls_after["memory.top"]}
    assert job.forecast.calls_after["http.get"] == 1
    assert min(*job.forecast.before_micros, *job.forecast.after_micros) > 0


def test_the_same_draft_changes_nothing(installation: Flask):
    bot = RehearsalBot(installation, COMMANDS, grants=GRANTS)
    with bot.run_worker():
        bot.say(*((n % 3, word) for n, word in enumerate([*WORDS, "greet", "points", "rest", "rest"])))
        wait_until(lambda: len(bot.list_runs()) == len(WORDS) + 4)
    job = bot.rehearse(COMMANDS, grants=GRANTS)
    assert job.changes == []
    assert job.tally == {"same": len(WORDS) + 4}


def test_a_cooldown_new_in_the_draft_holds_from_what_was_answered_before_the_first_message(
    installation: Flask,
):
    bot = RehearsalBot(
        installation, [build_reply_command("hi", "Hello"), build_reply_command("hours", "9 to 5")]
    )
    said = [(1, "hi"), (2, "hours"), (1, "hi"), (2, "hi"), (1, "hours")]
    with bot.run_worker():
        for number, message in enumerate(said, start=1):
            bot.say(message)
            wait_until(lambda number=number: len(bot.list_runs()) == number)
    changed = [
        build_reply_command("hi", "Hello", restrict={"cooldown": {"seconds": 3600}}),
        build_reply_command("hours", "9 to 5"),
    ]
    job = bot.rehearse(changed, count=3)
    # The other one answers as before, and rests from then on, which is a change.
    assert [(each.recorded.text, each.comparison.kind) for each in job.changes] == [
        ("hi", "silent"),
        ("hi", "changed"),
    ]
    assert "rests for" in job.changes[0].comparison.after.why
    # What was answered longer ago than the cooldown takes counts no more.
    changed[0]["restrict"]["cooldown"]["seconds"] = 1
    time.sleep(1.1)
    bot.say((1, "hi"))
    with bot.run_worker():
        wait_until(lambda: len(bot.list_runs()) == len(said) + 1)
    assert [each.comparison.after.status for each in bot.rehearse(changed, count=1).changes] == ["answered"]


def test_messages_from_before_the_first_publish_are_newly_answered_and_paused_chats_left_out(
    installation: Flask,
):
    bot = RehearsalBot(installation, [build_reply_command("hi", "Hello")])
    brain_id = bot.brain_id
    live = bot.database.write(lambda s: _live(s, brain_id, None))
    with bot.run_worker():
        bot.say((1, "hi"), (2, "other"))
        wait_until(lambda: len(bot.list_runs()) == 2)
        bot.database.write(lambda s: _live(s, brain_id, live))
        bot.services.database.write(lambda s: _pause(s, bot.get_chat(2).id))
        bot.say((2, "hi"))
        wait_until(lambda: len(bot.list_runs()) == 3)
    job = bot.rehearse([build_reply_command("hi", "Hello")])
    assert [(each.recorded.text, each.comparison.kind) for each in job.changes] == [("hi", "answering")]
    assert job.tally == {"answering": 1, "same": 1}
    assert job.changes[0].comparison.before.why == "The connection has no published brain."


def _live(session: Any, brain_id: int, version_id: int | None) -> int | None:
    brain = store.get_brain(session, brain_id)
    brain.live_version_id, former = version_id, brain.live_version_id
    return former


def _pause(session: Any, chat_id: int) -> None:
    from app.bot.models import Chat  # noqa: PLC0415  used here alone

    session.get_one(Chat, chat_id).paused_at = 1


def test_only_the_last_messages_are_asked_and_a_memory_nobody_looked_at_is_named(installation: Flask):
    bot = RehearsalBot(installation, [build_reply_command("a", "A"), build_reply_command("b", "B")])
    with bot.run_worker():
        bot.say((1, "a"), (1, "b"), (1, "a"), (2, "b"))
        wait_until(lambda: len(bot.list_runs()) == 4)
    looking = build_script_command("b", "ctx.reply(str(ctx.memory.get('n', 0)))")
    job = bot.rehearse([build_reply_command("a", "A"), looking], count=2)
    assert (job.total, job.tally["changed"]) == (2, 1)
    assert "variables" in job.changes[0].comparison.notes[0]


def test_a_rehearsal_ends_when_it_is_cancelled_or_another_begins(installation: Flask):
    bot = RehearsalBot(installation, [build_reply_command("a", "A")])
    rehearsals = bot.services.rehearsals
    with bot.run_worker():
        bot.say((1, "a"))
        wait_until(lambda: len(bot.list_runs()) == 1)
    first = rehearsals.start(RehearsalRequest("one", 7, bot.brain_id, bot.document, 50))
    second = rehearsals.start(RehearsalRequest("two", 7, bot.brain_id, bot.document, 50))
    other = rehearsals.start(RehearsalRequest("three", 8, bot.brain_id, bot.document, 50))
    assert first.cancelled.is_set()
    assert rehearsals.find(7, "one") is None
    assert rehearsals.find(7, "two") is second
    assert rehearsals.find(7, "three") is None
    assert rehearsals.find_latest(8, bot.brain_id) is other
    wait_until(lambda: {first.state, second.state, other.state} == {"cancelled", "done"})
    second.cancelled.set()
    assert second.state == "cancelled"


def test_a_draft_that_cannot_run_is_refused(installation: Flask):
    bot = RehearsalBot(installation, [build_reply_command("a", "A")])
    with pytest.raises(InvalidDocument):
        bot.services.rehearsals.start(RehearsalRequest("one", 7, bot.brain_id, {"commands": [{}]}, 50))


def test_a_rehearsal_that_breaks_is_told_as_failed(installation: Flask):
    bot = RehearsalBot(installation, [build_reply_command("a", "A")])
    with bot.run_worker():
        bot.say((1, "a"))
        wait_until(lambda: len(bot.list_runs()) == 1)
    Base = type(bot.list_runs()[0]).metadata  # noqa: N806  the tables
    Base.drop_all(bot.database.engine)
    job = bot.services.rehearsals.start(RehearsalRequest("one", 7, bot.brain_id, bot.document, 50))
    wait_until(lambda: job.state == "failed")
