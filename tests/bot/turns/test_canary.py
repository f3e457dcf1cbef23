"""A version tried on part of the contacts: the same ones always, taken back by itself when it is worse."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.bot.explain import explain
from app.bot.models import Chat, Contact, Message, Run
from app.brains.versions import release, rollouts, store
from app.brains.versions.canary_guard import Guard
from app.brains.versions.models import Brain, Rollout, RolloutChat
from app.brains.versions.release import RolloutPlan
from app.brains.versions.routing import CANDIDATE, MAX_PERCENT, compute_position
from app.brains.versions.store import DraftReview, PublishDetails
from app.settings import Settings
from tests.bot.simulated_bot import SimulatedBot, wait_until

PEOPLE = 400
ROUNDS = 3
# Every fifth input fails.
GOOD = "ctx.reply('old ' + ctx.message.text)"
BAD = "ctx.reply('new ' + ctx.message.text) if int(ctx.message.text.split()[1]) % 5 else ctx.reply({}['no'])"
NEW = "ctx.reply('new ' + ctx.message.text)"


def build_ask_command(source: str, **more: Any) -> dict[str, Any]:
    trigger = {"kind": "starts_with", "texts": ["ask"]}
    return {
        "id": "ask",
        "name": "Ask",
        "trigger": trigger,
        "action": {"kind": "script", "source": source},
        **more,
    }


UNSENT = select(Message).where(Message.state.in_(("new", "queued", "sending")))


class CanaryBot(SimulatedBot):
    """A simulated bot on whose contacts versions are tried."""

    def save_draft(self, source: str, **document: Any) -> None:
        def save(session: Any) -> None:
            brain = store.get_brain(session, self.brain_id)
            draft = {
                **brain.draft,
                **document,
                "commands": [build_ask_command(source, errors_to="+4915550009999")],
            }
            store.save_draft(session, self.brain_id, draft, brain.draft_rev, self.services.clock())

        self.database.write(save)

    def sign(self) -> PublishDetails:
        return PublishDetails("", None, self.services.clock())

    def start_rollout(self, source: str, plan: RolloutPlan | None = None, **document: Any) -> Rollout:
        self.save_draft(source, **document)
        return self.database.write(
            lambda s: release.start(s, self.brain_id, plan or RolloutPlan(), DraftReview(), self.sign())
        )

    def publish(self, source: str, **document: Any) -> None:
        self.save_draft(source, **document)
        now = self.services.clock()
        self.database.write(lambda s: store.publish(s, self.brain_id, "", None, now, DraftReview()))

    def ask_all(self, people: range, first: int, rounds: int = 1) -> int:
        """Let everybody ask something, and wait until all of it is answered; returns how many asked."""
        words = [(who, f"ask {first + n * len(people) + who}") for n in range(rounds) for who in people]
        before = len(self.list_runs())
        for start in range(0, len(words), 50):
            self.say(*words[start : start + 50])
        wait_until(lambda: len(self.list_runs()) >= before + len(words), 90)
        return len(words)

    def ask_one(self, who: int, text: str) -> str:
        """Say one thing when all else is answered, and return the answer."""
        wait_until(lambda: not self.select_all(UNSENT), 60)
        heard = len(self.list_replies(who))
        self.say((who, text))
        return wait_until(lambda: self.list_reply_texts(who)[heard:])[0]

    def get_rollout(self) -> Rollout:
        return self.select_all(select(Rollout).order_by(Rollout.id.desc()))[0]

    def brain(self) -> Brain:
        return self.select_all(select(Brain))[0]

    def get_version_id(self, number: int) -> int:
        with self.database.read() as session:
            return store.get_version(session, self.brain_id, number).id


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sandbox_children": 2})


@pytest.fixture
def bot(installation: Flask) -> Iterator[CanaryBot]:
    bot = CanaryBot(installation, [build_ask_command(GOOD)], settings={"timezone": "UTC"})
    with bot.run_worker():
        yield bot


def test_a_candidate_failing_on_a_fifth_is_taken_back_by_itself_within_its_exposure(bot: CanaryBot):
    started = bot.start_rollout(BAD)
    said = bot.ask_all(range(PEOPLE), 1, ROUNDS)
    rollout = bot.get_rollout()
    assert (rollout.ending, rollout.ended_by) == ("reverted", None)
    brain = bot.brain()
    assert (brain.candidate_version_id, brain.candidate_percent, brain.rollout_id) == (None, 0, None)
    assert brain.live_version_id == started.base_version_id
    tally = rollouts.load_stats(rollout)
    arms = bot.select_all(select(RolloutChat).where(RolloutChat.rollout_id == rollout.id))
    exposed = {each.chat_id for each in arms if each.arm == CANDIDATE}
    assert tally.candidate.chats == len(exposed)
    # Whom it may meet is settled by their places: a tenth, within three standard errors.
    chats = {chat.id for chat in bot.select_all(select(Chat).where(Chat.connection_id == bot.connection_id))}
    chosen = {chat_id for chat_id in chats if compute_position(rollout.id, chat_id) < 1_000}
    assert abs(len(chosen) / len(chats) - 0.1) < 0.045
    assert exposed <= chosen
    assert tally.candidate.runs < 150
    # The same contact the same arm, up to the moment it was taken back; then nobody meets it.
    answered = defaultdict(list)
    for run in bot.list_runs():
        answered[run.chat_id].append(run.version_id == started.version_id)
    for chat_id, mine in answered.items():
        assert not any(mine) if chat_id not in exposed else mine == sorted(mine, reverse=True)
    # Nothing is lost: every question has its run, and every run that did not fail its answer.
    runs = bot.list_runs()
    assert len(runs) == said == len({run.message_id for run in runs})
    failed = [run for run in runs if run.outcome == "failed"]
    wait_until(lambda: not bot.select_all(UNSENT), 60)
    answers = select(Message).where(Message.direction == "out", Message.text.like("%ask%"))
    assert len(bot.select_all(answers.where(Message.parent_id.is_not(None)))) == said - len(failed)
    extra = sum(run.version_id == started.version_id for run in runs) - tally.candidate.runs
    assert bot.ask_one(1, "ask 5") == "old ask 5"
    assert all(bot.ask_one(who, "ask 10") == "old ask 10" for who in range(2, 6))
    print(
        f"\n{said} messages of {PEOPLE} people: taken back after {tally.candidate.runs} runs of the candidate "
        f"({tally.candidate.failed} failed), {len(exposed)} people met it, "
        f"{len(chosen)} ({len(chosen) / len(chats):.1%}) could have; "
        f"{extra} more were under way. {rollout.reason}"
    )


def test_whoever_is_named_for_errors_is_told_that_the_candidate_was_taken_back(bot: CanaryBot):
    bot.start_rollout(BAD, RolloutPlan(percent=50))
    bot.ask_all(range(60), 1, 4)
    assert bot.get_rollout().ending == "reverted"
    query = (
        select(Message).join(Chat, Chat.id == Message.chat_id).join(Contact, Contact.id == Chat.contact_id)
    )
    told = wait_until(
        lambda: bot.select_all(
            query.where(
                Contact.phone == "4915550009999", Message.text.like("Version 2 of “Town” was rolled back%")
            )
        )
    )
    assert "runs failed" in told[0].text
    assert bot.get_rollout().notify_to is None


def test_who_has_the_candidate_keeps_it_when_more_people_get_it(bot: CanaryBot):
    started = bot.start_rollout(NEW, RolloutPlan(percent=20))
    bot.ask_all(range(40), 1)
    few = _list_candidate_chats(bot, started)
    bot.database.write(lambda s: release.change(s, bot.brain_id, RolloutPlan(percent=60)))
    bot.ask_all(range(40), 100)
    many = _list_candidate_chats(bot, started)
    assert few
    assert few < many
    version = bot.database.write(lambda s: release.promote(s, bot.brain_id, None, 5))
    assert version.number == 2
    assert bot.get_rollout().ending == "promoted"
    assert all(bot.ask_one(who, "ask 1") == "new ask 1" for who in range(3))


def test_a_stopped_candidate_answers_nobody_and_comes_back_for_the_same_people(bot: CanaryBot):
    started = bot.start_rollout(NEW, RolloutPlan(percent=MAX_PERCENT))
    bot.ask_all(range(10), 1)
    before = _list_candidate_chats(bot, started)
    bot.database.write(lambda s: release.stop(s, bot.brain_id, None, 5))
    assert {bot.ask_one(who, "ask 1") for who in range(10)} == {"old ask 1"}
    bot.database.write(lambda s: release.resume(s, bot.brain_id, started.id))
    bot.ask_all(range(10), 200)
    assert _list_candidate_chats(bot, started) == before
    bot.publish(NEW.replace("new", "newest"))
    assert (bot.get_rollout().ending, bot.get_rollout().reason) == (
        "stopped",
        "Version 3 was rolled out to everyone.",
    )
    assert bot.ask_one(1, "ask 1") == "newest ask 1"
    with pytest.raises(release.NoActiveRollout):
        bot.database.write(lambda s: release.resume(s, bot.brain_id, started.id))


def test_publishing_the_very_candidate_promotes_it(bot: CanaryBot):
    started = bot.start_rollout(NEW)
    bot.publish(NEW)
    assert bot.brain().live_version_id == started.version_id
    assert bot.get_rollout().ending == "promoted"


def test_a_conversation_finishes_on_its_version_and_a_rollback_ends_that_at_once(bot: CanaryBot):
    rules = {"settings": {"timezone": "UTC", "session_minutes": 30}}
    bot.publish(GOOD + "\n", **rules)
    assert bot.ask_one(1, "ask 1") == "old ask 1"
    bot.publish(NEW, **rules)
    assert bot.ask_one(1, "ask 2") == "old ask 2"
    assert bot.ask_one(2, "ask 2") == "new ask 2"
    run = bot.list_runs()[-2]
    assert (run.version_id, run.trace["course"]) == (bot.get_version_id(2), "session")
    assert "course" not in bot.list_runs()[-1].trace
    with bot.database.read() as session:
        why = explain.explain(session, run.message_id, 3_600_000, bot.services.clock())
    assert why
    assert (why.cause, why.version, why.choice_reason) == ("answered", 2, "session")
    bot.database.write(lambda s: store.rollback(s, bot.brain_id, 1, None, 9))
    assert bot.ask_one(1, "ask 3") == "old ask 3"
    assert {run.version_id for run in bot.list_runs()[-1:]} == {bot.get_version_id(1)}
    assert bot.ask_one(2, "ask 3") == "old ask 3"


def test_a_conversation_that_has_paused_long_enough_gets_the_new_version(bot: CanaryBot):
    rules = {"settings": {"timezone": "UTC", "session_minutes": 30}}
    bot.publish(GOOD + "\n", **rules)
    bot.ask_one(1, "ask 1")
    bot.publish(NEW, **rules)

    def expire(session: Any) -> None:
        chat = session.scalars(select(Chat)).one()
        assert 0 < chat.session_until - bot.services.clock() <= 30 * 60_000
        chat.session_until = bot.services.clock()

    bot.database.write(expire)
    assert bot.ask_one(1, "ask 2") == "new ask 2"


def test_a_conversation_begun_before_a_canary_finishes_on_its_version(bot: CanaryBot):
    rules = {"settings": {"timezone": "UTC", "session_minutes": 30}}
    bot.publish(GOOD + "\n", **rules)
    bot.ask_one(1, "ask 1")
    bot.start_rollout(NEW, RolloutPlan(percent=MAX_PERCENT), **rules)
    assert bot.ask_one(1, "ask 2") == "old ask 2"
    others = {bot.ask_one(who, "ask 1") for who in range(2, 12)}
    assert "new ask 1" in others
    # What the candidate began does not outlast it.
    bot.database.write(lambda s: release.stop(s, bot.brain_id, None, 5))
    assert {bot.ask_one(who, "ask 2") for who in range(2, 12)} == {"old ask 2"}


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (RolloutPlan(percent=0), "1 to 90"),
        (RolloutPlan(mode="all"), "Choose"),
        (RolloutPlan(guard=Guard(extra_failures=99)), "points"),
        (RolloutPlan(guard=Guard(slower=-1)), "times"),
        (RolloutPlan(guard=Guard(min_runs=1)), "after 5"),
    ],
)
def test_a_plan_that_cannot_be_done_is_refused_with_what_to_write(plan: RolloutPlan, words: str):
    with pytest.raises(release.InvalidRolloutPlan, match=words):
        plan.check()


def test_a_draft_that_is_live_already_or_with_nothing_live_is_not_tried(bot: CanaryBot):
    with pytest.raises(release.UnchangedDraft):
        bot.database.write(lambda s: release.start(s, bot.brain_id, RolloutPlan(), DraftReview(), bot.sign()))
    empty = {"brain": "empty", "title": "Empty", "commands": []}
    brain_id = bot.database.write(lambda s: store.create_brain(s, "empty", "Empty", empty, 1)).id
    with pytest.raises(release.NoLiveVersion):
        bot.database.write(lambda s: release.start(s, brain_id, RolloutPlan(), DraftReview(), bot.sign()))
    with pytest.raises(release.NoActiveRollout):
        bot.database.write(lambda s: release.promote(s, brain_id, None, 1))


def _list_candidate_chats(bot: CanaryBot, rollout: Rollout) -> set[int]:
    query = select(RolloutChat.chat_id).where(
        RolloutChat.rollout_id == rollout.id, RolloutChat.arm == CANDIDATE
    )
    assert set(bot.select_all(query)) == set(
        bot.select_all(select(Run.chat_id).where(Run.version_id == rollout.version_id))
    )
    return set(bot.select_all(query))
