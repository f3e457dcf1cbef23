"""Claims, transactions B and C: fenced, in order, retried, never blindly repeated."""

from typing import Any

import pytest
from sqlalchemy import update

from app.bot import deferring, lease, outbox, redrive, turns
from app.bot.channels.contract import Fault, Refused, Sent, Status, Uncertain
from app.bot.deferring import Deferred
from app.bot.models import Chat, Connection, Worker
from app.bot.outbox import Order
from tests.bot.conftest import Desk, inbound


def refused(fault: Fault, code: str = "131000", **more: Any) -> Refused:
    return Refused(fault, code, "no", **more)


def begun(desk: Desk, clock, *texts: str):
    desk.accept(inbound(1, clock))
    stored = desk.store(desk.claim().jobs[0], *(texts or ("yes",)))
    assert stored.order
    return stored.order


def test_a_chat_is_claimed_by_one_worker_at_a_time(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    assert len(desk.claim("w1").jobs) == 1
    assert desk.claim("w2").claimed == 0


def test_messages_of_a_chat_are_handled_in_order(desk: Desk, clock):
    desk.accept(*(inbound(n, clock) for n in range(4)))
    heard = []
    for _ in range(4):
        job = desk.claim().jobs[0]
        heard.append(job.message["text"])
        desk.complete(desk.store(job, "ok").order, Sent("x"))
    assert heard == [f"hello {n}" for n in range(4)]
    assert desk.claim().claimed == 0
    assert (desk.chat().pending, desk.chat().ready_at) == (0, None)


def test_the_key_of_a_send_is_the_same_for_the_same_turn(desk: Desk, clock):
    order = begun(desk, clock)
    assert order.key == turns.send_key("100", "wamid.15550001.1", 0)
    assert len(order.key) == 32


def test_a_worker_whose_lease_ran_out_stores_nothing(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    slow = desk.claim("w1").jobs[0]
    clock.pass_seconds(31)
    desk.claim("w2")
    assert desk.store(slow, "late").fenced
    assert desk.messages() == []


def test_a_silent_turn_lets_the_chat_go(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    stored = desk.store(desk.claim().jobs[0])
    assert (stored.order, stored.more) == (None, False)
    assert (desk.chat().lease_until, desk.chat().ready_at) == (0, None)


def test_replies_of_a_turn_go_one_after_the_other(desk: Desk, clock):
    order = begun(desk, clock, "one", "two", "three")
    assert [row.state for row in desk.messages()] == ["sending", "queued", "queued"]
    order = desk.complete(order, Sent("a")).order
    assert [row.state for row in desk.messages()] == ["sent", "sending", "queued"]
    order = desk.complete(order, Sent("b")).order
    assert order.content["text"] == "three"
    assert desk.complete(order, Sent("c")).order is None
    assert desk.chat().ready_at is None


@pytest.mark.parametrize("fault", [Fault.TRANSIENT, Fault.LIMIT])
def test_a_passing_refusal_is_tried_again_with_backoff_and_dead_after_eight(desk: Desk, clock, fault: Fault):
    order = begun(desk, clock)
    waits = []
    for attempt in range(1, 9):
        assert order.attempts == attempt
        desk.complete(order, refused(fault))
        if attempt < 8:
            waits.append(desk.chat().ready_at - clock())
            assert desk.claim().claimed == 0
            clock.now = desk.chat().ready_at
            order = desk.claim().orders[0]
    assert waits == [200, 400, 800, 1600, 3200, 6400, 12800]
    assert [(row.state, row.error_code) for row in desk.messages()] == [("dead", "131000")]
    assert desk.chat().ready_at is None or desk.claim().jobs == []


def test_retry_after_and_the_pair_limit_set_the_wait(desk: Desk, clock):
    order = begun(desk, clock)
    desk.complete(order, refused(Fault.LIMIT, retry_after=7.0))
    assert desk.chat().ready_at == clock() + 7_000
    clock.pass_seconds(7)
    desk.complete(desk.claim().orders[0], refused(Fault.LIMIT, "131056"))
    assert desk.chat().ready_at == clock() + 4_000


@pytest.mark.parametrize("fault", [Fault.NEVER, Fault.FIX])
def test_a_final_refusal_fails_the_message_and_the_chat_goes_on(desk: Desk, clock, fault: Fault):
    order = begun(desk, clock, "one", "two")
    following = desk.complete(order, refused(fault, "131026")).order
    assert following.content["text"] == "two"
    assert [row.state for row in desk.messages()] == ["failed", "sending"]


@pytest.mark.parametrize("fault", [Fault.TOKEN, Fault.ACCOUNT])
def test_an_account_problem_parks_the_connection_without_costing_a_try(desk: Desk, clock, fault: Fault):
    order = begun(desk, clock)
    done = desk.complete(order, refused(fault, "190"))
    assert done.parked == "no"
    row = desk.messages()[0]
    assert (row.state, row.attempts, row.next_at) == ("retry", 0, clock() + outbox.PARKED)
    desk.accept(inbound(5, clock, phone="15550002"))
    other = desk.claim().jobs[0]
    assert desk.store(other, "me too").order is None
    desk.change(lambda s: redrive.resume_connection(s, desk.connection_id, clock()))
    assert len(desk.claim().orders) == 2


def test_a_send_found_under_way_is_unknown_and_waits_for_its_status(desk: Desk, clock):
    order = begun(desk, clock)
    desk.accept(inbound(2, clock))
    clock.pass_seconds(31)
    assert (desk.claim("w2").orders, desk.messages()[0].state) == ([], "unknown")
    assert desk.claim("w2").claimed == 0
    applied = desk.accept(Status("wamid.9", "sent", clock(), order.key))
    assert applied.resolved
    desk.change(lambda s: s.execute(update(Chat).values(ready_at=clock())))
    assert desk.claim("w2").jobs[0].message["text"] == "hello 2"
    assert len(desk.messages()) == 1


def web_lives(desk: Desk, started: int, beat: int, name: str = "web:host:8000") -> None:
    row = {"name": name, "pid": 1, "version": "1", "started_at": started, "beat_at": beat, "in_flight": 0}
    desk.change(lambda s: s.merge(Worker(**row)))


def webhook_came(desk: Desk, at: int) -> None:
    desk.change(lambda s: s.execute(update(Connection).values(last_webhook_at=at)))


def unknown(desk: Desk, clock) -> Order:
    order = begun(desk, clock)
    desk.complete(order, Uncertain("time-out"))
    assert desk.messages()[0].state == "unknown"
    return order


def claimed_again(desk: Desk, clock) -> list[Order]:
    desk.change(lambda s: s.execute(update(Chat).values(ready_at=clock(), lease_until=0)))
    return desk.claim().orders


def test_an_unknown_send_is_repeated_after_grace_with_proof_of_intake(desk: Desk, clock):
    order, sent_at = unknown(desk, clock), clock()
    web_lives(desk, sent_at - 1, sent_at + 90_000)
    webhook_came(desk, sent_at + 1)
    clock.pass_seconds(89)
    assert claimed_again(desk, clock) == []
    clock.pass_seconds(2)
    again = claimed_again(desk, clock)[0]
    assert (again.key, again.attempts) == (order.key, 2)


def test_without_a_webhook_it_waits_three_times_as_long(desk: Desk, clock):
    unknown(desk, clock)
    sent_at = clock()
    clock.pass_seconds(269)
    web_lives(desk, sent_at - 1, clock())
    assert claimed_again(desk, clock) == []
    clock.pass_seconds(2)
    assert len(claimed_again(desk, clock)) == 1


@pytest.mark.parametrize(
    ("started", "beat"),
    [(None, None), (50_000, 100_000), (-1, 80_000)],
    ids=["no web process", "web restarted since", "web died since"],
)
def test_the_grace_period_counts_only_while_web_lives(desk: Desk, clock, started, beat):
    unknown(desk, clock)
    sent_at = clock()
    webhook_came(desk, sent_at + 1)
    if beat is not None:
        web_lives(desk, sent_at + started, sent_at + beat)
    clock.now = sent_at + (beat or 90_000) + 11_000
    assert claimed_again(desk, clock) == []
    assert desk.messages()[0].state == "unknown"


def test_every_living_web_process_must_have_lived_long_enough(desk: Desk, clock):
    unknown(desk, clock)
    sent_at = clock()
    clock.pass_seconds(95)
    webhook_came(desk, clock())
    web_lives(desk, sent_at - 1, clock(), "web:a:8000")
    web_lives(desk, sent_at + 60_000, clock(), "web:b:8000")
    assert claimed_again(desk, clock) == []
    clock.pass_seconds(60)
    web_lives(desk, sent_at - 1, clock(), "web:a:8000")
    web_lives(desk, sent_at + 60_000, clock(), "web:b:8000")
    assert len(claimed_again(desk, clock)) == 1


def test_an_unknown_send_is_held_where_the_connection_says_so(desk: Desk, clock):
    desk.change(lambda s: s.execute(update(Connection).values(on_unknown="hold", last_webhook_at=clock())))
    order = begun(desk, clock)
    desk.complete(order, Uncertain("time-out"))
    desk.accept(inbound(2, clock))
    clock.pass_seconds(91)
    assert len(desk.claim().jobs) == 1
    assert desk.messages()[0].state == "held"


def test_a_send_that_stays_unknown_is_held_after_three_tries(desk: Desk, clock):
    order, began = begun(desk, clock), clock()
    for _ in range(2):
        desk.complete(order, Uncertain("time-out"))
        clock.pass_seconds(91)
        web_lives(desk, began, clock())
        webhook_came(desk, clock())
        order = claimed_again(desk, clock)[0]
    desk.complete(order, Uncertain("time-out"))
    clock.pass_seconds(91)
    assert desk.claim().orders == []
    assert (desk.messages()[0].state, desk.messages()[0].attempts) == ("held", 3)


def test_the_outcome_of_a_slow_send_stands_although_its_lease_is_gone(desk: Desk, clock):
    order = begun(desk, clock)
    clock.pass_seconds(31)
    desk.claim("w2")
    desk.complete(order, Sent("wamid.9"))
    assert desk.messages()[0].state == "sent"


def test_a_late_refusal_of_an_earlier_try_changes_nothing(desk: Desk, clock):
    order = begun(desk, clock)
    desk.complete(order, refused(Fault.TRANSIENT))
    clock.pass_seconds(1)
    again = desk.claim().orders[0]
    desk.complete(order, refused(Fault.NEVER))
    assert desk.messages()[0].state == "sending"
    desk.complete(again, Sent("wamid.9"))
    assert desk.messages()[0].state == "sent"


def test_our_own_answer_never_overwrites_a_newer_status(desk: Desk, clock):
    order = begun(desk, clock)
    desk.accept(Status("wamid.9", "read", clock(), order.key))
    desk.complete(order, Sent("wamid.9"))
    assert desk.messages()[0].state == "read"


def test_outside_the_window_a_reply_fails_without_being_sent(desk: Desk, clock):
    order = begun(desk, clock, "one", "two")
    desk.complete(order, refused(Fault.LIMIT, retry_after=90_000.0))
    clock.pass_seconds(90_001)
    assert desk.claim().orders == []
    assert [(row.state, row.error_code) for row in desk.messages()] == [("failed", "131047")] * 2


def test_a_person_gets_a_burst_then_one_message_in_six_seconds(desk: Desk, clock):
    desk.change(lambda s: s.execute(update(Connection).values(pair_burst=2)))
    order = begun(desk, clock, "one", "two", "three", "four")
    order = desk.complete(order, Sent("a")).order
    assert desk.complete(order, Sent("b")).order is None
    assert desk.chat().ready_at == clock() + 6_000
    clock.pass_seconds(6)
    assert desk.claim().orders[0].content["text"] == "three"


def test_a_number_sends_no_faster_than_its_throughput(desk: Desk, clock):
    desk.change(lambda s: s.execute(update(Connection).values(messages_per_second=10)))
    orders = []
    for n in range(13):
        desk.accept(inbound(1, clock, phone=f"1555{n:04}"))
        orders.append(desk.store(desk.claim().jobs[0], "hi").order)
    # A quarter of a second's worth may go at once, then one every 100 ms; what is a second away is let go meanwhile.
    assert [order.wait for order in orders[:12]] == [0, 0, *range(50, 1000, 100)]
    assert orders[12] is None


def test_a_dead_message_can_be_sent_again_under_a_new_name(desk: Desk, clock):
    order = begun(desk, clock)
    desk.complete(order, refused(Fault.NEVER))
    message = desk.messages()[0]
    assert desk.change(lambda s: redrive.replay(s, message.id, clock()))
    again = desk.claim().orders[0]
    assert again.key != order.key
    desk.accept(Status("wamid.old", "delivered", clock(), order.key))
    desk.complete(again, Sent("wamid.9"))
    assert desk.messages()[0].state == "sent"
    assert not desk.change(lambda s: redrive.replay(s, message.id, clock()))


def test_a_turn_that_cannot_be_run_is_put_back_and_given_up_after_eight(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    for attempt in range(1, 9):
        job = desk.claim().jobs[0]
        late = Deferred(job.lease, job.message["id"], "an error of ours", clock())
        back = desk.database.writer.submit(deferring.defer, late).result()
        assert back.dead == (attempt == 8)
        clock.pass_seconds(100)
    assert [(row.state, row.error) for row in desk.messages("in")] == [("dead", "an error of ours")]
    assert desk.claim().claimed == 0


def test_leases_of_a_former_process_are_freed_at_start(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    desk.claim("host/0")
    assert desk.database.writer.run(lambda db: lease.release_owner(db, "host/0")) == 1
    assert len(desk.claim("host/0").jobs) == 1
