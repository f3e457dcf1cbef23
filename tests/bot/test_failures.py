"""The failure desk: every code in one class, sent again once, settled, set aside, in batches that end."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from app.bot import errands, failures, redrive
from app.bot.causes import BY_CODE, CAUSES, cause_of
from app.bot.channels.cloud.codes import CODES, RANGES
from app.bot.channels.contract import Fault, Refused, Sent, Status, Uncertain
from app.bot.errands import Asked, NothingToDo
from app.bot.failures import Wish
from app.bot.models import Attempt, Chat, Connection, Errand, Message
from app.bot.redrive import By
from tests.bot.conftest import Desk, inbound

KNOWN = [str(code) for code in CODES]
FAMILIES = [str(number) for family, _ in RANGES for number in (family[0], family[-1])]


def failed(desk: Desk, clock: Any, number: int, code: str = "131026", phone: str = "15550001") -> int:
    """Take a message, answer it and have the answer refused for good; returns the answer's id."""
    desk.accept(inbound(number, clock, phone=phone))
    stored = desk.store(desk.claim().jobs[0], f"answer {number}")
    assert stored.order
    desk.complete(stored.order, Refused(Fault.NEVER, code, f"refused with {code}"))
    return desk.messages()[-1].id


def grouped(desk: Desk, wish: Wish | None = None) -> dict[str, int]:
    with desk.database.read() as session:
        return {each.cause.id: each.count for each in failures.groups(session, wish or Wish())}


def listed(desk: Desk, cause_id: str, wish: Wish | None = None, **more: Any) -> list[int]:
    wish = wish or Wish()
    with desk.database.read() as session:
        group = next(each for each in failures.groups(session, wish) if each.cause.id == cause_id)
        return [line.message.id for line in failures.page(session, wish, group, **more).lines]


def waiting(desk: Desk) -> int:
    with desk.database.read() as session:
        return failures.waiting(session)


@pytest.fixture
def errand(desk: Desk, clock) -> Callable[..., Errand]:
    """Have something done with many messages, to its end."""

    def run(asked: Asked) -> Errand:
        begun = desk.change(lambda s: errands.begin(s, asked, clock()))
        while True:
            desk.change(lambda s: errands.advance(s, clock()))
            with desk.database.read() as session:
                found = session.get_one(Errand, begun.id)
            if found.ended_at is not None:
                return found

    return run


@pytest.mark.parametrize("code", [*KNOWN, *FAMILIES])
def test_every_code_of_whatsapp_has_a_class_of_its_own(code: str):
    assert cause_of("failed", code).id not in {"other", "unknown", "held"}


@pytest.mark.parametrize("code", KNOWN)
def test_what_parks_a_connection_is_in_a_class_that_waits_for_its_repair(code: str):
    fault, _ = CODES[int(code)]
    assert cause_of("retry", code).parks == (fault in {Fault.TOKEN, Fault.ACCOUNT})


def test_every_class_says_what_it_is_and_what_helps():
    assert set(BY_CODE.values()) <= set(CAUSES)
    for cause in CAUSES.values():
        assert all((cause.title, cause.words, cause.action, cause.door))
    assert cause_of("failed", "999999").id == cause_of("dead", None).id == "other"
    assert cause_of("dead", "http_503").id == "meta_down"
    assert cause_of("held", "unknown").id == "held"
    assert cause_of("unknown", "unknown").id == "unknown"


def test_failures_are_grouped_and_those_that_need_nobody_are_not_counted_in_the_menu(desk: Desk, clock):
    failed(desk, clock, 1)
    failed(desk, clock, 2)
    failed(desk, clock, 3, "131053")
    failed(desk, clock, 4, "777")
    desk.accept(inbound(5, clock))
    order = desk.store(desk.claim().jobs[0], "lost").order
    assert order
    desk.complete(order, Uncertain("The connection broke."))
    assert grouped(desk) == {"file": 1, "unreachable_person": 2, "other": 1, "unknown": 1}
    assert waiting(desk) == 4


