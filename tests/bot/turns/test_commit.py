"""What a turn changes beyond its replies: all of it with the turn, or nothing; overtaken turns run again."""

from typing import Any

import pytest
from sqlalchemy import select

from app.bot import handoff
from app.bot.models import Chat, Message
from app.bot.turns import commit
from app.bot.turns.result import TurnResult, build_reply_rows
from app.bot.turns.state_changes import StateChanges
from app.brains.effects.model import Increment, Remember, Reply
from app.brains.memory import store
from app.brains.memory.models import Memory
from tests.bot.conftest import Pipeline, build_inbound


@pytest.fixture
def brain_id(pipeline: Pipeline) -> int:
    return pipeline.create_brain()


def build_changes(
    pipeline: Pipeline, brain_id: int, job: Any, effect: Any, reads: tuple[Any, ...] = ()
) -> store.MemoryChanges:
    owner = store.MemoryOwner(brain_id, job.chat.contact_id, job.lease.chat_id)
    with pipeline.database.read() as session:
        found = store.read_snapshots(session.connection(), [owner], pipeline.clock())[0]
    return store.MemoryChanges(job.message["id"], owner, [effect], reads, found.revs, pipeline.clock())


def read_memory(pipeline: Pipeline) -> dict[str, Any]:
    with pipeline.database.read() as session:
        return {row.key: row.value for row in session.scalars(select(Memory))}


def test_a_turn_based_on_what_has_changed_is_not_stored_but_run_again(
    pipeline: Pipeline, clock, brain_id: int
):
    pipeline.ingest(build_inbound(1, clock, "15550001"), build_inbound(1, clock, "15550002"))
    jobs = pipeline.claim().jobs
    reads = (("brain", "stock"),)
    late = [
        build_changes(pipeline, brain_id, job, Remember("brain", "stock", n), reads)
        for n, job in enumerate(jobs)
    ]
    first = pipeline.commit(jobs[0], "one", state_changes=StateChanges(memory_changes=late[0]))
    second = pipeline.commit(jobs[1], "two", state_changes=StateChanges(memory_changes=late[1]))
    assert first.send_job
    assert (second.send_job, second.retried) == (None, True)
    assert second.wake_at is not None
    assert clock() < second.wake_at < clock() + 100
    assert [m.text for m in pipeline.list_messages()] == ["one"]
    assert len(pipeline.list_runs()) == 1
    assert read_memory(pipeline) == {"stock": 0}
    clock.pass_seconds(1)
    again = pipeline.claim().jobs[0]
    assert again.message["id"] == jobs[1].message["id"]
    stored = pipeline.commit(
        again,
        "two",
        state_changes=StateChanges(
            memory_changes=build_changes(pipeline, brain_id, again, Remember("brain", "stock", 1), reads)
        ),
    )
    assert stored.send_job
    assert read_memory(pipeline) == {"stock": 1}
    done = next(m for m in pipeline.list_messages("in") if m.id == again.message["id"])
    assert (done.state, done.error) == ("done", None)


def test_of_turns_stored_together_only_the_overtaken_one_runs_again(pipeline: Pipeline, clock, brain_id: int):
    pipeline.ingest(build_inbound(1, clock, "15550001"), build_inbound(1, clock, "15550002"))
    jobs = pipeline.claim().jobs
    reads = (("brain", "stock"),)
    run = {"trace": {}, "outcome": "answered", "micros": 1, "journal": None, "created_at": 1}
    run |= dict.fromkeys(("brain_id", "version_id", "command_id", "fault", "digest"))
    ended = [
        TurnResult(
            job.lease,
            job.target,
            job.message["id"],
            job.message["provider_id"],
            {**run, "message_id": job.message["id"], "chat_id": job.lease.chat_id},
            clock(),
            build_reply_rows(job, run, [Reply(str(n))]),
            state_changes=StateChanges(
                memory_changes=build_changes(pipeline, brain_id, job, Remember("brain", "stock", n), reads)
            ),
        )
        for n, job in enumerate(jobs)
    ]
    stored = pipeline.database.writer.run(lambda db: commit.commit_turns(db, ended))
    assert [each.retried for each in stored] == [False, True]
    assert [m.text for m in pipeline.list_messages()] == ["0"]


def test_increments_never_conflict(pipeline: Pipeline, clock, brain_id: int):
    pipeline.ingest(build_inbound(1, clock, "15550001"), build_inbound(1, clock, "15550002"))
    late = [
        (job, build_changes(pipeline, brain_id, job, Increment("brain", "n", 1)))
        for job in pipeline.claim().jobs
    ]
    assert not any(
        pipeline.commit(job, state_changes=StateChanges(memory_changes=change)).retried
        for job, change in late
    )
    assert read_memory(pipeline) == {"n": 2}


def test_a_handoff_lets_its_own_turn_speak_and_pauses_the_chat(pipeline: Pipeline, clock):
    stored = pipeline.run_turn(
        1, "A person will answer.", state_changes=StateChanges(handoff="asked for a person")
    )
    assert stored.send_job
    assert (pipeline.get_chat().paused_at, pipeline.get_chat().pause_reason) == (
        clock(),
        "asked for a person",
    )
    pipeline.claim()


def test_a_pause_stops_an_answer_that_is_being_worked_out(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    job = pipeline.claim().jobs[0]
    assert handoff.pause(pipeline.database, job.lease.chat_id, " Operator asked ", clock())
    stored = pipeline.commit(job, "too late")
    assert stored.retried
    assert pipeline.list_messages() == []
    clock.pass_seconds(1)
    again = pipeline.claim().jobs[0]
    assert (again.chat.paused_at is not None, again.chat.pause_reason) == (True, "Operator asked")
    assert not pipeline.commit(again).retried


def test_pause_and_resume_say_whether_they_changed_anything(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    chat_id = pipeline.get_chat().id
    assert handoff.pause(pipeline.database, chat_id, "x" * 300, clock())
    assert len(pipeline.get_chat().pause_reason) == 200
    assert not handoff.pause(pipeline.database, chat_id, "again", clock())
    assert handoff.resume(pipeline.database, chat_id)
    assert (pipeline.get_chat().paused_at, pipeline.get_chat().pause_reason) == (None, "")
    assert not handoff.resume(pipeline.database, chat_id)


def test_journal_and_digest_are_kept(pipeline: Pipeline):
    pipeline.run_turn(1, "yes")
    (run,) = pipeline.list_runs()
    assert (run.journal, run.digest) == ({"now": 1}, "d")


def test_nothing_of_a_turn_remains_when_its_transaction_fails(pipeline: Pipeline, clock, brain_id: int):
    pipeline.ingest(build_inbound(1, clock))
    job = pipeline.claim().jobs[0]
    change = build_changes(pipeline, brain_id, job, Remember("contact", "k", 1))
    lasting = StateChanges(memory_changes=change, handoff="x")
    bad = ({"brain_id": 999, "command_id": None, "scope": "brain", "until": 1},)
    with pytest.raises(Exception, match=r"NOT NULL|not-null"):
        pipeline.commit(job, "never", state_changes=lasting, cooldowns=bad)
    assert read_memory(pipeline) == {}
    assert pipeline.list_messages() == []
    with pipeline.database.read() as session:
        assert session.scalar(select(Chat.paused_at)) is None
        assert session.scalar(select(Message.state)) == "new"
