"""The trace of a message: every span there, end to end, for two hundred messages of all kinds; and run again alike."""

import itertools
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.bot.explain import timeline
from app.bot.explain.timeline import NotRepeatableError, Timeline, build_timeline
from app.bot.failures import redrive
from app.bot.models import Message
from app.bot.turns import retry
from app.channels.contract import RefusalClass, SendRefusal, SendSuccess, Status, UnknownOutcome
from tests.bot.conftest import Pipeline, build_inbound
from tests.bot.simulated_bot import SimulatedBot, build_reply_command, build_script_command, wait_until

COMMANDS: list[dict[str, Any]] = [
    build_reply_command("hi", "Hello {{ sender.name }}"),
    build_script_command("count", "n = ctx.memory.incr('n')\nctx.log('now', n)\nctx.reply(str(n))"),
    build_script_command("twice", "ctx.reply('one')\nctx.reply('two')"),
    build_script_command("crash", "ctx.reply({}['no'])"),
    build_script_command("top", "ctx.reply(str(ctx.memory.top('n')))"),
    build_script_command("mute", "pass"),
    build_reply_command("off", "never", enabled=False),
    build_reply_command(
        "say", "{{ args.word }}", trigger={"kind": "command", "words": ["say"]},
        arguments=[{"name": "word", "type": "word"}],
    ),
]  # fmt: skip
WORDS = ["hi", "count", "twice", "crash", "top", "mute", "off", "!say yes", "!say", "unheard of"]
RUNS = {"count", "twice", "crash", "top", "mute"}
FILLED = {"hi", "!say yes"}


@pytest.fixture
def bot(installation: Flask) -> SimulatedBot:
    return SimulatedBot(installation, COMMANDS, grants={"memory": {"max_entries": 50}})


def load_timeline(bot: SimulatedBot, message_id: int) -> Timeline:
    with bot.database.read() as session:
        found = build_timeline(session, message_id)
        assert found
        session.expunge_all()
        return found


def handle(bot: SimulatedBot, *words: tuple[int, str]) -> list[Message]:
    bot.say(*words)
    busy = select(Message).where(Message.state.in_(("new", "queued", "sending", "retry")))
    with bot.run_worker():
        wait_until(lambda: not bot.select_all(busy), 60)
    return bot.select_all(select(Message).where(Message.direction == "in").order_by(Message.id))


def test_two_hundred_messages_of_all_kinds_have_every_span_and_their_sum_is_the_time_it_took(
    bot: SimulatedBot,
):
    words = itertools.islice(itertools.cycle(WORDS), 200)
    for message in handle(bot, *((number % 25, word) for number, word in enumerate(words))):
        found = load_timeline(bot, message.id)
        names = [span.name for span in found.spans]
        assert names[:2] == ["waited", "chose"]
        assert ("ran" in names) == (message.text in RUNS), message.text
        assert found.run_trace.is_filled == (message.text in FILLED), message.text
        answers = [send.message for send in found.sends]
        assert names.count("sent") == len(answers)
        assert found.run
        assert found.version
        assert found.considered or message.text == "off"
        assert found.run_trace.considered_count >= len(found.considered)
        # Measured apart: the clock at both ends, and the run by its own count.
        ends = [answer.accepted_at or answer.sent_at or 0 for answer in answers]
        finish = (found.run.journal or {})["now"] * 1000 + found.run.micros
        wall = max([finish, *(end * 1000 for end in ends)]) - message.created_at * 1000
        assert sum(span.micros for span in found.spans) == pytest.approx(wall, rel=0.05, abs=1000)
        ran = sum(span.micros for span in found.spans if span.name in {"chose", "ran"})
        assert ran == pytest.approx(found.run.micros, rel=0.05)
        for before, after in itertools.pairwise(found.spans):
            assert after.start_us == before.start_us + before.micros


def test_what_a_run_did_for_good_printed_and_called_is_told(bot: SimulatedBot):
    handle(bot, (1, "count"), (2, "top"), (3, "crash"))
    counted, topped, crashed = (load_timeline(bot, number) for number in (1, 2, 3))
    assert counted.run_trace.state_effects[0][0] == "Increment"
    assert counted.run_trace.output.strip() == "now 1"
    assert [call.method for call in topped.calls] == ["memory.top"]
    assert crashed.run_trace.error["line"] == 1


def test_an_answer_links_to_the_trace_of_its_inbound_message(bot: SimulatedBot):
    handle(bot, (1, "twice"))
    for answer in bot.list_replies(1):
        found = load_timeline(bot, answer.id)
        assert found.is_inbound
        assert found.message.text == "twice"
        assert [send.message.text for send in found.sends] == ["one", "two"]


def test_a_run_done_again_has_the_same_digest_and_nothing_is_sent(bot: SimulatedBot):
    messages = handle(bot, *((number, word) for number, word in enumerate(WORDS)))
    before = len(bot.select_all(select(Message)))
    for message in messages:
        found = load_timeline(bot, message.id)
        assert found.run
        with bot.database.read() as session:
            outcome = timeline.replay_run(session, found, bot.services.sandbox)
        assert outcome.digest == found.run.digest, message.text
    assert len(bot.select_all(select(Message))) == before


def test_a_message_no_brain_was_asked_about_cannot_be_run_again(bot: SimulatedBot):
    bot.say((1, "hi"))
    found = load_timeline(bot, 1)
    assert (found.run, found.spans, found.micros) == (None, [], 0)
    with bot.database.read() as session, pytest.raises(NotRepeatableError):
        timeline.replay_run(session, found, bot.services.sandbox)


def test_an_unknown_message_has_no_trace(bot: SimulatedBot):
    with bot.database.read() as session:
        assert build_timeline(session, 77) is None


def test_attempts_an_unknown_outcome_and_another_send_are_in_the_timeline(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "yes").send_job
    assert order
    pipeline.complete(order, SendRefusal(RefusalClass.TRANSIENT, "131000", "busy"))
    clock.pass_seconds(5)
    (order,) = pipeline.claim().send_jobs
    pipeline.complete(order, UnknownOutcome("The connection broke."))
    (row,) = pipeline.list_messages()
    pipeline.ingest(Status("wamid.1", "failed", clock(), order.key, "131026", "gone"))
    assert pipeline.write(lambda s: redrive.retry(s, row.id, clock()))
    (order,) = pipeline.claim().send_jobs
    pipeline.complete(order, SendSuccess("wamid.2"))
    with pipeline.database.read() as session:
        found = build_timeline(session, row.id)
        assert found
        tries = [(each.number, each.outcome, each.error_code) for each in found.sends[0].attempts]
    assert tries == [(1, "refused", "131000"), (2, "uncertain", "unknown"), (0, "again", "131026")]
    assert found.sends[0].message.state == "sent"


def test_a_retried_turn_is_in_the_timeline(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    job = pipeline.claim().jobs[0]
    late = retry.TurnRetry(job.lease, job.message["id"], "It could not be run.", clock())
    pipeline.database.writer.submit(retry.defer, late).result()
    with pipeline.database.read() as session:
        found = build_timeline(session, 1)
        assert found
        assert [(each.number, each.outcome, each.error_code) for each in found.attempts] == [
            (1, "refused", "turn")
        ]