def test_a_refusal_that_is_tried_again_by_itself_is_no_failure(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    order = desk.store(desk.claim().jobs[0], "yes").order
    assert order
    desk.complete(order, Refused(Fault.TRANSIENT, "131000", "no"))
    assert (grouped(desk), waiting(desk)) == ({}, 0)


def test_what_waits_for_a_token_is_on_the_desk_until_it_is_taken(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    order = desk.store(desk.claim().jobs[0], "yes").order
    assert order
    desk.complete(order, Refused(Fault.TOKEN, "190", "expired"))
    assert (grouped(desk), waiting(desk)) == ({"token": 1}, 1)
    (row,) = desk.messages()
    key = row.key
    # Still parked: what is sent again waits for the repair, under its own name.
    assert desk.change(lambda s: redrive.replay(s, row.id, clock()))
    assert desk.claim().orders == []
    assert grouped(desk) == {"token": 1}
    desk.change(lambda s: s.execute(update(Connection).values(parked_until=0)))
    assert desk.change(lambda s: redrive.replay(s, row.id, clock()))
    (order,) = desk.claim().orders
    assert order.key == key
    desk.complete(order, Sent("wamid.ok"))
    assert (grouped(desk), waiting(desk)) == ({}, 0)


def test_filters_and_pages_find_their_failures(desk: Desk, clock):
    ids = [failed(desk, clock, number) for number in range(5)]
    clock.pass_seconds(7200)
    late = failed(desk, clock, 9, "131053")
    assert grouped(desk, Wish(since=clock() - 3_600_000)) == {"file": 1}
    assert grouped(desk, Wish(connection_id=desk.connection_id + 1)) == {}
    assert listed(desk, "file", Wish(connection_id=desk.connection_id)) == [late]
    assert listed(desk, "unreachable_person", limit=2) == ids[:2:-1]
    assert listed(desk, "unreachable_person", before=ids[3], limit=2) == [ids[2], ids[1]]


def test_a_message_sent_again_twice_goes_once(desk: Desk, clock):
    row = failed(desk, clock, 1)
    assert desk.change(lambda s: redrive.replay(s, row, clock()))
    assert not desk.change(lambda s: redrive.replay(s, row, clock()))
    (order,) = desk.claim().orders
    assert not desk.change(lambda s: redrive.replay(s, row, clock()))
    desk.complete(order, Sent("wamid.1"))
    assert not desk.change(lambda s: redrive.replay(s, row, clock()))
    while desk.claim().claimed:
        pass
    assert desk.messages()[0].state == "sent"
    assert (desk.chat().pending, desk.chat().ready_at) == (0, None)


@pytest.mark.parametrize("result", [Sent("wamid.2"), Refused(Fault.NEVER, "131026", "no")])
def test_what_is_sent_again_while_another_send_is_under_way_is_not_forgotten(desk: Desk, clock, result: Any):
    row = failed(desk, clock, 1)
    desk.accept(inbound(2, clock))
    order = desk.store(desk.claim().jobs[0], "second").order
    assert order
    assert desk.change(lambda s: redrive.replay(s, row, clock()))
    desk.complete(order, result)
    (again,) = desk.claim().orders
    assert again.content["text"] == "answer 1"
    desk.complete(again, Sent("wamid.3"))
    while desk.claim().claimed:
        pass
    assert (desk.chat().pending, desk.chat().ready_at) == (0, None)


def test_a_held_send_is_settled_either_way_and_the_chat_goes_on(desk: Desk, clock):
    ids = []
    for number in (1, 2):
        desk.accept(inbound(number, clock, phone=f"1555000{number}"))
        order = desk.store(desk.claim().jobs[0], "yes").order
        assert order
        desk.complete(order, Uncertain("lost"))
        ids.append(desk.messages()[-1].id)
    desk.change(lambda s: redrive.settle(s, ids[0], clock(), arrived=True))
    desk.change(lambda s: redrive.settle(s, ids[1], clock(), arrived=False))
    assert not desk.change(lambda s: redrive.settle(s, ids[1], clock(), arrived=True))
    assert [(row.state, row.error_code) for row in desk.messages()] == [("sent", None), ("failed", "settled")]
    assert grouped(desk) == {}
    # A receipt that comes after all tells more than the operator did.
    desk.accept(Status("wamid.9", "delivered", clock(), desk.messages()[1].key))
    assert desk.messages()[1].state == "delivered"
    desk.accept(inbound(3, clock, phone="15550002"))
    assert desk.claim().jobs[0].message["text"] == "hello 3"


def test_what_is_set_aside_is_kept_apart_and_comes_back_together(desk: Desk, clock, errand):
    first = [failed(desk, clock, number) for number in range(3)]
    done = errand(Asked("aside", "unreachable_person", ids=first[:2]))
    assert (done.done, grouped(desk), waiting(desk)) == (2, {"unreachable_person": 1}, 1)
    assert listed(desk, "unreachable_person", Wish(aside=True)) == [first[1], first[0]]
    assert desk.messages()[0].state == "failed"
    clock.pass_seconds(1)
    assert desk.change(lambda s: errands.undo(s, done.id, None, clock()))
    desk.change(lambda s: errands.advance(s, clock()))
    assert grouped(desk) == {"unreachable_person": 3}
    assert desk.change(lambda s: errands.undo(s, done.id, None, clock())) is None


def test_all_of_a_cause_are_sent_again_in_batches_and_later_ones_are_left(
    desk: Desk, clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(errands, "BATCH", 2)
    ids = [failed(desk, clock, n, code="131000", phone=f"1555{n:04}") for n in range(5)]
    other = failed(desk, clock, 90, "131053", phone="15559999")
    begun = desk.change(lambda s: errands.begin(s, Asked("again", "meta_down"), clock()))
    late = failed(desk, clock, 91, "131000", phone="15559998")
    seen = []
    while desk.change(lambda s: errands.advance(s, clock())):
        with desk.database.read() as session:
            seen.append(session.get_one(Errand, begun.id).seen)
    assert seen == [2, 4, 5]
    orders = desk.claim().orders
    assert len(orders) == 5
    for order in orders[:4]:
        desk.complete(order, Sent(f"wamid.{order.key}"))
    desk.complete(orders[4], Refused(Fault.NEVER, "131026", "no"))
    with desk.database.read() as session:
        (progress,) = errands.recent(session, clock())
    assert (progress.taken, progress.failed, progress.waiting) == (4, 1, 0)
    assert grouped(desk) == {"unreachable_person": 1, "file": 1, "meta_down": 1}
    assert listed(desk, "meta_down") == [late]
    assert listed(desk, "file") == [other]
    assert set(listed(desk, "unreachable_person")) < set(ids)


def test_an_errand_that_is_cancelled_leaves_the_rest(desk: Desk, clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(errands, "BATCH", 1)
    for n in range(3):
        failed(desk, clock, n, phone=f"1555{n:04}")
    begun = desk.change(lambda s: errands.begin(s, Asked("aside", "unreachable_person"), clock()))
    desk.change(lambda s: errands.advance(s, clock()))
    assert desk.change(lambda s: errands.cancel(s, begun.id, clock()))
    assert not desk.change(lambda s: errands.cancel(s, begun.id, clock()))
    assert desk.change(lambda s: errands.advance(s, clock())) == set()
    assert grouped(desk) == {"unreachable_person": 2}


def test_an_errand_without_messages_is_refused(desk: Desk, clock):
    with pytest.raises(NothingToDo):
        desk.change(lambda s: errands.begin(s, Asked("again", "token"), clock()))


def test_tries_that_failed_are_on_record_and_a_first_success_is_not(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    desk.answer()
    with desk.database.read() as session:
        assert session.scalars(select(Attempt)).all() == []
    desk.accept(inbound(2, clock))
    order = desk.store(desk.claim().jobs[0], "yes").order
    assert order
    desk.complete(order, Refused(Fault.TRANSIENT, "131000", "busy"))
    clock.pass_seconds(5)
    desk.complete(desk.claim().orders[0], Sent("wamid.8"))
    with desk.database.read() as session:
        rows = session.scalars(select(Attempt).order_by(Attempt.id)).all()
    assert [(row.number, row.outcome, row.error_code) for row in rows] == [
        (1, "refused", "131000"),
        (2, "sent", None),
    ]


def test_receipts_that_change_nothing_are_counted(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    order = desk.answer()
    told = Status(f"wamid.out.{order.key}", "delivered", clock(), order.key)
    for _ in range(3):
        desk.accept(told)
    desk.accept(Status(f"wamid.out.{order.key}", "sent", clock(), order.key))
    assert desk.messages()[0].repeats == 2


def test_what_an_operator_did_is_on_record_with_the_reason_it_had(desk: Desk, clock):
    row = failed(desk, clock, 1)
    desk.change(lambda s: redrive.replay(s, row, clock(), By()))
    with desk.database.read() as session:
        last = session.scalars(select(Attempt).order_by(Attempt.id.desc())).first()
    assert last
    assert (last.outcome, last.error_code, last.message_id) == ("again", "131026", row)


def test_a_dead_inbound_message_is_on_the_desk_and_handled_again(desk: Desk, clock):
    desk.accept(inbound(1, clock))
    desk.change(
        lambda s: s.execute(update(Message).values(state="dead", error_code="turn", error="It broke."))
    )
    desk.change(lambda s: s.execute(update(Chat).values(pending=0, ready_at=None)))
    assert grouped(desk) == {"brain": 1}
    assert desk.change(lambda s: redrive.replay(s, 1, clock()))
    assert desk.claim().jobs[0].message["text"] == "hello 1"
