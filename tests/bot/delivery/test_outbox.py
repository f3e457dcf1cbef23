"""Claims, transactions B and C: fenced, in order, retried, never blindly repeated."""

from typing import Any

import pytest
from sqlalchemy import update

from app.bot import lease
from app.bot.delivery import outbox
from app.bot.delivery.outbox import SendJob
from app.bot.failures import redrive
from app.bot.models import Chat, Connection, WorkerHeartbeat
from app.bot.models.message_keys import build_send_key
from app.bot.turns import retry
from app.bot.turns.retry import TurnRetry
from app.channels.contract import (
    RefusalClass,
    RefusalReason,
    SendRefusal,
    SendSuccess,
    Status,
    UnknownOutcome,
)
from tests.bot.conftest import Pipeline, build_inbound


def build_refusal(fault: RefusalClass, code: str = "131000", **more: Any) -> SendRefusal:
    return SendRefusal(fault, code, "no", **more)


def begin_send(pipeline: Pipeline, clock, *texts: str):
    pipeline.ingest(build_inbound(1, clock))
    stored = pipeline.commit(pipeline.claim().jobs[0], *(texts or ("yes",)))
    assert stored.send_job
    return stored.send_job


def test_a_chat_is_claimed_by_one_worker_at_a_time(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    assert len(pipeline.claim("w1").jobs) == 1
    assert pipeline.claim("w2").claimed_count == 0


def test_messages_of_a_chat_are_handled_in_order(pipeline: Pipeline, clock):
    pipeline.ingest(*(build_inbound(n, clock) for n in range(4)))
    heard = []
    for _ in range(4):
        job = pipeline.claim().jobs[0]
        heard.append(job.message["text"])
        pipeline.complete(pipeline.commit(job, "ok").send_job, SendSuccess("x"))
    assert heard == [f"hello {n}" for n in range(4)]
    assert pipeline.claim().claimed_count == 0
    assert (pipeline.get_chat().pending, pipeline.get_chat().ready_at) == (0, None)


def test_the_key_of_a_send_is_the_same_for_the_same_turn(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock)
    assert order.key == build_send_key("100", "wamid.15550001.1", 0)
    assert len(order.key) == 32


def test_a_worker_whose_lease_ran_out_stores_nothing(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    slow = pipeline.claim("w1").jobs[0]
    clock.pass_seconds(31)
    pipeline.claim("w2")
    assert pipeline.commit(slow, "late").fenced
    assert pipeline.list_messages() == []


def test_a_silent_turn_lets_the_chat_go(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    stored = pipeline.commit(pipeline.claim().jobs[0])
    assert (stored.send_job, stored.has_more) == (None, False)
    assert (pipeline.get_chat().lease_until, pipeline.get_chat().ready_at) == (0, None)


def test_replies_of_a_turn_go_one_after_the_other(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock, "one", "two", "three")
    assert [row.state for row in pipeline.list_messages()] == ["sending", "queued", "queued"]
    order = pipeline.complete(order, SendSuccess("a")).send_job
    assert [row.state for row in pipeline.list_messages()] == ["sent", "sending", "queued"]
    order = pipeline.complete(order, SendSuccess("b")).send_job
    assert order.outbound.content["text"] == "three"
    assert pipeline.complete(order, SendSuccess("c")).send_job is None
    assert pipeline.get_chat().ready_at is None


@pytest.mark.parametrize("fault", [RefusalClass.TRANSIENT, RefusalClass.LIMIT])
def test_a_passing_refusal_is_tried_again_with_backoff_and_dead_after_eight(
    pipeline: Pipeline, clock, fault: RefusalClass
):
    order = begin_send(pipeline, clock)
    waits = []
    for attempt in range(1, 9):
        assert order.attempts == attempt
        pipeline.complete(order, build_refusal(fault))
        if attempt < 8:
            waits.append(pipeline.get_chat().ready_at - clock())
            assert pipeline.claim().claimed_count == 0
            clock.now = pipeline.get_chat().ready_at
            order = pipeline.claim().send_jobs[0]
    assert waits == [200, 400, 800, 1600, 3200, 6400, 12800]
    assert [(row.state, row.error_code) for row in pipeline.list_messages()] == [("dead", "131000")]
    assert pipeline.get_chat().ready_at is None or pipeline.claim().jobs == []


def test_retry_after_and_the_pair_limit_set_the_wait(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock)
    pipeline.complete(order, build_refusal(RefusalClass.LIMIT, retry_after_s=7.0))
    assert pipeline.get_chat().ready_at == clock() + 7_000
    clock.pass_seconds(7)
    pipeline.complete(
        pipeline.claim().send_jobs[0],
        build_refusal(RefusalClass.LIMIT, "131056", reason=RefusalReason.PAIR_LIMIT),
    )
    assert pipeline.get_chat().ready_at == clock() + 4_000


@pytest.mark.parametrize("fault", [RefusalClass.NEVER, RefusalClass.FIX])
def test_a_final_refusal_fails_the_message_and_the_chat_goes_on(
    pipeline: Pipeline, clock, fault: RefusalClass
):
    order = begin_send(pipeline, clock, "one", "two")
    following = pipeline.complete(order, build_refusal(fault, "131026")).send_job
    assert following.outbound.content["text"] == "two"
    assert [row.state for row in pipeline.list_messages()] == ["failed", "sending"]


@pytest.mark.parametrize("fault", [RefusalClass.TOKEN, RefusalClass.ACCOUNT])
def test_an_account_problem_parks_the_connection_without_costing_a_try(
    pipeline: Pipeline, clock, fault: RefusalClass
):
    order = begin_send(pipeline, clock)
    done = pipeline.complete(order, build_refusal(fault, "190"))
    assert done.park_reason == "no"
    row = pipeline.list_messages()[0]
    assert (row.state, row.attempts, row.next_at) == ("retry", 0, clock() + outbox.PARK_MS)
    pipeline.ingest(build_inbound(5, clock, phone="15550002"))
    other = pipeline.claim().jobs[0]
    assert pipeline.commit(other, "me too").send_job is None
    pipeline.write(lambda s: redrive.resume_connection(s, pipeline.connection_id, clock()))
    assert len(pipeline.claim().send_jobs) == 2


def test_a_send_found_under_way_is_unknown_and_waits_for_its_status(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock)
    pipeline.ingest(build_inbound(2, clock))
    clock.pass_seconds(31)
    assert (pipeline.claim("w2").send_jobs, pipeline.list_messages()[0].state) == ([], "unknown")
    assert pipeline.claim("w2").claimed_count == 0
    applied = pipeline.ingest(Status("wamid.9", "sent", clock(), order.key))
    assert applied.resolved_chats
    pipeline.write(lambda s: s.execute(update(Chat).values(ready_at=clock())))
    assert pipeline.claim("w2").jobs[0].message["text"] == "hello 2"
    assert len(pipeline.list_messages()) == 1


def insert_heartbeat(pipeline: Pipeline, started: int, beat: int, name: str = "web:host:8000") -> None:
    row = {"name": name, "pid": 1, "version": "1", "started_at": started, "beat_at": beat, "in_flight": 0}
    pipeline.write(lambda s: s.merge(WorkerHeartbeat(**row)))


def record_webhook(pipeline: Pipeline, at: int) -> None:
    pipeline.write(lambda s: s.execute(update(Connection).values(last_webhook_at=at)))


def create_unknown_send(pipeline: Pipeline, clock) -> SendJob:
    order = begin_send(pipeline, clock)
    pipeline.complete(order, UnknownOutcome("time-out"))
    assert pipeline.list_messages()[0].state == "unknown"
    return order


def claim_again(pipeline: Pipeline, clock) -> list[SendJob]:
    pipeline.write(lambda s: s.execute(update(Chat).values(ready_at=clock(), lease_until=0)))
    return pipeline.claim().send_jobs


def test_an_unknown_send_is_repeated_after_grace_with_proof_of_intake(pipeline: Pipeline, clock):
    order, sent_at = create_unknown_send(pipeline, clock), clock()
    insert_heartbeat(pipeline, sent_at - 1, sent_at + 90_000)
    record_webhook(pipeline, sent_at + 1)
    clock.pass_seconds(89)
    assert claim_again(pipeline, clock) == []
    clock.pass_seconds(2)
    again = claim_again(pipeline, clock)[0]
    assert (again.key, again.attempts) == (order.key, 2)


def test_without_a_webhook_it_waits_three_times_as_long(pipeline: Pipeline, clock):
    create_unknown_send(pipeline, clock)
    sent_at = clock()
    clock.pass_seconds(269)
    insert_heartbeat(pipeline, sent_at - 1, clock())
    assert claim_again(pipeline, clock) == []
    clock.pass_seconds(2)
    assert len(claim_again(pipeline, clock)) == 1


@pytest.mark.parametrize(
    ("started", "beat"),
    [(None, None), (50_000, 100_000), (-1, 80_000)],
    ids=["no web process", "web restarted since", "web died since"],
)
def test_the_grace_period_counts_only_while_web_lives(pipeline: Pipeline, clock, started, beat):
    create_unknown_send(pipeline, clock)
    sent_at = clock()
    record_webhook(pipeline, sent_at + 1)
    if beat is not None:
        insert_heartbeat(pipeline, sent_at + started, sent_at + beat)
    clock.now = sent_at + (beat or 90_000) + 11_000
    assert claim_again(pipeline, clock) == []
    assert pipeline.list_messages()[0].state == "unknown"


def test_every_living_web_process_must_have_lived_long_enough(pipeline: Pipeline, clock):
    create_unknown_send(pipeline, clock)
    sent_at = clock()
    clock.pass_seconds(95)
    record_webhook(pipeline, clock())
    insert_heartbeat(pipeline, sent_at - 1, clock(), "web:a:8000")
    insert_heartbeat(pipeline, sent_at + 60_000, clock(), "web:b:8000")
    assert claim_again(pipeline, clock) == []
    clock.pass_seconds(60)
    insert_heartbeat(pipeline, sent_at - 1, clock(), "web:a:8000")
    insert_heartbeat(pipeline, sent_at + 60_000, clock(), "web:b:8000")
    assert len(claim_again(pipeline, clock)) == 1


def test_an_unknown_send_is_held_where_the_connection_says_so(pipeline: Pipeline, clock):
    pipeline.write(lambda s: s.execute(update(Connection).values(on_unknown="hold", last_webhook_at=clock())))
    order = begin_send(pipeline, clock)
    pipeline.complete(order, UnknownOutcome("time-out"))
    pipeline.ingest(build_inbound(2, clock))
    clock.pass_seconds(91)
    assert len(pipeline.claim().jobs) == 1
    assert pipeline.list_messages()[0].state == "held"


def test_a_send_that_stays_unknown_is_held_after_three_tries(pipeline: Pipeline, clock):
    order, began = begin_send(pipeline, clock), clock()
    for _ in range(2):
        pipeline.complete(order, UnknownOutcome("time-out"))
        clock.pass_seconds(91)
        insert_heartbeat(pipeline, began, clock())
        record_webhook(pipeline, clock())
        order = claim_again(pipeline, clock)[0]
    pipeline.complete(order, UnknownOutcome("time-out"))
    clock.pass_seconds(91)
    assert pipeline.claim().send_jobs == []
    assert (pipeline.list_messages()[0].state, pipeline.list_messages()[0].attempts) == ("held", 3)


def test_the_outcome_of_a_slow_send_stands_although_its_lease_is_gone(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock)
    clock.pass_seconds(31)
    pipeline.claim("w2")
    pipeline.complete(order, SendSuccess("wamid.9"))
    assert pipeline.list_messages()[0].state == "sent"


def test_a_late_refusal_of_an_earlier_try_changes_nothing(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock)
    pipeline.complete(order, build_refusal(RefusalClass.TRANSIENT))
    clock.pass_seconds(1)
    again = pipeline.claim().send_jobs[0]
    pipeline.complete(order, build_refusal(RefusalClass.NEVER))
    assert pipeline.list_messages()[0].state == "sending"
    pipeline.complete(again, SendSuccess("wamid.9"))
    assert pipeline.list_messages()[0].state == "sent"


def test_our_own_answer_never_overwrites_a_newer_status(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock)
    pipeline.ingest(Status("wamid.9", "read", clock(), order.key))
    pipeline.complete(order, SendSuccess("wamid.9"))
    assert pipeline.list_messages()[0].state == "read"


def test_outside_the_window_a_reply_fails_without_being_sent(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock, "one", "two")
    pipeline.complete(order, build_refusal(RefusalClass.LIMIT, retry_after_s=90_000.0))
    clock.pass_seconds(90_001)
    assert pipeline.claim().send_jobs == []
    assert [(row.state, row.error_code) for row in pipeline.list_messages()] == [("failed", "131047")] * 2


def test_a_person_gets_a_burst_then_one_message_in_six_seconds(pipeline: Pipeline, clock):
    pipeline.write(lambda s: s.execute(update(Connection).values(pair_burst=2)))
    order = begin_send(pipeline, clock, "one", "two", "three", "four")
    order = pipeline.complete(order, SendSuccess("a")).send_job
    assert pipeline.complete(order, SendSuccess("b")).send_job is None
    assert pipeline.get_chat().ready_at == clock() + 6_000
    clock.pass_seconds(6)
    assert pipeline.claim().send_jobs[0].outbound.content["text"] == "three"


def test_a_number_sends_no_faster_than_its_throughput(pipeline: Pipeline, clock):
    pipeline.write(lambda s: s.execute(update(Connection).values(messages_per_second=10)))
    orders = []
    for n in range(13):
        pipeline.ingest(build_inbound(1, clock, phone=f"1555{n:04}"))
        orders.append(pipeline.commit(pipeline.claim().jobs[0], "hi").send_job)
    # A quarter of a second's worth may go at once, then one every 100 ms; what is a second away is let go meanwhile.
    assert [order.delay_ms for order in orders[:12]] == [0, 0, *range(50, 1000, 100)]
    assert orders[12] is None


def test_a_dead_message_can_be_sent_again_under_a_new_name(pipeline: Pipeline, clock):
    order = begin_send(pipeline, clock)
    pipeline.complete(order, build_refusal(RefusalClass.NEVER))
    message = pipeline.list_messages()[0]
    assert pipeline.write(lambda s: redrive.retry(s, message.id, clock()))
    again = pipeline.claim().send_jobs[0]
    assert again.key != order.key
    pipeline.ingest(Status("wamid.old", "delivered", clock(), order.key))
    pipeline.complete(again, SendSuccess("wamid.9"))
    assert pipeline.list_messages()[0].state == "sent"
    assert not pipeline.write(lambda s: redrive.retry(s, message.id, clock()))


def test_a_turn_that_cannot_be_run_is_put_back_and_given_up_after_eight(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    for attempt in range(1, 9):
        job = pipeline.claim().jobs[0]
        late = TurnRetry(job.lease, job.message["id"], "an error of ours", clock())
        back = pipeline.database.writer.submit(retry.defer, late).result()
        assert back.dead == (attempt == 8)
        clock.pass_seconds(100)
    assert [(row.state, row.error) for row in pipeline.list_messages("in")] == [("dead", "an error of ours")]
    assert pipeline.claim().claimed_count == 0


def test_leases_of_a_former_process_are_freed_at_start(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    pipeline.claim("host/0")
    assert pipeline.database.writer.run(lambda db: lease.release_owner(db, "host/0")) == 1
    assert len(pipeline.claim("host/0").jobs) == 1
