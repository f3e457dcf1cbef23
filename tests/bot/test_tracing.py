"""The trace of a message: every span there, end to end, for two hundred messages of all kinds; and run again alike."""

import itertools
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.bot import deferring, redrive, tracing
from app.bot.channels.contract import Fault, Refused, Sent, Status, Uncertain
from app.bot.models import Message
from app.bot.tracing import NotRepeatable, Trace, trace
from tests.bot.conftest import Desk, inbound
from tests.bot.town import Town, reply, script, until

COMMANDS: list[dict[str, Any]] = [
    reply("hi", "Hello {{ sender.name }}"),
    script("count", "n = ctx.memory.incr('n')\nctx.log('now', n)\nctx.reply(str(n))"),
    script("twice", "ctx.reply('one')\nctx.reply('two')"),
    script("crash", "ctx.reply({}['no'])"),
    script("top", "ctx.reply(str(ctx.memory.top('n')))"),
    script("mute", "pass"),
    reply("off", "never", enabled=False),
    reply(
        "say", "{{ args.word }}", trigger={"kind": "command", "words": ["say"]},
        arguments=[{"name": "word", "type": "word"}],
    ),
]  # fmt: skip
WORDS = ["hi", "count", "twice", "crash", "top", "mute", "off", "!say yes", "!say", "unheard of"]
RUNS = {"hi", "count", "twice", "crash", "top", "mute", "!say yes"}


@pytest.fixture
def town(installation: Flask) -> Town:
    return Town(installation, COMMANDS, grants={"memory": {"max_entries": 50}})


def traced(town: Town, message_id: int) -> Trace:
    with town.database.read() as session:
        found = trace(session, message_id)
        assert found
        session.expunge_all()
        return found


def handled(town: Town, *words: tuple[int, str]) -> list[Message]:
    town.say(*words)
    busy = select(Message).where(Message.state.in_(("new", "queued", "sending", "retry")))
    with town.open():
        until(lambda: not town.all(busy), 60)
    return town.all(select(Message).where(Message.direction == "in").order_by(Message.id))


def test_two_hundred_messages_of_all_kinds_have_every_span_and_their_sum_is_the_time_it_took(town: Town):
    words = itertools.islice(itertools.cycle(WORDS), 200)
    for message in handled(town, *((number % 25, word) for number, word in enumerate(words))):
        found = traced(town, message.id)
        names = [span.name for span in found.spans]
        assert names[:2] == ["waited", "chose"]
        assert ("ran" in names) == (message.text in RUNS), message.text
        answers = [send.message for send in found.sends]
        assert names.count("sent") == len(answers)
        assert found.run
        assert found.version
        assert found.asked or message.text == "off"
        assert found.facts["considered_count"] >= len(found.asked)
        # Measured apart: the clock at both ends, and the run by its own count.
        ends = [answer.accepted_at or answer.sent_at or 0 for answer in answers]
        finish = (found.run.journal or {})["now"] * 1000 + found.run.micros
        wall = max([finish, *(end * 1000 for end in ends)]) - message.created_at * 1000
        assert sum(span.micros for span in found.spans) == pytest.approx(wall, rel=0.05, abs=1000)
        ran = sum(span.micros for span in found.spans if span.name in {"chose", "ran"})
        assert ran == pytest.approx(found.run.micros, rel=0.05)
        for before, after in itertools.pairwise(found.spans):
            assert after.began == before.began + before.micros


def test_what_a_run_did_for_good_printed_and_called_is_told(town: Town):
    handled(town, (1, "count"), (2, "top"), (3, "crash"))
    counted, topped, crashed = (traced(town, number) for number in (1, 2, 3))
    assert counted.facts["lasting"][0][0] == "Increment"
    assert counted.facts["output"].strip() == "now 1"
    assert [call.method for call in topped.calls] == ["memory.top"]
    assert crashed.facts["error"]["line"] == 1


def test_an_answer_leads_to_the_trace_of_its_question(town: Town):
    handled(town, (1, "twice"))
    for answer in town.heard(1):
        found = traced(town, answer.id)
        assert found.inbound
        assert found.message.text == "twice"
        assert [send.message.text for send in found.sends] == ["one", "two"]


def test_a_run_done_again_has_the_same_digest_and_nothing_is_sent(town: Town):
    messages = handled(town, *((number, word) for number, word in enumerate(WORDS)))
    before = len(town.all(select(Message)))
    for message in messages:
        found = traced(town, message.id)
        assert found.run
        with town.database.read() as session:
            outcome = tracing.again(session, found, town.bot.sandbox)
        assert outcome.digest == found.run.digest, message.text
    assert len(town.all(select(Message))) == before


def test_a_message_no_brain_was_asked_about_cannot_be_run_again(town: Town):
    town.say((1, "hi"))
    found = traced(town, 1)
    assert (found.run, found.spans, found.micros) == (None, [], 0)
    with town.database.read() as session, pytest.raises(NotRepeatable):
        tracing.again(session, found, town.bot.sandbox)


def test_an_unknown_message_has_no_trace(town: Town):
    with town.database.read() as session:
        assert trace(session, 77) is None


def test_tries_an_unknown_outcome_and_another_send_are_on_the_line(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    order = desk.store(desk.claim().jobs[0], "yes").order
    assert order
    desk.complete(order, Refused(Fault.TRANSIENT, "131000", "busy"))
    clock.pass_seconds(5)
    (order,) = desk.claim().orders
    desk.complete(order, Uncertain("The connection broke."))
    (row,) = desk.messages()
    desk.accept(Status("wamid.1", "failed", clock(), order.key, "131026", "gone"))
    assert desk.change(lambda s: redrive.replay(s, row.id, clock()))
    (order,) = desk.claim().orders
    desk.complete(order, Sent("wamid.2"))
    with desk.database.read() as session:
        found = trace(session, row.id)
        assert found
        tries = [(each.number, each.outcome, each.error_code) for each in found.sends[0].tries]
    assert tries == [(1, "refused", "131000"), (2, "uncertain", "unknown"), (0, "again", "131026")]
    assert found.sends[0].message.state == "sent"


def test_a_turn_that_was_put_back_is_on_the_line(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    job = desk.claim().jobs[0]
    late = deferring.Deferred(job.lease, job.message["id"], "It could not be run.", clock())
    desk.database.writer.submit(deferring.defer, late).result()
    with desk.database.read() as session:
        found = trace(session, 1)
        assert found
        assert [(each.number, each.outcome, each.error_code) for each in found.tries] == [
            (1, "refused", "turn")
        ]
