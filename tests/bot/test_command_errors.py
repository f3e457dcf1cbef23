"""Faults: grouped, counted, opened again; and the person named for a command is told, not too often."""

from typing import Any

import pytest
from sqlalchemy import select, update

from app.bot import command_errors
from app.bot.command_errors import FailureContext, compute_fingerprint
from app.bot.models import Chat, CommandError, Connection, Contact, Message
from app.bot.turns.state_changes import StateChanges
from app.bot.worker import alerts
from app.brains.sandbox.types import SandboxError as Problem
from app.channels.contract import SendSuccess
from tests.bot.conftest import Pipeline, build_inbound

DOCUMENT: dict[str, Any] = {"brain": "shop", "title": "Shop", "commands": [{"id": "c1", "name": "order"}]}
TOLD = "233200000001"


@pytest.fixture
def brain_id(pipeline: Pipeline) -> int:
    return pipeline.create_brain(DOCUMENT)


def fail_command(
    pipeline: Pipeline, brain_id: int, number: int, message: str = "No item 7.", **more: Any
) -> None:
    pipeline.ingest(build_inbound(number, pipeline.clock))
    job = pipeline.claim().jobs[0]
    facts = {"notify_to": None, **more}
    case = FailureContext(
        brain_id,
        "c1",
        1,
        job.message["id"],
        job.lease.chat_id,
        pipeline.connection_id,
        pipeline.clock(),
        **facts,
    )
    problem = Problem("error", message, "Look at the list.", 3, 5, excerpt=("2: a", "3: b", "4: c"))
    pipeline.commit(job, state_changes=StateChanges(failure_context=case, error=problem))


def list_errors(pipeline: Pipeline, *, settled: bool = False) -> list[CommandError]:
    with pipeline.database.read() as session:
        return command_errors.list_errors(session, settled=settled)


def send_alerts(pipeline: Pipeline) -> set[int]:
    return pipeline.database.writer.submit(alerts.send_due, pipeline.clock()).result()


def list_alerts(pipeline: Pipeline) -> list[Message]:
    with pipeline.database.read() as session:
        query = (
            select(Message)
            .join(Chat, Chat.id == Message.chat_id)
            .join(Contact, Contact.id == Chat.contact_id)
        )
        return list(session.scalars(query.where(Contact.phone == TOLD, Message.direction == "out")))


def test_numbers_and_quoted_words_do_not_make_another_command_error(pipeline: Pipeline, clock, brain_id: int):
    fail_command(pipeline, brain_id, 1, "No item 7 for “Ada”.")
    clock.pass_seconds(5)
    fail_command(pipeline, brain_id, 2, "No item 12 for “Kofi”.")
    (fault,) = list_errors(pipeline)
    assert (fault.count, fault.message) == (2, "No item 12 for “Kofi”.")
    assert fault.last_at - fault.first_at == 5_000
    assert (fault.line, fault.excerpt) == (3, ["2: a", "3: b", "4: c"])
    fail_command(pipeline, brain_id, 3, "Something else.")
    assert len(list_errors(pipeline)) == 2


def test_a_fingerprint_depends_on_kind_line_and_words():
    names = {
        compute_fingerprint(kind, words, line)
        for kind in ("error", "time")
        for words in ("a", "b")
        for line in (1, 2)
    }
    assert len(names) == 8


def test_resolved_errors_leave_the_list_until_they_happen_again(pipeline: Pipeline, clock, brain_id: int):
    fail_command(pipeline, brain_id, 1)
    fault = list_errors(pipeline)[0]
    assert not pipeline.write(lambda s: command_errors.settle(s, brain_id + 1, fault.id, clock()))
    assert pipeline.write(lambda s: command_errors.settle(s, brain_id, fault.id, clock()))
    assert not pipeline.write(lambda s: command_errors.settle(s, brain_id, fault.id, clock()))
    assert list_errors(pipeline) == []
    assert len(list_errors(pipeline, settled=True)) == 1
    assert pipeline.write(lambda s: command_errors.reopen(s, brain_id, fault.id))
    assert len(list_errors(pipeline)) == 1
    pipeline.write(lambda s: command_errors.settle(s, brain_id, fault.id, clock()))
    fail_command(pipeline, brain_id, 2)
    assert [f.count for f in list_errors(pipeline)] == [2]


