"""Messages that were not understood: which are listed and why, and that what is deleted is gone from the list."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.bot.learning import ignored
from app.bot.learning.misunderstood import (
    COUNT_MS,
    DAYS,
    MisunderstoodCounts,
    MisunderstoodMessage,
    Reason,
    list_misunderstood,
)
from app.bot.learning.past_texts import find_texts, list_past_texts
from app.bot.models import IgnoredMessage, Message, Run
from app.brains.versions import store
from app.clock import DAY_MS
from app.privacy.chat_deletion import delete_messages
from tests.bot.simulated_bot import SimulatedBot, wait_until
from tests.brains.document.test_understanding import build_document

SAID = {
    "where is my order": None,
    "menu": None,  # a command of its own words
    "my parrot sings at night": Reason.UNKNOWN,
    "¿habla usted?": Reason.UNKNOWN,
}


class LearningBot(SimulatedBot):
    """A bot with intents, and what its messages are listed as."""

    def list_texts(self, now: int = 0, *, ignored_ones: bool = False) -> dict[str, MisunderstoodMessage]:
        with self.database.read() as session:
            brain = store.get_brain(session, self.brain_id)
            moment = now or self.services.clock()
            found = list_misunderstood(session, brain, moment, ignored=ignored_ones)
        return {each.text: each for each in found}

    def count(self) -> int:
        with self.database.read() as session:
            brain = store.get_brain(session, self.brain_id)
            return self.services.get(MisunderstoodCounts).count(session, brain, self.services.clock())

    def hear(self, *texts: str) -> None:
        """Let people say something, and wait until it is answered."""
        before = len(self.list_runs())
        with self.run_worker():
            self.say(*((number % 3, text) for number, text in enumerate(texts)))
            wait_until(lambda: len(self.list_runs()) == before + len(texts))

    def edit_understanding(self, text: str, command_id: str, **changes: Any) -> None:
        """Change what was recorded of a message, as another model would have left it."""

        def edit(session: Any) -> None:
            query = select(Run).join(Message, Message.id == Run.message_id).where(Message.text == text)
            run = session.scalars(query).one()
            journal = dict(run.journal or {})
            recorded = {**journal.pop("understanding", {}), **changes}
            run.journal = {**journal, "understanding": recorded} if changes else journal
            run.command_id = command_id

        self.database.write(edit)

    def edit_draft(self, **changes: Any) -> None:
        def edit(session: Any) -> None:
            brain = store.get_brain(session, self.brain_id)
            store.save_draft(session, brain.id, {**brain.draft, **changes}, brain.draft_rev, 2)

        self.database.write(edit)


@pytest.fixture
def bot(installation: Flask) -> LearningBot:
    document = build_document()
    made = LearningBot(
        installation, document["commands"], settings={"encoder": "none"}, intents=document["intents"]
    )
    made.hear(*SAID)
    return made


def test_what_no_intent_was_accepted_for_is_listed(bot: LearningBot):
    found = bot.list_texts()
    assert {text: each.reason for text, each in found.items()} == {
        text: reason for text, reason in SAID.items() if reason
    }
    parrot = found["my parrot sings at night"]
    assert parrot.is_simulated
    assert parrot.language == "en"
    assert found["¿habla usted?"].language == "es"
    assert 0 <= parrot.uncertainty <= 1
    assert bot.count() == 2


def test_an_answer_just_above_the_threshold_is_listed_as_not_certain(bot: LearningBot):
    text = "my parrot sings at night"
    cases = (
        (0.49, "other", Reason.UNKNOWN),
        (0.49, "order", None),  # the command asks for less
        (0.5, "refund", Reason.UNSURE),
        (0.64, "refund", Reason.UNSURE),
        (0.65, "refund", None),
        (0.65, "other", Reason.DEFAULT),  # the command asks for more
        (0.49, "exact", None),
    )
    for confidence, command_id, reason in cases:
        bot.edit_understanding(
            text, command_id, candidates=[["refund", confidence]], threshold=0.5, by="words"
        )
        found = bot.list_texts().get(text)
        assert (found and found.reason) == reason


def test_a_default_reply_without_a_model_is_listed_where_there_are_intents(bot: LearningBot):
    text = "my parrot sings at night"
    bot.edit_understanding(text, "other")
    assert bot.list_texts()[text].reason == Reason.DEFAULT
    bot.edit_draft(intents=[])
    assert text not in bot.list_texts()
    assert bot.count() == 0


def test_what_the_draft_has_an_example_of_is_dealt_with(bot: LearningBot):
    bot.edit_draft(not_intents=["My parrot sings at NIGHT!"])
    assert list(bot.list_texts()) == ["¿habla usted?"]
    assert bot.count() == 1


def test_what_is_older_than_a_month_is_not_listed(bot: LearningBot):
    assert bot.list_texts(bot.services.clock() + DAYS * DAY_MS + 60_000) == {}


def test_ignored_messages_are_listed_apart_and_come_back(bot: LearningBot):
    text = "my parrot sings at night"
    message_id = bot.list_texts()[text].message_id
    mark = bot.database.write(
        lambda session: ignored.mark_ignored(session, bot.brain_id, [message_id, 10**9], 5)
    )
    again = bot.database.write(lambda session: ignored.mark_ignored(session, bot.brain_id, [message_id], 5))
    assert (mark, again) == (1, 0)
    assert list(bot.list_texts(ignored_ones=True)) == [text]
    assert text not in bot.list_texts()
    assert bot.count() == 1
    assert bot.database.write(lambda session: ignored.restore(session, bot.brain_id, [message_id])) == 1
    assert bot.count() == 2


def test_a_deleted_message_is_gone_with_its_mark(bot: LearningBot):
    text = "my parrot sings at night"
    message_id = bot.list_texts()[text].message_id
    bot.database.write(lambda session: ignored.mark_ignored(session, bot.brain_id, [message_id], 5))
    bot.database.write(lambda session: delete_messages(session.connection(), [message_id]))
    assert text not in {*bot.list_texts(), *bot.list_texts(ignored_ones=True)}
    with bot.database.read() as session:
        assert session.scalar(select(func.count()).select_from(IgnoredMessage)) == 0
        brain = store.get_brain(session, bot.brain_id)
        assert text not in {each.text for each in list_past_texts(session, brain, 100)}
        assert find_texts(session, bot.brain_id, [message_id]) == {}


def test_past_texts_are_those_an_intent_may_decide(bot: LearningBot):
    with bot.database.read() as session:
        brain = store.get_brain(session, bot.brain_id)
        assert [each.text for each in list_past_texts(session, brain, 100)] == [
            text for text in reversed(SAID) if text != "menu"
        ]
        assert [each.text for each in list_past_texts(session, brain, 1)] == ["¿habla usted?"]
        assert find_texts(session, bot.brain_id + 1, [1, 2, 3]) == {}


def test_the_number_is_counted_again_when_intents_or_marks_change_and_after_a_while(bot: LearningBot):
    counts = MisunderstoodCounts()
    with bot.database.read() as session:
        brain = store.get_brain(session, bot.brain_id)
        assert counts.count(session, brain, 10**15) == 0  # everything is older than a month
        assert counts.keep(session, brain, 7, 10**15) == 7
        assert counts.count(session, brain, 10**15 + COUNT_MS - 1) == 7
        assert counts.count(session, brain, 10**15 + COUNT_MS) == 0
        counts.keep(session, brain, 7, 10**15)
    bot.edit_draft(not_intents=["something else"])
    with bot.database.read() as session:
        assert counts.count(session, store.get_brain(session, bot.brain_id), 10**15) == 0
