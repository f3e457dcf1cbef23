"""Faults: grouped, counted, opened again; and the person named for a command is told, not too often."""

from typing import Any

import pytest
from sqlalchemy import select, update

from app.bot import alerts, faults
from app.bot.channels.contract import Sent
from app.bot.faults import Case, fingerprint
from app.bot.models import Chat, Connection, Contact, Fault, Message
from app.bot.turns import Lasting
from app.brains.sandbox.wire import Fault as Problem
from tests.bot.conftest import Desk, inbound

DOCUMENT: dict[str, Any] = {"brain": "shop", "title": "Shop", "commands": [{"id": "c1", "name": "order"}]}
TOLD = "233200000001"


@pytest.fixture
def brain_id(desk: Desk) -> int:
    return desk.make_brain(DOCUMENT)


def fail(desk: Desk, brain_id: int, number: int, message: str = "No item 7.", **more: Any) -> None:
    desk.accept(inbound(number, desk.clock))
    job = desk.claim().jobs[0]
    facts = {"tell_to": None, **more}
    case = Case(
        brain_id, "c1", 1, job.message["id"], job.lease.chat_id, desk.connection_id, desk.clock(), **facts
    )
    problem = Problem("error", message, "Look at the list.", 3, 5, excerpt=("2: a", "3: b", "4: c"))
    desk.store(job, lasting=Lasting(case=case, problem=problem))


def listed(desk: Desk, *, settled: bool = False) -> list[Fault]:
    with desk.database.read() as session:
        return faults.list_faults(session, settled=settled)


def tell(desk: Desk) -> set[int]:
    return desk.database.writer.submit(alerts.send_due, desk.clock()).result()


def alerts_sent(desk: Desk) -> list[Message]:
    with desk.database.read() as session:
        query = (
            select(Message)
            .join(Chat, Chat.id == Message.chat_id)
            .join(Contact, Contact.id == Chat.contact_id)
        )
        return list(session.scalars(query.where(Contact.phone == TOLD, Message.direction == "out")))


def test_numbers_and_quoted_words_do_not_make_another_fault(desk: Desk, clock, brain_id: int):
    fail(desk, brain_id, 1, "No item 7 for “Ada”.")
    clock.pass_seconds(5)
    fail(desk, brain_id, 2, "No item 12 for “Kofi”.")
    (fault,) = listed(desk)
    assert (fault.count, fault.message) == (2, "No item 12 for “Kofi”.")
    assert fault.last_at - fault.first_at == 5_000
    assert (fault.line, fault.excerpt) == (3, ["2: a", "3: b", "4: c"])
    fail(desk, brain_id, 3, "Something else.")
    assert len(listed(desk)) == 2


def test_a_fingerprint_depends_on_kind_line_and_words():
    names = {
        fingerprint(kind, words, line)
        for kind in ("error", "time")
        for words in ("a", "b")
        for line in (1, 2)
    }
    assert len(names) == 8


def test_settled_faults_are_out_of_the_list_until_they_happen_again(desk: Desk, clock, brain_id: int):
    fail(desk, brain_id, 1)
    fault = listed(desk)[0]
    assert not desk.change(lambda s: faults.settle(s, brain_id + 1, fault.id, clock()))
    assert desk.change(lambda s: faults.settle(s, brain_id, fault.id, clock()))
    assert not desk.change(lambda s: faults.settle(s, brain_id, fault.id, clock()))
    assert listed(desk) == []
    assert len(listed(desk, settled=True)) == 1
    assert desk.change(lambda s: faults.reopen(s, brain_id, fault.id))
    assert len(listed(desk)) == 1
    desk.change(lambda s: faults.settle(s, brain_id, fault.id, clock()))
    fail(desk, brain_id, 2)
    assert [f.count for f in listed(desk)] == [2]


def test_figures_by_command(desk: Desk, brain_id: int):
    fail(desk, brain_id, 1, "a")
    fail(desk, brain_id, 2, "b")
    with desk.database.read() as session:
        assert faults.count_by_command(session, brain_id) == {"c1": 2}
        assert faults.latest_by_command(session, brain_id)["c1"].message == "b"


def test_the_named_person_is_told_once_an_hour(desk: Desk, clock, brain_id: int):
    fail(desk, brain_id, 1, tell_to=f"+{TOLD}")
    (chat_id,) = tell(desk)
    (alert,) = alerts_sent(desk)
    assert (alert.chat_id, alert.state, alert.author) == (chat_id, "queued", "brain")
    assert alert.text.splitlines() == [
        "The command “order” of “Shop” failed (line 3): No item 7.",
        "Look at the list.",
        "This is the first time.",
    ]
    clock.pass_seconds(3_500)
    fail(desk, brain_id, 2, tell_to=f"+{TOLD}")
    assert tell(desk) == set()
    clock.pass_seconds(200)
    fail(desk, brain_id, 3, tell_to=f"+{TOLD}")
    tell(desk)
    assert [m.text.splitlines()[-1] for m in alerts_sent(desk)] == [
        "This is the first time.",
        "So far 3 times.",
    ]


def test_an_alert_goes_out_like_any_message(desk: Desk, clock, brain_id: int):
    desk.accept(inbound(0, clock, TOLD))
    desk.store(desk.claim().jobs[0])
    fail(desk, brain_id, 1, tell_to=TOLD)
    tell(desk)
    (order,) = desk.claim().orders
    assert order.content["text"].startswith("The command “order”")
    assert desk.complete(order, Sent("wamid.alert")).order is None
    assert alerts_sent(desk)[0].state == "sent"
    assert desk.claim().claimed == 1
    assert desk.claim().claimed == 0


def test_a_chat_that_is_being_served_gets_its_alert_afterwards(desk: Desk, clock, brain_id: int):
    desk.accept(inbound(0, clock, TOLD))
    busy = desk.claim().jobs[0]
    fail(desk, brain_id, 1, tell_to=TOLD)
    assert tell(desk) == set()
    desk.store(busy)
    assert len(tell(desk)) == 1
    assert len(alerts_sent(desk)) == 1


def test_nobody_is_told_through_a_connection_that_is_gone(desk: Desk, clock, brain_id: int):
    fail(desk, brain_id, 1, tell_to=TOLD)
    desk.change(lambda s: s.execute(update(Connection).values(archived_at=clock())))
    assert tell(desk) == set()
    assert [fault.tell_to for fault in listed(desk)] == [None]


def test_two_workers_tell_once(desk: Desk, brain_id: int):
    fail(desk, brain_id, 1, tell_to=TOLD)
    desk.database.writer.run(
        lambda db: (alerts.send_due(db, [desk.clock()]), alerts.send_due(db, [desk.clock()]))
    )
    assert len(alerts_sent(desk)) == 1


@pytest.mark.parametrize(
    ("address", "phone", "user_id"),
    [
        ("+233 20-000", "23320000", None),
        ("23320", "23320", None),
        ("US.134912", None, "US.134912"),
    ],
)
def test_addresses_are_phones_or_user_ids(address: str, phone: str | None, user_id: str | None):
    person = alerts.person_of(address)
    assert (person.phone, person.user_id) == (phone, user_id)


def test_old_faults_are_forgotten(desk: Desk, clock, brain_id: int):
    fail(desk, brain_id, 1)
    clock.now += faults.KEPT + 1
    desk.database.writer.run(lambda db: faults.forget(db, clock()))
    assert listed(desk) == []
