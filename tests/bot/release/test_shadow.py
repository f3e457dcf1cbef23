"""A version run silently beside the live one: everything is compared, nothing is sent, remembered or counted twice."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.orm import Session

from app.bot.identity import unite
from app.bot.models import Cooldown, Message, Run
from app.bot.models.run import SHADOW_SCOPE
from app.bot.release import shadow
from app.bot.release.shadow import Shadow
from app.bot.simulator import advance
from app.brains.memory.models import Memory
from app.brains.runtime.runtime import Runtime
from app.brains.versions import release, rollouts, store
from app.brains.versions.intent_models import train_intents
from app.brains.versions.models import Rollout, RolloutChange
from app.brains.versions.release import RolloutPlan
from app.brains.versions.routing import SHADOW
from app.brains.versions.store import DraftReview, PublishDetails
from app.privacy.chat_deletion import delete_chat, delete_dependents
from app.settings import Settings
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until
from tests.brains.document.test_understanding import build_document

COUNT = 'n = ctx.memory.incr("n")\nctx.reply(f"{n} so far")'
COMMANDS = [
    build_reply_command("hours", "9 to 5"),
    build_reply_command("address", "Main street 1"),
    build_reply_command("old", "Still here"),
    build_script_command("count", COUNT),
    build_script_command("broken", "ctx.reply({}['no'])"),
]
DRAFT = [
    build_reply_command("hours", "8 to 6"),
    build_reply_command("address", "{{ nobody.knows }}"),
    build_reply_command("old", "Still here", enabled=False),
    build_script_command("count", "# The same.\n" + COUNT),
    build_script_command("broken", "ctx.reply('Repaired')"),
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sandbox_children": 2})


@pytest.fixture
def bot(installation: Flask) -> Iterator[SimulatedBot]:
    bot = SimulatedBot(installation, COMMANDS)
    with bot.run_worker():
        yield bot


def start_shadow(bot: SimulatedBot) -> Rollout:
    def start(session: Session) -> Rollout:
        brain = store.get_brain(session, bot.brain_id)
        draft = {**brain.draft, "commands": DRAFT}
        now = bot.services.clock()
        store.save_draft(session, bot.brain_id, draft, brain.draft_rev, now)
        return release.start(
            session, bot.brain_id, RolloutPlan(SHADOW, 0), DraftReview(), PublishDetails("", None, now)
        )

    return bot.database.write(start)


def count_kinds(bot: SimulatedBot) -> dict[str, int]:
    return rollouts.load_stats(bot.select_all(select(Rollout).order_by(Rollout.id.desc()))[0]).kinds


def snapshot_tables(bot: SimulatedBot) -> list[Any]:
    with bot.database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in (Message, Run)]
        memory = [
            (row.key, row.value, row.rev) for row in session.scalars(select(Memory).order_by(Memory.id))
        ]
    return [counts, memory]


def test_a_version_in_shadow_mode_is_compared_with_every_answer_and_sends_and_stores_nothing(
    bot: SimulatedBot,
):
    bot.say((1, "hours"))
    wait_until(lambda: len(bot.list_runs()) == 1)
    start_shadow(bot)
    said = ["hours", "address", "old", "count", "count", "broken", "nothing fits"]
    bot.say(*((n % 3, words) for n, words in enumerate(said)))
    wait_until(lambda: len(bot.list_runs()) == 1 + len(said))
    wait_until(
        lambda: not bot.select_all(select(Message).where(Message.state.in_(("new", "queued", "sending"))))
    )
    before = snapshot_tables(bot)
    wait_until(lambda: sum(count_kinds(bot).values()) == len(said))
    assert count_kinds(bot) == {"same": 3, "changed": 1, "failing": 1, "silent": 1, "answering": 1}
    assert snapshot_tables(bot) == before
    tally = rollouts.load_stats(bot.select_all(select(Rollout))[0])
    assert (tally.base.runs, tally.base.failed, tally.candidate.failed) == (7, 1, 1)
    with bot.database.read() as session:
        shown = {message.text: change for change, message in shadow.list_differences(session, 1, 10)}
    assert {text: change.kind for text, change in shown.items()} == {
        "hours": "changed",
        "address": "failing",
        "old": "silent",
        "broken": "answering",
    }
    assert shown["hours"].after["effects"][0][1] == "8 to 6"
    assert bot.list_reply_texts(0)[0] == "9 to 5"


def test_a_shadow_goes_on_where_it_was_and_two_workers_count_once(installation: Flask):
    bot = SimulatedBot(installation, COMMANDS)
    start_shadow(bot)
    with bot.run_worker():
        bot.say(*((n % 4, "count") for n in range(30)))
        wait_until(lambda: len(bot.list_runs()) == 30)
        wait_until(lambda: count_kinds(bot).get("same", 0) >= shadow.BATCH_SIZE)
    late = bot.services.clock() + 10_000
    workers = [Shadow(bot.database, lambda: Runtime(bot.services.sandbox), lambda: late) for _ in range(2)]
    for _ in range(5):
        for worker in workers:
            worker.run_batch()
    assert count_kinds(bot) == {"same": 30}


def test_a_shadow_rests_by_its_own_cooldowns_over_batches_and_not_by_those_of_the_shadow_before(
    bot: SimulatedBot, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shadow, "BATCH_SIZE", 1)
    resting = {"cooldown": {"per": "contact", "seconds": 3_600}}
    monkeypatch.setattr(
        sys.modules[__name__], "DRAFT", [build_reply_command("hours", "9 to 5", restrict=resting)]
    )
    for _ in range(2):
        start_shadow(bot)
        bot.say((1, "hours"), (1, "hours"), (2, "hours"))
        wait_until(lambda: sum(count_kinds(bot).values()) == 3)
        # Its first answer to each begins a cooldown, which is an effect of its own.
        assert count_kinds(bot) == {"changed": 2, "silent": 1}
        bot.database.write(lambda s: release.stop(s, bot.brain_id, None, 5))
    assert bot.list_reply_texts(1) == ["9 to 5"] * 4
    scopes = {row.scope.partition(":")[0] for row in bot.select_all(select(Cooldown))}
    assert scopes == {"shadow"}


def test_cooldowns_of_the_shadow_move_and_go_with_their_person(bot: SimulatedBot):
    bot.say((1, "hours"), (2, "hours"))
    wait_until(lambda: bot.list_reply_texts(1) == bot.list_reply_texts(2) == ["9 to 5"])
    kept, other = bot.get_chat(1), bot.get_chat(2)
    scope = f"{SHADOW_SCOPE}contact:{other.contact_id}"
    bot.database.write(lambda s: s.add(Cooldown(brain_id=bot.brain_id, command_id="c", scope=scope, until=5)))
    bot.database.writer.run(lambda db: unite(db, kept.contact_id or 0, other.contact_id or 0))
    (moved,) = bot.select_all(select(Cooldown))
    assert (moved.scope, moved.until) == (f"{SHADOW_SCOPE}contact:{kept.contact_id}", 5)
    bot.database.write(lambda s: advance(s, kept, 2))
    assert [each.until for each in bot.select_all(select(Cooldown))] == [3]
    ids = [each.id for each in bot.select_all(select(Message))]

    def erase(db: Connection) -> None:
        delete_dependents(db, ids)
        db.execute(delete(Message))
        delete_chat(db, kept.id, kept.contact_id)

    bot.database.writer.run(erase)
    assert bot.select_all(select(Cooldown)) == []


def test_only_the_newest_differences_are_kept(bot: SimulatedBot, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shadow, "MAX_CHANGES", 5)
    start_shadow(bot)
    bot.say(*((n, "hours") for n in range(20)))
    wait_until(lambda: count_kinds(bot).get("changed") == 20)
    kept = bot.select_all(select(RolloutChange).order_by(RolloutChange.id))
    newest = [run.message_id for run in bot.list_runs()][-5:]
    assert [each.message_id for each in kept] == newest


def test_a_stopped_shadow_looks_no_further(bot: SimulatedBot):
    start_shadow(bot)
    bot.database.write(lambda s: release.stop(s, bot.brain_id, None, 5))
    bot.say((1, "hours"))
    wait_until(lambda: bot.list_reply_texts(1) == ["9 to 5"])
    late = bot.services.clock() + 10_000
    assert Shadow(bot.database, lambda: Runtime(bot.services.sandbox), lambda: late).run_batch() is False
    assert count_kinds(bot) == {}


def test_a_version_in_shadow_mode_reads_messages_with_its_own_model(bot: SimulatedBot):
    document = build_document()
    trained = train_intents(document)

    def start(session: Session) -> Rollout:
        brain = store.get_brain(session, bot.brain_id)
        draft = {**document, "commands": document["commands"][1:2]}
        store.save_draft(session, bot.brain_id, draft, brain.draft_rev, 1)
        review = DraftReview(trained=trained)
        details = PublishDetails("", None, bot.services.clock())
        return release.start(session, bot.brain_id, RolloutPlan(SHADOW, 0), review, details)

    bot.database.write(start)
    bot.say((1, "please may I return these shirts?"))
    wait_until(lambda: count_kinds(bot) == {"answering": 1})
