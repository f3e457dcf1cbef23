"""Schedules: planned with the turn, replaced and called off by name, delivered once as messages of their chat."""

import pytest
from sqlalchemy import select, update

from app.bot import schedules
from app.bot.models import Chat, Message, Schedule
from app.bot.schedules import ScheduleCancellation, ScheduleChanges, ScheduleRequest
from app.bot.turns.state_changes import StateChanges
from app.channels.contract import SendSuccess
from app.db.writer import Writer
from tests.bot.conftest import Pipeline, build_inbound

HOUR = 3_600_000


@pytest.fixture
def brain_id(pipeline: Pipeline) -> int:
    return pipeline.create_brain()


def store_plan(
    pipeline: Pipeline,
    brain_id: int,
    number: int,
    *steps: ScheduleRequest | ScheduleCancellation,
    most: int = 20,
):
    pipeline.ingest(build_inbound(number, pipeline.clock))
    job = pipeline.claim().jobs[0]
    agenda = ScheduleChanges(
        pipeline.connection_id, job.lease.chat_id, brain_id, job.message["id"], pipeline.clock(), most, steps
    )
    return pipeline.commit(job, state_changes=StateChanges(schedule_changes=agenda))


def build_request(pipeline: Pipeline, seconds: int, name: str = "", **arguments: object) -> ScheduleRequest:
    return ScheduleRequest("c1", "remind", pipeline.clock() + seconds * 1000, arguments, name)


def list_schedules(pipeline: Pipeline) -> list[Schedule]:
    with pipeline.database.read() as session:
        return list(session.scalars(select(Schedule).order_by(Schedule.due_at)))


def deliver(pipeline: Pipeline) -> set[int]:
    return pipeline.database.writer.submit(schedules.deliver, pipeline.clock()).result()


def list_scheduled_messages(pipeline: Pipeline) -> list[Message]:
    return [message for message in pipeline.list_messages("in") if message.kind == "schedule"]


def test_what_is_due_becomes_a_message_of_its_chat_once(pipeline: Pipeline, clock, brain_id: int):
    stored = store_plan(pipeline, brain_id, 1, build_request(pipeline, 60, what="tea"))
    assert stored.wake_at == clock() + 60_000
    assert deliver(pipeline) == set()
    clock.pass_seconds(61)
    assert deliver(pipeline) == {pipeline.get_chat().id}
    assert deliver(pipeline) == set()
    (tick,) = list_scheduled_messages(pipeline)
    assert (tick.state, tick.author, tick.text) == ("new", "brain", "")
    assert tick.payload["arguments"] == {"what": "tea"}
    assert (tick.payload["command_id"], tick.payload["command"]) == ("c1", "remind")
    assert pipeline.get_chat().pending == 1
    job = pipeline.claim().jobs[0]
    assert job.message["kind"] == "schedule"
    assert pipeline.commit(job, "Tea!").send_job


def test_a_scheduled_message_does_not_open_the_window(pipeline: Pipeline, clock, brain_id: int):
    store_plan(pipeline, brain_id, 1, build_request(pipeline, 25 * 3600))
    clock.pass_seconds(25 * 3600 + 1)
    deliver(pipeline)
    pipeline.commit(pipeline.claim().jobs[0], "too late")
    pipeline.claim()
    assert [(m.state, m.error_code) for m in pipeline.list_messages()] == [("failed", "131047")]


def test_a_name_replaces_and_cancels(pipeline: Pipeline, brain_id: int):
    store_plan(pipeline, brain_id, 1, build_request(pipeline, 60, "tea"), build_request(pipeline, 90))
    store_plan(pipeline, brain_id, 2, build_request(pipeline, 120, "tea", cups=2))
    assert [(s.name, s.arguments) for s in list_schedules(pipeline)] == [("", {}), ("tea", {"cups": 2})]
    store_plan(
        pipeline, brain_id, 3, ScheduleCancellation("tea"), ScheduleCancellation("nothing of that name")
    )
    assert [s.name for s in list_schedules(pipeline)] == [""]


def test_within_one_turn_the_last_word_counts(pipeline: Pipeline, brain_id: int):
    store_plan(
        pipeline,
        brain_id,
        1,
        build_request(pipeline, 60, "a"),
        ScheduleCancellation("a"),
        build_request(pipeline, 70, "b"),
        build_request(pipeline, 80, "b"),
    )
    assert [(s.name, s.due_at - pipeline.clock()) for s in list_schedules(pipeline)] == [("b", 80_000)]


