"""A version tried on part of the contacts: the same ones always, taken back by itself when it is worse."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.bot import explaining
from app.bot.models import Chat, Contact, Message, Run
from app.brains import candidates, rollouts, versions
from app.brains.candidates import Plan
from app.brains.models import Brain
from app.brains.rollout import CANDIDATE, MOST_PERCENT, Guard, place
from app.brains.rollout_models import Rollout, RolloutChat
from app.brains.versions import Signed
from app.settings import Settings
from tests.bot.town import Town, until

PEOPLE = 400
ROUNDS = 3
# Every fifth input fails.
GOOD = "ctx.reply('old ' + ctx.message.text)"
BAD = "ctx.reply('new ' + ctx.message.text) if int(ctx.message.text.split()[1]) % 5 else ctx.reply({}['no'])"
NEW = "ctx.reply('new ' + ctx.message.text)"


def asking(source: str, **more: Any) -> dict[str, Any]:
    trigger = {"kind": "starts_with", "texts": ["ask"]}
    return {
        "id": "ask",
        "name": "Ask",
        "trigger": trigger,
        "action": {"kind": "script", "source": source},
        **more,
    }


UNSENT = select(Message).where(Message.state.in_(("new", "queued", "sending")))


class Lab(Town):
    """A town on whose people versions are tried."""

    def draft(self, source: str, **document: Any) -> None:
        def save(session: Any) -> None:
            brain = versions.get_brain(session, self.brain_id)
            draft = {**brain.draft, **document, "commands": [asking(source, errors_to="+4915550009999")]}
            versions.save_draft(session, self.brain_id, draft, brain.draft_rev, self.house.clock())

        self.database.write(save)

    def signed(self) -> Signed:
        return Signed("", None, self.house.clock())

    def try_out(self, source: str, plan: Plan | None = None, **document: Any) -> Rollout:
        self.draft(source, **document)
        return self.database.write(
            lambda s: candidates.start(s, self.brain_id, plan or Plan(), lambda _d: [], self.signed())
        )

    def publish(self, source: str, **document: Any) -> None:
        self.draft(source, **document)
        now = self.house.clock()
        self.database.write(lambda s: versions.publish(s, self.brain_id, "", None, now, lambda _d: []))

    def ask(self, people: range, first: int, rounds: int = 1) -> int:
        """Let everybody ask something, and wait until all of it is answered; returns how many asked."""
        words = [(who, f"ask {first + n * len(people) + who}") for n in range(rounds) for who in people]
        before = len(self.runs())
        for start in range(0, len(words), 50):
            self.say(*words[start : start + 50])
        until(lambda: len(self.runs()) >= before + len(words), 90)
        return len(words)

    def tell(self, who: int, text: str) -> str:
        """Say one thing when all else is answered, and return the answer."""
        until(lambda: not self.all(UNSENT), 60)
        heard = len(self.heard(who))
        self.say((who, text))
        return until(lambda: self.texts(who)[heard:])[0]

    def rollout(self) -> Rollout:
        return self.all(select(Rollout).order_by(Rollout.id.desc()))[0]

    def brain(self) -> Brain:
        return self.all(select(Brain))[0]

    def version_of(self, number: int) -> int:
        with self.database.read() as session:
            return versions.get_version(session, self.brain_id, number).id


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sandbox_children": 2})


@pytest.fixture
def lab(installation: Flask) -> Iterator[Lab]:
    lab = Lab(installation, [asking(GOOD)], settings={"timezone": "UTC"})
    with lab.open():
        yield lab


def test_a_candidate_failing_on_a_fifth_is_taken_back_by_itself_within_its_exposure(lab: Lab):
    started = lab.try_out(BAD)
    said = lab.ask(range(PEOPLE), 1, ROUNDS)
    rollout = lab.rollout()
    assert (rollout.ending, rollout.ended_by) == ("reverted", None)
    brain = lab.brain()
    assert (brain.candidate_version_id, brain.candidate_percent, brain.rollout_id) == (None, 0, None)
    assert brain.live_version_id == started.base_version_id
    tally = rollouts.tally_of(rollout)
    arms = lab.all(select(RolloutChat).where(RolloutChat.rollout_id == rollout.id))
    exposed = {each.chat_id for each in arms if each.arm == CANDIDATE}
    assert tally.candidate.chats == len(exposed)
    # Whom it may meet is settled by their places: a tenth, within three standard errors.
    chats = {chat.id for chat in lab.all(select(Chat).where(Chat.connection_id == lab.connection_id))}
    chosen = {chat_id for chat_id in chats if place(rollout.id, chat_id) < 1_000}
    assert abs(len(chosen) / len(chats) - 0.1) < 0.045
    assert exposed <= chosen
    assert tally.candidate.runs < 150
    # The same contact the same arm, up to the moment it was taken back; then nobody meets it.
    answered = defaultdict(list)
    for run in lab.runs():
        answered[run.chat_id].append(run.version_id == started.version_id)
    for chat_id, mine in answered.items():
        assert not any(mine) if chat_id not in exposed else mine == sorted(mine, reverse=True)
    # Nothing is lost: every question has its run, and every run that did not fail its answer.
    runs = lab.runs()
    assert len(runs) == said == len({run.message_id for run in runs})
    failed = [run for run in runs if run.outcome == "failed"]
    until(lambda: not lab.all(UNSENT), 60)
    answers = select(Message).where(Message.direction == "out", Message.text.like("%ask%"))
    assert len(lab.all(answers.where(Message.parent_id.is_not(None)))) == said - len(failed)
    extra = sum(run.version_id == started.version_id for run in runs) - tally.candidate.runs
    assert lab.tell(1, "ask 5") == "old ask 5"
    assert all(lab.tell(who, "ask 10") == "old ask 10" for who in range(2, 6))
    print(
        f"\n{said} messages of {PEOPLE} people: taken back after {tally.candidate.runs} runs of the candidate "
        f"({tally.candidate.failed} failed), {len(exposed)} people met it, "
        f"{len(chosen)} ({len(chosen) / len(chats):.1%}) could have; "
        f"{extra} more were under way. {rollout.reason}"
    )


def test_whoever_is_named_for_errors_is_told_that_the_candidate_was_taken_back(lab: Lab):
    lab.try_out(BAD, Plan(percent=50))
    lab.ask(range(60), 1, 4)
    assert lab.rollout().ending == "reverted"
    query = (
        select(Message).join(Chat, Chat.id == Message.chat_id).join(Contact, Contact.id == Chat.contact_id)
    )
    told = until(
        lambda: lab.all(
            query.where(Contact.phone == "4915550009999", Message.text.like("Version 2 of “Town” was taken%"))
        )
    )
    assert "runs failed" in told[0].text
    assert lab.rollout().tell_to is None


def test_who_has_the_candidate_keeps_it_when_more_people_get_it(lab: Lab):
    started = lab.try_out(NEW, Plan(percent=20))
    lab.ask(range(40), 1)
    few = _met(lab, started)
    lab.database.write(lambda s: candidates.change(s, lab.brain_id, Plan(percent=60)))
    lab.ask(range(40), 100)
    many = _met(lab, started)
    assert few
    assert few < many
    version = lab.database.write(lambda s: candidates.promote(s, lab.brain_id, None, 5))
    assert version.number == 2
    assert lab.rollout().ending == "promoted"
    assert all(lab.tell(who, "ask 1") == "new ask 1" for who in range(3))


def test_a_stopped_candidate_answers_nobody_and_comes_back_for_the_same_people(lab: Lab):
    started = lab.try_out(NEW, Plan(percent=MOST_PERCENT))
    lab.ask(range(10), 1)
    before = _met(lab, started)
    lab.database.write(lambda s: candidates.stop(s, lab.brain_id, None, 5))
    assert {lab.tell(who, "ask 1") for who in range(10)} == {"old ask 1"}
    lab.database.write(lambda s: candidates.resume(s, lab.brain_id, started.id))
    lab.ask(range(10), 200)
    assert _met(lab, started) == before
    lab.publish(NEW.replace("new", "newest"))
    assert (lab.rollout().ending, lab.rollout().reason) == (
        "stopped",
        "Version 3 was put live for everyone.",
    )
    assert lab.tell(1, "ask 1") == "newest ask 1"
    with pytest.raises(candidates.NothingTried):
        lab.database.write(lambda s: candidates.resume(s, lab.brain_id, started.id))


def test_publishing_the_very_candidate_promotes_it(lab: Lab):
    started = lab.try_out(NEW)
    lab.publish(NEW)
    assert lab.brain().live_version_id == started.version_id
    assert lab.rollout().ending == "promoted"


def test_a_conversation_finishes_on_its_version_and_a_rollback_ends_that_at_once(lab: Lab):
    rules = {"settings": {"timezone": "UTC", "session_minutes": 30}}
    lab.publish(GOOD + "\n", **rules)
    assert lab.tell(1, "ask 1") == "old ask 1"
    lab.publish(NEW, **rules)
    assert lab.tell(1, "ask 2") == "old ask 2"
    assert lab.tell(2, "ask 2") == "new ask 2"
    run = lab.runs()[-2]
    assert (run.version_id, run.trace["course"]) == (lab.version_of(2), "session")
    assert "course" not in lab.runs()[-1].trace
    with lab.database.read() as session:
        why = explaining.explain(session, run.message_id, 3_600_000, lab.house.clock())
    assert why
    assert (why.cause, why.version, why.course) == ("answered", 2, "session")
    lab.database.write(lambda s: versions.rollback(s, lab.brain_id, 1, None, 9))
    assert lab.tell(1, "ask 3") == "old ask 3"
    assert {run.version_id for run in lab.runs()[-1:]} == {lab.version_of(1)}
    assert lab.tell(2, "ask 3") == "old ask 3"


def test_a_conversation_that_has_paused_long_enough_gets_the_new_version(lab: Lab):
    rules = {"settings": {"timezone": "UTC", "session_minutes": 30}}
    lab.publish(GOOD + "\n", **rules)
    lab.tell(1, "ask 1")
    lab.publish(NEW, **rules)

    def expire(session: Any) -> None:
        chat = session.scalars(select(Chat)).one()
        assert 0 < chat.session_until - lab.house.clock() <= 30 * 60_000
        chat.session_until = lab.house.clock()

    lab.database.write(expire)
    assert lab.tell(1, "ask 2") == "new ask 2"


def test_a_conversation_begun_before_a_canary_finishes_on_its_version(lab: Lab):
    rules = {"settings": {"timezone": "UTC", "session_minutes": 30}}
    lab.publish(GOOD + "\n", **rules)
    lab.tell(1, "ask 1")
    lab.try_out(NEW, Plan(percent=MOST_PERCENT), **rules)
    assert lab.tell(1, "ask 2") == "old ask 2"
    others = {lab.tell(who, "ask 1") for who in range(2, 12)}
    assert "new ask 1" in others
    # What the candidate began does not outlast it.
    lab.database.write(lambda s: candidates.stop(s, lab.brain_id, None, 5))
    assert {lab.tell(who, "ask 2") for who in range(2, 12)} == {"old ask 2"}


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(percent=0), "1 to 90"),
        (Plan(mode="all"), "Choose"),
        (Plan(guard=Guard(extra_failures=99)), "points"),
        (Plan(guard=Guard(slower=-1)), "times"),
        (Plan(guard=Guard(min_runs=1)), "after 5"),
    ],
)
def test_a_plan_that_cannot_be_done_is_refused_with_what_to_write(plan: Plan, words: str):
    with pytest.raises(candidates.BadPlan, match=words):
        plan.check()


def test_a_draft_that_is_live_already_or_with_nothing_live_is_not_tried(lab: Lab):
    with pytest.raises(candidates.NothingNew):
        lab.database.write(lambda s: candidates.start(s, lab.brain_id, Plan(), lambda _d: [], lab.signed()))
    empty = {"brain": "empty", "title": "Empty", "commands": []}
    brain_id = lab.database.write(lambda s: versions.create_brain(s, "empty", "Empty", empty, 1)).id
    with pytest.raises(candidates.NothingLive):
        lab.database.write(lambda s: candidates.start(s, brain_id, Plan(), lambda _d: [], lab.signed()))
    with pytest.raises(candidates.NothingTried):
        lab.database.write(lambda s: candidates.promote(s, brain_id, None, 1))


def _met(lab: Lab, rollout: Rollout) -> set[int]:
    query = select(RolloutChat.chat_id).where(
        RolloutChat.rollout_id == rollout.id, RolloutChat.arm == CANDIDATE
    )
    assert set(lab.all(query)) == set(
        lab.all(select(Run.chat_id).where(Run.version_id == rollout.version_id))
    )
    return set(lab.all(query))
