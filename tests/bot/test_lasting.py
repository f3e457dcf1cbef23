"""What a turn changes beyond its replies: all of it with the turn, or nothing; overtaken turns run again."""

from typing import Any

import pytest
from sqlalchemy import select

from app.bot import handoff, turns
from app.bot.deferring import CONFLICT, SANDBOX, Deferred, defer
from app.bot.models import Chat, Message
from app.bot.turns import Ended, Lasting, Reply
from app.brains import memory
from app.brains.effects import Increment, Remember
from app.brains.models import Memory
from tests.bot.conftest import Desk, inbound


@pytest.fixture
def brain_id(desk: Desk) -> int:
    return desk.make_brain()


def changes(desk: Desk, brain_id: int, job: Any, effect: Any, reads: tuple[Any, ...] = ()) -> memory.Changes:
    owner = memory.Owner(brain_id, job.chat.contact_id, job.lease.chat_id)
    with desk.database.read() as session:
        found = memory.snapshot(session.connection(), [owner], desk.clock())[0]
    return memory.Changes(job.message["id"], owner, [effect], reads, found.revs, desk.clock())


def remembered(desk: Desk) -> dict[str, Any]:
    with desk.database.read() as session:
        return {row.key: row.value for row in session.scalars(select(Memory))}


def test_a_turn_based_on_what_has_changed_is_not_stored_but_run_again(desk: Desk, clock, brain_id: int):
    desk.accept(inbound(1, clock, "15550001"), inbound(1, clock, "15550002"))
    jobs = desk.claim().jobs
    reads = (("brain", "stock"),)
    late = [changes(desk, brain_id, job, Remember("brain", "stock", n), reads) for n, job in enumerate(jobs)]
    first = desk.store(jobs[0], "one", lasting=Lasting(remembered=late[0]))
    second = desk.store(jobs[1], "two", lasting=Lasting(remembered=late[1]))
    assert first.order
    assert (second.order, second.again) == (None, True)
    assert second.wake_at is not None
    assert clock() < second.wake_at < clock() + 100
    assert [m.text for m in desk.messages()] == ["one"]
    assert len(desk.runs()) == 1
    assert remembered(desk) == {"stock": 0}
    clock.pass_seconds(1)
    again = desk.claim().jobs[0]
    assert again.message["id"] == jobs[1].message["id"]
    stored = desk.store(
        again,
        "two",
        lasting=Lasting(remembered=changes(desk, brain_id, again, Remember("brain", "stock", 1), reads)),
    )
    assert stored.order
    assert remembered(desk) == {"stock": 1}
    done = next(m for m in desk.messages("in") if m.id == again.message["id"])
    assert (done.state, done.error) == ("done", None)


def test_of_turns_stored_together_only_the_overtaken_one_runs_again(desk: Desk, clock, brain_id: int):
    desk.accept(inbound(1, clock, "15550001"), inbound(1, clock, "15550002"))
    jobs = desk.claim().jobs
    reads = (("brain", "stock"),)
    run = {"trace": {}, "outcome": "answered", "micros": 1, "journal": None, "created_at": 1}
    run |= dict.fromkeys(("brain_id", "version_id", "command_id", "fault", "digest"))
    ended = [
        Ended(
            job.lease,
            job.sending,
            job.message["id"],
            job.message["provider_id"],
            {**run, "message_id": job.message["id"], "chat_id": job.lease.chat_id},
            clock(),
            (Reply({"kind": "text", "text": str(n)}, str(n)),),
            lasting=Lasting(remembered=changes(desk, brain_id, job, Remember("brain", "stock", n), reads)),
        )
        for n, job in enumerate(jobs)
    ]
    stored = desk.database.writer.run(lambda db: turns.store(db, ended))
    assert [each.again for each in stored] == [False, True]
    assert [m.text for m in desk.messages()] == ["0"]