def test_a_turn_that_plans_too_much_fails_and_leaves_nothing(pipeline: Pipeline, brain_id: int):
    store_plan(pipeline, brain_id, 1, *(build_request(pipeline, n) for n in range(1, 4)), most=3)
    store_plan(pipeline, brain_id, 2, build_request(pipeline, 9), most=3)
    assert len(list_schedules(pipeline)) == 3
    run = pipeline.list_runs()[-1]
    assert (run.outcome, run.digest) == ("failed", None)
    assert run.trace["error"]["message"].startswith("At most 3 scheduled commands")


def test_replacing_is_allowed_when_everything_is_full(pipeline: Pipeline, brain_id: int):
    store_plan(pipeline, brain_id, 1, *(build_request(pipeline, 60, name) for name in "abc"), most=3)
    store_plan(pipeline, brain_id, 2, build_request(pipeline, 90, "b"), most=3)
    assert pipeline.list_runs()[-1].outcome == "answered"


def test_an_id_is_never_given_again(pipeline: Pipeline, clock, brain_id: int):
    for number in (1, 2):
        store_plan(pipeline, brain_id, number, build_request(pipeline, 10))
        clock.pass_seconds(11)
        deliver(pipeline)
        pipeline.commit(pipeline.claim().jobs[0])
    assert len({tick.provider_id for tick in list_scheduled_messages(pipeline)}) == 2


def test_a_delivery_that_was_not_committed_is_done_again(pipeline: Pipeline, clock, brain_id: int):
    store_plan(pipeline, brain_id, 1, build_request(pipeline, 10))
    clock.pass_seconds(11)

    def die(db):
        schedules.deliver(db, [clock()])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), pipeline.database.engine.connect() as db, db.begin():
        die(db)
    assert list_scheduled_messages(pipeline) == []
    deliver(pipeline)
    assert len(list_scheduled_messages(pipeline)) == 1


def test_a_message_already_there_is_not_made_twice(pipeline: Pipeline, clock, brain_id: int):
    store_plan(pipeline, brain_id, 1, build_request(pipeline, 10))
    before = list_schedules(pipeline)[0]
    clock.pass_seconds(11)
    deliver(pipeline)
    pipeline.write(
        lambda s: s.add(Schedule(**{c.name: getattr(before, c.name) for c in Schedule.__table__.columns}))
    )
    deliver(pipeline)
    assert len(list_scheduled_messages(pipeline)) == 1
    assert pipeline.get_chat().pending == 1
    assert list_schedules(pipeline) == []


def test_scheduled_messages_come_in_order_and_wait_for_a_chat_that_is_being_served(
    pipeline: Pipeline, clock, brain_id: int
):
    store_plan(pipeline, brain_id, 1, build_request(pipeline, 20, n=2), build_request(pipeline, 10, n=1))
    pipeline.ingest(build_inbound(2, clock))
    busy = pipeline.claim().jobs[0]
    clock.pass_seconds(25)
    deliver(pipeline)
    assert pipeline.claim().claimed_count == 0
    order = pipeline.commit(busy, "first").send_job
    assert order
    pipeline.complete(order, SendSuccess("x"))
    heard = []
    for _ in range(2):
        job = pipeline.claim().jobs[0]
        heard.append(job.message["payload"]["arguments"]["n"])
        pipeline.commit(job)
    assert heard == [1, 2]


def test_a_waiting_chat_keeps_its_moment(pipeline: Pipeline, clock, brain_id: int):
    store_plan(pipeline, brain_id, 1, build_request(pipeline, 10))
    pipeline.write(lambda s: s.execute(update(Chat).values(ready_at=clock() + HOUR)))
    clock.pass_seconds(11)
    deliver(pipeline)
    assert pipeline.get_chat().ready_at == clock() + HOUR - 11_000


def test_two_workers_deliver_each_once(pipeline: Pipeline, clock, brain_id: int):
    people = [f"1555{n:04}" for n in range(6)]
    pipeline.ingest(*(build_inbound(1, clock, phone) for phone in people))
    for job in pipeline.claim().jobs:
        agenda = ScheduleChanges(
            pipeline.connection_id,
            job.lease.chat_id,
            brain_id,
            job.message["id"],
            clock(),
            20,
            [build_request(pipeline, n) for n in range(5)],
        )
        pipeline.commit(job, state_changes=StateChanges(schedule_changes=agenda))
    clock.pass_seconds(10)
    rival = Writer(pipeline.database.engine, None)
    try:
        while list_schedules(pipeline):
            both = [writer.submit(schedules.deliver, clock()) for writer in (pipeline.database.writer, rival)]
            for future in both:
                future.result()
    finally:
        rival.close()
    assert (
        len({tick.provider_id for tick in list_scheduled_messages(pipeline)})
        == len(list_scheduled_messages(pipeline))
        == 30
    )
    with pipeline.database.read() as session:
        assert set(session.scalars(select(Chat.pending))) == {5}
