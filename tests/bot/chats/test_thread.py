"""Threads: reactions on their bubbles, ticks as notes, and what failed in plain sight."""

from sqlalchemy import update

from app.analytics import reports
from app.analytics.time_ranges import TimeRange
from app.bot import display, schedules
from app.bot.chats import thread as chats_thread
from app.bot.models import Message
from app.bot.schedules import ScheduleChanges, ScheduleRequest
from app.bot.turns.state_changes import StateChanges
from app.brains.effects.model import React
from app.channels.contract import RefusalClass, SendRefusal, SendSuccess
from tests.bot.conftest import Pipeline, build_inbound


def react(pipeline: Pipeline, number: int, emoji: str = "👍"):
    pipeline.ingest(build_inbound(number, pipeline.clock))
    job = pipeline.claim().jobs[0]
    order = pipeline.commit(job, effects=[React(emoji)]).send_job
    assert order
    return order


def load_thread(pipeline: Pipeline) -> chats_thread.Thread:
    with pipeline.database.read() as session:
        return chats_thread.load_thread(session, pipeline.get_chat().id)


def test_a_reaction_of_the_brain_stands_on_its_bubble(pipeline: Pipeline):
    pipeline.complete(react(pipeline, 1), SendSuccess("wamid.r"))
    (bubble,) = load_thread(pipeline).bubbles
    assert (bubble.message.text, bubble.reactions) == ("hello 1", ["👍"])


def test_a_reaction_that_did_not_arrive_has_a_bubble_of_its_own(pipeline: Pipeline):
    pipeline.complete(react(pipeline, 1), SendRefusal(RefusalClass.NEVER, "131009", "no"))
    asked, stuck = load_thread(pipeline).bubbles
    assert asked.reactions == ()
    assert (stuck.message.state, display.format_message_text(stuck.message)) == ("failed", "Reacted 👍")


def test_a_scheduled_message_is_shown_as_a_note_and_not_as_received(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    job = pipeline.claim().jobs[0]
    wanted = ScheduleRequest("c1", "remind", clock())
    agenda = ScheduleChanges(
        pipeline.connection_id,
        job.lease.chat_id,
        pipeline.create_brain(),
        job.message["id"],
        clock(),
        5,
        [wanted],
    )
    pipeline.commit(job, state_changes=StateChanges(schedule_changes=agenda))
    pipeline.database.writer.submit(schedules.deliver, clock()).result()
    asked, tick = load_thread(pipeline).bubbles
    assert (asked.event_text, tick.event_text) == ("", "“remind” ran by schedule")
    with pipeline.database.read() as session:
        today = TimeRange(clock() - 3_600_000, clock() + 1, "UTC", "hour")
        assert reports.compute_total(session, today).count("received") == 1
    pipeline.write(lambda s: s.execute(update(Message).where(Message.kind == "schedule").values(payload={})))
    assert load_thread(pipeline).bubbles[1].event_text == "“A command” ran by schedule"