def test_increments_never_conflict(desk: Desk, clock, brain_id: int):
    desk.accept(inbound(1, clock, "15550001"), inbound(1, clock, "15550002"))
    late = [(job, changes(desk, brain_id, job, Increment("brain", "n", 1))) for job in desk.claim().jobs]
    assert not any(desk.store(job, lasting=Lasting(remembered=change)).again for job, change in late)
    assert remembered(desk) == {"n": 2}


def test_conflicts_wait_longer_each_time_and_never_kill_a_young_message(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    waits = []
    for _ in range(12):
        job = desk.claim().jobs[0]
        late = Deferred(job.lease, job.message["id"], "changed", clock(), CONFLICT)
        back = desk.database.writer.submit(defer, late).result()
        assert not back.dead
        assert back.ready_at
        waits.append(back.ready_at - clock())
        clock.now = back.ready_at
    assert max(waits) <= 3_000
    assert waits[0] < 20


def test_a_paused_sandbox_costs_no_message_its_life_within_the_hour(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    for _ in range(20):
        job = desk.claim().jobs[0]
        late = Deferred(job.lease, job.message["id"], "paused", clock(), SANDBOX)
        back = desk.database.writer.submit(defer, late).result()
        assert not back.dead
        assert back.ready_at
        clock.now = back.ready_at
    (message,) = desk.messages("in")
    assert (message.state, message.error) == ("new", "paused")
    clock.pass_seconds(3_600)
    job = desk.claim().jobs[0]
    late = Deferred(job.lease, job.message["id"], "paused", clock(), SANDBOX)
    assert desk.database.writer.submit(defer, late).result().dead


def test_a_handoff_lets_its_own_turn_speak_and_pauses_the_chat(desk: Desk, clock):
    stored = desk.turn(1, "A person will answer.", lasting=Lasting(handoff="asked for a person"))
    assert stored.order
    assert (desk.chat().paused_at, desk.chat().pause_reason) == (clock(), "asked for a person")
    desk.claim()


def test_a_pause_stops_an_answer_that_is_being_worked_out(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    job = desk.claim().jobs[0]
    assert handoff.pause(desk.database, job.lease.chat_id, " Operator asked ", clock())
    stored = desk.store(job, "too late")
    assert stored.again
    assert desk.messages() == []
    clock.pass_seconds(1)
    again = desk.claim().jobs[0]
    assert (again.chat.paused_at is not None, again.chat.pause_reason) == (True, "Operator asked")
    assert not desk.store(again).again


def test_pause_and_resume_say_whether_they_changed_anything(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    chat_id = desk.chat().id
    assert handoff.pause(desk.database, chat_id, "x" * 300, clock())
    assert len(desk.chat().pause_reason) == 200
    assert not handoff.pause(desk.database, chat_id, "again", clock())
    assert handoff.resume(desk.database, chat_id)
    assert (desk.chat().paused_at, desk.chat().pause_reason) == (None, "")
    assert not handoff.resume(desk.database, chat_id)


def test_journal_and_digest_are_kept(desk: Desk):
    desk.turn(1, "yes")
    (run,) = desk.runs()
    assert (run.journal, run.digest) == ({"now": 1}, "d")


def test_nothing_of_a_turn_remains_when_its_transaction_fails(desk: Desk, clock, brain_id: int):
    desk.accept(inbound(1, clock))
    job = desk.claim().jobs[0]
    change = changes(desk, brain_id, job, Remember("contact", "k", 1))
    lasting = Lasting(remembered=change, handoff="x")
    bad = ({"brain_id": 999, "command_id": None, "scope": "brain", "until": 1},)
    with pytest.raises(Exception, match=r"NOT NULL|not-null"):
        desk.store(job, "never", lasting=lasting, cooldowns=bad)
    assert remembered(desk) == {}
    assert desk.messages() == []
    with desk.database.read() as session:
        assert session.scalar(select(Chat.paused_at)) is None
        assert session.scalar(select(Message.state)) == "new"
