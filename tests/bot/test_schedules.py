"""Schedules: planned with the turn, replaced and called off by name, delivered once as messages of their chat."""

import pytest
from sqlalchemy import select, update

from app.bot import schedules
from app.bot.channels.contract import Sent
from app.bot.models import Chat, Message, Schedule
from app.bot.schedules import Agenda, Dropped, Wanted
from app.bot.turns import Lasting
from app.writer import Writer
from tests.bot.conftest import Desk, inbound

HOUR = 3_600_000


@pytest.fixture
def brain_id(desk: Desk) -> int:
    return desk.make_brain()


def plan(desk: Desk, brain_id: int, number: int, *steps: Wanted | Dropped, most: int = 20):
    desk.accept(inbound(number, desk.clock))
    job = desk.claim().jobs[0]
    agenda = Agenda(
        desk.connection_id, job.lease.chat_id, brain_id, job.message["id"], desk.clock(), most, steps
    )
    return desk.store(job, lasting=Lasting(agenda=agenda))


def remind(desk: Desk, seconds: int, name: str = "", **arguments: object) -> Wanted:
    return Wanted("c1", "remind", desk.clock() + seconds * 1000, arguments, name)


def waiting(desk: Desk) -> list[Schedule]:
    with desk.database.read() as session:
        return list(session.scalars(select(Schedule).order_by(Schedule.due_at)))


def deliver(desk: Desk) -> set[int]:
    return desk.database.writer.submit(schedules.deliver, desk.clock()).result()


def ticks(desk: Desk) -> list[Message]:
    return [message for message in desk.messages("in") if message.kind == "schedule"]


def test_what_is_due_becomes_a_message_of_its_chat_once(desk: Desk, clock, brain_id: int):
    stored = plan(desk, brain_id, 1, remind(desk, 60, what="tea"))
    assert stored.wake_at == clock() + 60_000
    assert deliver(desk) == set()
    clock.pass_seconds(61)
    assert deliver(desk) == {desk.chat().id}
    assert deliver(desk) == set()
    (tick,) = ticks(desk)
    assert (tick.state, tick.author, tick.text) == ("new", "brain", "")
    assert tick.payload["arguments"] == {"what": "tea"}
    assert (tick.payload["command_id"], tick.payload["command"]) == ("c1", "remind")
    assert desk.chat().pending == 1
    job = desk.claim().jobs[0]
    assert job.message["kind"] == "schedule"
    assert desk.store(job, "Tea!").order


def test_a_tick_does_not_open_the_window(desk: Desk, clock, brain_id: int):
    plan(desk, brain_id, 1, remind(desk, 25 * 3600))
    clock.pass_seconds(25 * 3600 + 1)
    deliver(desk)
    desk.store(desk.claim().jobs[0], "too late")
    desk.claim()
    assert [(m.state, m.error_code) for m in desk.messages()] == [("failed", "131047")]


def test_a_name_replaces_and_cancels(desk: Desk, brain_id: int):
    plan(desk, brain_id, 1, remind(desk, 60, "tea"), remind(desk, 90))
    plan(desk, brain_id, 2, remind(desk, 120, "tea", cups=2))
    assert [(s.name, s.arguments) for s in waiting(desk)] == [("", {}), ("tea", {"cups": 2})]
    plan(desk, brain_id, 3, Dropped("tea"), Dropped("nothing of that name"))
    assert [s.name for s in waiting(desk)] == [""]


def test_within_one_turn_the_last_word_counts(desk: Desk, brain_id: int):
    plan(desk, brain_id, 1, remind(desk, 60, "a"), Dropped("a"), remind(desk, 70, "b"), remind(desk, 80, "b"))
    assert [(s.name, s.due_at - desk.clock()) for s in waiting(desk)] == [("b", 80_000)]


def test_a_turn_that_plans_too_much_fails_and_leaves_nothing(desk: Desk, brain_id: int):
    plan(desk, brain_id, 1, *(remind(desk, n) for n in range(1, 4)), most=3)
    plan(desk, brain_id, 2, remind(desk, 9), most=3)
    assert len(waiting(desk)) == 3
    run = desk.runs()[-1]
    assert (run.outcome, run.digest) == ("failed", None)
    assert run.trace["error"]["message"].startswith("At most 3 scheduled commands")


