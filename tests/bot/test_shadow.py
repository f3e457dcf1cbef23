"""A version run silently beside the live one: everything is compared, nothing is sent, remembered or counted twice."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.bot import shadowing
from app.bot.models import Message, Run
from app.bot.shadowing import Shadow
from app.brains import candidates, rollouts, versions
from app.brains.candidates import Plan
from app.brains.models import Memory
from app.brains.rollout import SHADOW
from app.brains.rollout_models import Rollout, RolloutChange
from app.brains.runtime import Runtime
from app.brains.versions import Signed
from app.settings import Settings
from tests.bot.town import Town, reply, script, until

COUNT = 'n = ctx.memory.incr("n")\nctx.reply(f"{n} so far")'
COMMANDS = [
    reply("hours", "9 to 5"),
    reply("address", "Main street 1"),
    reply("old", "Still here"),
    script("count", COUNT),
    script("broken", "ctx.reply({}['no'])"),
]
DRAFT = [
    reply("hours", "8 to 6"),
    reply("address", "{{ nobody.knows }}"),
    reply("old", "Still here", enabled=False),
    script("count", "# The same.\n" + COUNT),
    script("broken", "ctx.reply('Repaired')"),
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sandbox_children": 2})


@pytest.fixture
def town(installation: Flask) -> Iterator[Town]:
    town = Town(installation, COMMANDS)
    with town.open():
        yield town


def begin(town: Town) -> Rollout:
    def start(session: Session) -> Rollout:
        brain = versions.get_brain(session, town.brain_id)
        draft = {**brain.draft, "commands": DRAFT}
        now = town.house.clock()
        versions.save_draft(session, town.brain_id, draft, brain.draft_rev, now)
        return candidates.start(session, town.brain_id, Plan(SHADOW, 0), lambda _d: [], Signed("", None, now))

    return town.database.write(start)


def kinds(town: Town) -> dict[str, int]:
    return rollouts.tally_of(town.all(select(Rollout))[0]).kinds


def left_alone(town: Town) -> list[Any]:
    with town.database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in (Message, Run)]
        memory = [
            (row.key, row.value, row.rev) for row in session.scalars(select(Memory).order_by(Memory.id))
        ]
    return [counts, memory]


def test_a_silent_version_is_held_against_every_answer_and_says_and_keeps_nothing(town: Town):
    town.say((1, "hours"))
    until(lambda: len(town.runs()) == 1)
    begin(town)
    said = ["hours", "address", "old", "count", "count", "broken", "nothing fits"]
    town.say(*((n % 3, words) for n, words in enumerate(said)))
    until(lambda: len(town.runs()) == 1 + len(said))
    until(lambda: not town.all(select(Message).where(Message.state.in_(("new", "queued", "sending")))))
    before = left_alone(town)
    until(lambda: sum(kinds(town).values()) == len(said))
    assert kinds(town) == {"same": 3, "changed": 1, "failing": 1, "silent": 1, "answering": 1}
    assert left_alone(town) == before
    tally = rollouts.tally_of(town.all(select(Rollout))[0])
    assert (tally.base.runs, tally.base.failed, tally.candidate.failed) == (7, 1, 1)
    with town.database.read() as session:
        shown = {message.text: change for change, message in shadowing.differing(session, 1, 10)}
    assert {text: change.kind for text, change in shown.items()} == {
        "hours": "changed",
        "address": "failing",
        "old": "silent",
        "broken": "answering",
    }
    assert shown["hours"].after["effects"][0][1] == "8 to 6"
    assert town.texts(0)[0] == "9 to 5"


def test_a_shadow_goes_on_where_it_was_and_two_workers_count_once(installation: Flask):
    town = Town(installation, COMMANDS)
    begin(town)
    with town.open():
        town.say(*((n % 4, "count") for n in range(30)))
        until(lambda: len(town.runs()) == 30)
        until(lambda: kinds(town).get("same", 0) >= shadowing.BATCH)
    late = town.house.clock() + 10_000
    workers = [Shadow(town.database, lambda: Runtime(town.bot.sandbox), lambda: late) for _ in range(2)]
    for _ in range(5):
        for worker in workers:
            worker.step()
    assert kinds(town) == {"same": 30}


def test_only_the_newest_differences_are_kept(town: Town, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shadowing, "KEPT", 5)
    begin(town)
    town.say(*((n, "hours") for n in range(20)))
    until(lambda: kinds(town).get("changed") == 20)
    kept = town.all(select(RolloutChange).order_by(RolloutChange.id))
    newest = [run.message_id for run in town.runs()][-5:]
    assert [each.message_id for each in kept] == newest


def test_a_stopped_shadow_looks_no_further(town: Town):
    begin(town)
    town.database.write(lambda s: candidates.stop(s, town.brain_id, None, 5))
    town.say((1, "hours"))
    until(lambda: town.texts(1) == ["9 to 5"])
    late = town.house.clock() + 10_000
    assert Shadow(town.database, lambda: Runtime(town.bot.sandbox), lambda: late).step() is False
    assert kinds(town) == {}