def test_figures_by_command(pipeline: Pipeline, brain_id: int):
    fail_command(pipeline, brain_id, 1, "a")
    fail_command(pipeline, brain_id, 2, "b")
    with pipeline.database.read() as session:
        assert command_errors.count_by_command(session, brain_id) == {"c1": 2}
        assert command_errors.find_latest_by_command(session, brain_id)["c1"].message == "b"


def test_the_named_person_is_alerted_once_an_hour(pipeline: Pipeline, clock, brain_id: int):
    fail_command(pipeline, brain_id, 1, notify_to=f"+{TOLD}")
    (chat_id,) = send_alerts(pipeline)
    (alert,) = list_alerts(pipeline)
    assert (alert.chat_id, alert.state, alert.author) == (chat_id, "queued", "brain")
    assert alert.text.splitlines() == [
        "The command “order” of “Shop” failed (line 3): No item 7.",
        "Look at the list.",
        "This is the first time.",
    ]
    clock.pass_seconds(3_500)
    fail_command(pipeline, brain_id, 2, notify_to=f"+{TOLD}")
    assert send_alerts(pipeline) == set()
    clock.pass_seconds(200)
    fail_command(pipeline, brain_id, 3, notify_to=f"+{TOLD}")
    send_alerts(pipeline)
    assert [m.text.splitlines()[-1] for m in list_alerts(pipeline)] == [
        "This is the first time.",
        "So far 3 times.",
    ]


def test_an_alert_goes_out_like_any_message(pipeline: Pipeline, clock, brain_id: int):
    pipeline.ingest(build_inbound(0, clock, TOLD))
    pipeline.commit(pipeline.claim().jobs[0])
    fail_command(pipeline, brain_id, 1, notify_to=TOLD)
    send_alerts(pipeline)
    (order,) = pipeline.claim().send_jobs
    assert order.outbound.content["text"].startswith("The command “order”")
    assert pipeline.complete(order, SendSuccess("wamid.alert")).send_job is None
    assert list_alerts(pipeline)[0].state == "sent"
    assert pipeline.claim().claimed_count == 1
    assert pipeline.claim().claimed_count == 0


def test_a_chat_that_is_being_served_gets_its_alert_afterwards(pipeline: Pipeline, clock, brain_id: int):
    pipeline.ingest(build_inbound(0, clock, TOLD))
    busy = pipeline.claim().jobs[0]
    fail_command(pipeline, brain_id, 1, notify_to=TOLD)
    assert send_alerts(pipeline) == set()
    pipeline.commit(busy)
    assert len(send_alerts(pipeline)) == 1
    assert len(list_alerts(pipeline)) == 1


def test_no_alert_goes_through_a_connection_that_is_gone(pipeline: Pipeline, clock, brain_id: int):
    fail_command(pipeline, brain_id, 1, notify_to=TOLD)
    pipeline.write(lambda s: s.execute(update(Connection).values(archived_at=clock())))
    assert send_alerts(pipeline) == set()
    assert [fault.notify_to for fault in list_errors(pipeline)] == [None]


def test_two_workers_send_an_alert_once(pipeline: Pipeline, brain_id: int):
    fail_command(pipeline, brain_id, 1, notify_to=TOLD)
    pipeline.database.writer.run(
        lambda db: (alerts.send_due(db, [pipeline.clock()]), alerts.send_due(db, [pipeline.clock()]))
    )
    assert len(list_alerts(pipeline)) == 1


@pytest.mark.parametrize(
    ("address", "phone", "user_id"),
    [
        ("+233 20-000", "23320000", None),
        ("23320", "23320", None),
        ("US.134912", None, "US.134912"),
    ],
)
def test_addresses_are_phones_or_user_ids(address: str, phone: str | None, user_id: str | None):
    person = alerts.parse_address(address)
    assert (person.phone, person.user_id) == (phone, user_id)


def test_old_command_errors_are_deleted(pipeline: Pipeline, clock, brain_id: int):
    fail_command(pipeline, brain_id, 1)
    clock.now += command_errors.RETENTION_MS + 1
    pipeline.database.writer.run(lambda db: command_errors.delete_expired(db, clock()))
    assert list_errors(pipeline) == []