def test_replacing_is_allowed_when_everything_is_full(desk: Desk, brain_id: int):
    plan(desk, brain_id, 1, *(remind(desk, 60, name) for name in "abc"), most=3)
    plan(desk, brain_id, 2, remind(desk, 90, "b"), most=3)
    assert desk.runs()[-1].outcome == "answered"


def test_an_id_is_never_given_again(desk: Desk, clock, brain_id: int):
    for number in (1, 2):
        plan(desk, brain_id, number, remind(desk, 10))
        clock.pass_seconds(11)
        deliver(desk)
        desk.store(desk.claim().jobs[0])
    assert len({tick.provider_id for tick in ticks(desk)}) == 2


def test_a_delivery_that_was_not_committed_is_done_again(desk: Desk, clock, brain_id: int):
    plan(desk, brain_id, 1, remind(desk, 10))
    clock.pass_seconds(11)

    def die(db):
        schedules.deliver(db, [clock()])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), desk.database.engine.connect() as db, db.begin():
        die(db)
    assert ticks(desk) == []
    deliver(desk)
    assert len(ticks(desk)) == 1


def test_a_message_already_there_is_not_made_twice(desk: Desk, clock, brain_id: int):
    plan(desk, brain_id, 1, remind(desk, 10))
    before = waiting(desk)[0]
    clock.pass_seconds(11)
    deliver(desk)
    desk.change(
        lambda s: s.add(Schedule(**{c.name: getattr(before, c.name) for c in Schedule.__table__.columns}))
    )
    deliver(desk)
    assert len(ticks(desk)) == 1
    assert desk.chat().pending == 1
    assert waiting(desk) == []


def test_ticks_come_in_order_and_wait_for_a_chat_that_is_being_served(desk: Desk, clock, brain_id: int):
    plan(desk, brain_id, 1, remind(desk, 20, n=2), remind(desk, 10, n=1))
    desk.accept(inbound(2, clock))
    busy = desk.claim().jobs[0]
    clock.pass_seconds(25)
    deliver(desk)
    assert desk.claim().claimed == 0
    order = desk.store(busy, "first").order
    assert order
    desk.complete(order, Sent("x"))
    heard = []
    for _ in range(2):
        job = desk.claim().jobs[0]
        heard.append(job.message["payload"]["arguments"]["n"])
        desk.store(job)
    assert heard == [1, 2]


def test_a_waiting_chat_keeps_its_moment(desk: Desk, clock, brain_id: int):
    plan(desk, brain_id, 1, remind(desk, 10))
    desk.change(lambda s: s.execute(update(Chat).values(ready_at=clock() + HOUR)))
    clock.pass_seconds(11)
    deliver(desk)
    assert desk.chat().ready_at == clock() + HOUR - 11_000


def test_two_workers_deliver_each_once(desk: Desk, clock, brain_id: int):
    people = [f"1555{n:04}" for n in range(6)]
    desk.accept(*(inbound(1, clock, phone) for phone in people))
    for job in desk.claim().jobs:
        agenda = Agenda(
            desk.connection_id,
            job.lease.chat_id,
            brain_id,
            job.message["id"],
            clock(),
            20,
            [remind(desk, n) for n in range(5)],
        )
        desk.store(job, lasting=Lasting(agenda=agenda))
    clock.pass_seconds(10)
    rival = Writer(desk.database.engine, None)
    try:
        while waiting(desk):
            both = [writer.submit(schedules.deliver, clock()) for writer in (desk.database.writer, rival)]
            for future in both:
                future.result()
    finally:
        rival.close()
    assert len({tick.provider_id for tick in ticks(desk)}) == len(ticks(desk)) == 30
    with desk.database.read() as session:
        assert set(session.scalars(select(Chat.pending))) == {5}


def test_upcoming_is_listed_in_order(desk: Desk, brain_id: int):
    plan(desk, brain_id, 1, remind(desk, 90), remind(desk, 30, "tea"))
    with desk.database.read() as session:
        assert [row["name"] for row in schedules.upcoming(session.connection(), desk.chat().id)] == [
            "tea",
            "",
        ]
