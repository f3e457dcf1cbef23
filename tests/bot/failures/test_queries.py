"""Failures: every code in one class, sent again once, settled, dismissed, in batches that end."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from app.bot.failures import bulk_actions, queries, redrive
from app.bot.failures.bulk_actions import BulkActionRequest, EmptyBulkActionError
from app.bot.failures.catalog import CATALOGS, CAUSES
from app.bot.failures.causes import classify_failure
from app.bot.failures.queries import FailureFilter
from app.bot.failures.redrive import Actor
from app.bot.models import Attempt, BulkAction, Chat, Connection, Message
from app.channels.cloud.error_codes import CODES, RANGES
from app.channels.contract import RefusalClass, SendRefusal, SendSuccess, Status, UnknownOutcome
from tests.bot.conftest import Pipeline, build_inbound

KNOWN = [str(code) for code in CODES]
FAMILIES = [str(number) for family, _ in RANGES for number in (family[0], family[-1])]


def fail_answer(
    pipeline: Pipeline, clock: Any, number: int, code: str = "131026", phone: str = "15550001"
) -> int:
    """Take a message, answer it and have the answer refused for good; returns the answer's id."""
    pipeline.ingest(build_inbound(number, clock, phone=phone))
    stored = pipeline.commit(pipeline.claim().jobs[0], f"answer {number}")
    assert stored.send_job
    pipeline.complete(stored.send_job, SendRefusal(RefusalClass.NEVER, code, f"refused with {code}"))
    return pipeline.list_messages()[-1].id


def count_by_cause(pipeline: Pipeline, filters: FailureFilter | None = None) -> dict[str, int]:
    with pipeline.database.read() as session:
        return {
            each.cause.id: each.count for each in queries.list_groups(session, filters or FailureFilter())
        }


def list_ids(
    pipeline: Pipeline, cause_id: str, filters: FailureFilter | None = None, **more: Any
) -> list[int]:
    filters = filters or FailureFilter()
    with pipeline.database.read() as session:
        group = next(each for each in queries.list_groups(session, filters) if each.cause.id == cause_id)
        return [line.message.id for line in queries.load_page(session, filters, group, **more).items]


def count_open(pipeline: Pipeline) -> int:
    with pipeline.database.read() as session:
        return queries.count_open(session)


@pytest.fixture
def run_bulk_action(pipeline: Pipeline, clock) -> Callable[..., BulkAction]:
    """Have something done with many messages, to its end."""

    def run(asked: BulkActionRequest) -> BulkAction:
        begun = pipeline.write(lambda s: bulk_actions.create(s, asked, clock()))
        while True:
            pipeline.write(lambda s: bulk_actions.run_next(s, clock()))
            with pipeline.database.read() as session:
                found = session.get_one(BulkAction, begun.id)
            if found.ended_at is not None:
                return found

    return run


@pytest.mark.parametrize("code", [*KNOWN, *FAMILIES])
def test_every_code_of_whatsapp_has_a_class_of_its_own(code: str):
    assert classify_failure("failed", code).id not in {"other", "unknown", "held"}


@pytest.mark.parametrize("code", KNOWN)
def test_what_parks_a_connection_is_in_a_class_that_waits_for_its_repair(code: str):
    assert classify_failure("retry", code).needs_connection_repair == (
        CODES[int(code)].refusal_class in {RefusalClass.TOKEN, RefusalClass.ACCOUNT}
    )


def test_every_class_says_what_it_is_and_what_helps():
    for catalog in CATALOGS:
        families = {cause for _, cause in catalog.by_range}
        assert {*catalog.by_code.values(), *catalog.by_prefix.values(), *families} <= set(CAUSES)
    for cause in CAUSES.values():
        assert all((cause.title, cause.description, cause.remedy, cause.remedy_target))
    assert classify_failure("failed", "999999").id == classify_failure("dead", None).id == "other"
    assert classify_failure("dead", "http_503").id == "meta_down"
    assert classify_failure("held", "unknown").id == "held"
    assert classify_failure("unknown", "unknown").id == "unknown"


def test_failures_are_grouped_and_those_that_need_nobody_are_not_counted_in_the_menu(
    pipeline: Pipeline, clock
):
    fail_answer(pipeline, clock, 1)
    fail_answer(pipeline, clock, 2)
    fail_answer(pipeline, clock, 3, "131053")
    fail_answer(pipeline, clock, 4, "777")
    pipeline.ingest(build_inbound(5, clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "lost").send_job
    assert order
    pipeline.complete(order, UnknownOutcome("The connection broke."))
    assert count_by_cause(pipeline) == {"file": 1, "unreachable_person": 2, "other": 1, "unknown": 1}
    assert count_open(pipeline) == 4


def test_the_sum_of_the_page_is_the_number_of_the_menu(pipeline: Pipeline, clock):
    fail_answer(pipeline, clock, 1)
    results: list[SendRefusal | UnknownOutcome] = [
        SendRefusal(RefusalClass.TRANSIENT, "131000", "It is tried again by itself."),
        UnknownOutcome("It waits for a receipt."),
        # The last: it pauses the connection.
        SendRefusal(RefusalClass.TOKEN, "190", "It waits for a repair."),
    ]
    for number, result in enumerate(results, start=2):
        pipeline.ingest(build_inbound(number, clock, phone=f"1555000{number}"))
        order = pipeline.commit(pipeline.claim().jobs[0], "yes").send_job
        assert order
        pipeline.complete(order, result)
    with pipeline.database.read() as session:
        assert queries.sum_failures(queries.list_groups(session, FailureFilter())) == 2
    assert count_open(pipeline) == 2


def test_a_refusal_that_is_tried_again_by_itself_is_no_failure(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "yes").send_job
    assert order
    pipeline.complete(order, SendRefusal(RefusalClass.TRANSIENT, "131000", "no"))
    assert (count_by_cause(pipeline), count_open(pipeline)) == ({}, 0)


def test_what_waits_for_a_token_is_listed_as_failed_until_it_is_claimed(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "yes").send_job
    assert order
    pipeline.complete(order, SendRefusal(RefusalClass.TOKEN, "190", "expired"))
    assert (count_by_cause(pipeline), count_open(pipeline)) == ({"token": 1}, 1)
    (row,) = pipeline.list_messages()
    key = row.key
    # Still parked: what is sent again waits for the repair, under its own name.
    assert pipeline.write(lambda s: redrive.retry(s, row.id, clock()))
    assert pipeline.claim().send_jobs == []
    assert count_by_cause(pipeline) == {"token": 1}
    pipeline.write(lambda s: s.execute(update(Connection).values(parked_until=0)))
    assert pipeline.write(lambda s: redrive.retry(s, row.id, clock()))
    (order,) = pipeline.claim().send_jobs
    assert order.key == key
    pipeline.complete(order, SendSuccess("wamid.ok"))
    assert (count_by_cause(pipeline), count_open(pipeline)) == ({}, 0)


def test_filters_and_pages_find_their_failures(pipeline: Pipeline, clock):
    ids = [fail_answer(pipeline, clock, number) for number in range(5)]
    clock.pass_seconds(7200)
    late = fail_answer(pipeline, clock, 9, "131053")
    assert count_by_cause(pipeline, FailureFilter(since=clock() - 3_600_000)) == {"file": 1}
    assert count_by_cause(pipeline, FailureFilter(connection_id=pipeline.connection_id + 1)) == {}
    assert list_ids(pipeline, "file", FailureFilter(connection_id=pipeline.connection_id)) == [late]
    assert list_ids(pipeline, "unreachable_person", limit=2) == ids[:2:-1]
    assert list_ids(pipeline, "unreachable_person", before=ids[3], limit=2) == [ids[2], ids[1]]


def test_a_message_sent_again_twice_goes_once(pipeline: Pipeline, clock):
    row = fail_answer(pipeline, clock, 1)
    assert pipeline.write(lambda s: redrive.retry(s, row, clock()))
    assert not pipeline.write(lambda s: redrive.retry(s, row, clock()))
    (order,) = pipeline.claim().send_jobs
    assert not pipeline.write(lambda s: redrive.retry(s, row, clock()))
    pipeline.complete(order, SendSuccess("wamid.1"))
    assert not pipeline.write(lambda s: redrive.retry(s, row, clock()))
    while pipeline.claim().claimed_count:
        pass
    assert pipeline.list_messages()[0].state == "sent"
    assert (pipeline.get_chat().pending, pipeline.get_chat().ready_at) == (0, None)


@pytest.mark.parametrize("result", [SendSuccess("wamid.2"), SendRefusal(RefusalClass.NEVER, "131026", "no")])
def test_what_is_sent_again_while_another_send_is_under_way_is_not_forgotten(
    pipeline: Pipeline, clock, result: Any
):
    row = fail_answer(pipeline, clock, 1)
    pipeline.ingest(build_inbound(2, clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "second").send_job
    assert order
    assert pipeline.write(lambda s: redrive.retry(s, row, clock()))
    pipeline.complete(order, result)
    (again,) = pipeline.claim().send_jobs
    assert again.outbound.content["text"] == "answer 1"
    pipeline.complete(again, SendSuccess("wamid.3"))
    while pipeline.claim().claimed_count:
        pass
    assert (pipeline.get_chat().pending, pipeline.get_chat().ready_at) == (0, None)


def test_a_held_send_is_settled_either_way_and_the_chat_goes_on(pipeline: Pipeline, clock):
    ids = []
    for number in (1, 2):
        pipeline.ingest(build_inbound(number, clock, phone=f"1555000{number}"))
        order = pipeline.commit(pipeline.claim().jobs[0], "yes").send_job
        assert order
        pipeline.complete(order, UnknownOutcome("lost"))
        ids.append(pipeline.list_messages()[-1].id)
    pipeline.write(lambda s: redrive.settle(s, ids[0], clock(), arrived=True))
    pipeline.write(lambda s: redrive.settle(s, ids[1], clock(), arrived=False))
    assert not pipeline.write(lambda s: redrive.settle(s, ids[1], clock(), arrived=True))
    assert [(row.state, row.error_code) for row in pipeline.list_messages()] == [
        ("sent", None),
        ("failed", "settled"),
    ]
    assert count_by_cause(pipeline) == {}
    # A receipt that comes after all tells more than the operator did.
    pipeline.ingest(Status("wamid.9", "delivered", clock(), pipeline.list_messages()[1].key))
    assert pipeline.list_messages()[1].state == "delivered"
    pipeline.ingest(build_inbound(3, clock, phone="15550002"))
    assert pipeline.claim().jobs[0].message["text"] == "hello 3"


def test_dismissed_failures_are_listed_apart_and_restored_together(
    pipeline: Pipeline, clock, run_bulk_action
):
    first = [fail_answer(pipeline, clock, number) for number in range(3)]
    done = run_bulk_action(BulkActionRequest("aside", "unreachable_person", ids=first[:2]))
    assert (done.done, count_by_cause(pipeline), count_open(pipeline)) == (2, {"unreachable_person": 1}, 1)
    assert list_ids(pipeline, "unreachable_person", FailureFilter(aside=True)) == [first[1], first[0]]
    assert pipeline.list_messages()[0].state == "failed"
    clock.pass_seconds(1)
    assert pipeline.write(lambda s: bulk_actions.undo(s, done.id, None, clock()))
    pipeline.write(lambda s: bulk_actions.run_next(s, clock()))
    assert count_by_cause(pipeline) == {"unreachable_person": 3}
    assert pipeline.write(lambda s: bulk_actions.undo(s, done.id, None, clock())) is None


def test_all_of_a_cause_are_sent_again_in_batches_and_later_ones_are_left(
    pipeline: Pipeline, clock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bulk_actions, "BATCH", 2)
    ids = [fail_answer(pipeline, clock, n, code="131000", phone=f"1555{n:04}") for n in range(5)]
    other = fail_answer(pipeline, clock, 90, "131053", phone="15559999")
    begun = pipeline.write(lambda s: bulk_actions.create(s, BulkActionRequest("again", "meta_down"), clock()))
    late = fail_answer(pipeline, clock, 91, "131000", phone="15559998")
    seen = []
    while pipeline.write(lambda s: bulk_actions.run_next(s, clock())):
        with pipeline.database.read() as session:
            seen.append(session.get_one(BulkAction, begun.id).seen)
    assert seen == [2, 4, 5]
    orders = pipeline.claim().send_jobs
    assert len(orders) == 5
    for order in orders[:4]:
        pipeline.complete(order, SendSuccess(f"wamid.{order.key}"))
    pipeline.complete(orders[4], SendRefusal(RefusalClass.NEVER, "131026", "no"))
    with pipeline.database.read() as session:
        (progress,) = bulk_actions.list_recent(session, clock())
    assert (progress.accepted, progress.failed, progress.waiting) == (4, 1, 0)
    assert count_by_cause(pipeline) == {"unreachable_person": 1, "file": 1, "meta_down": 1}
    assert list_ids(pipeline, "meta_down") == [late]
    assert list_ids(pipeline, "file") == [other]
    assert set(list_ids(pipeline, "unreachable_person")) < set(ids)


def test_a_cancelled_bulk_action_leaves_the_rest(pipeline: Pipeline, clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_actions, "BATCH", 1)
    for n in range(3):
        fail_answer(pipeline, clock, n, phone=f"1555{n:04}")
    begun = pipeline.write(
        lambda s: bulk_actions.create(s, BulkActionRequest("aside", "unreachable_person"), clock())
    )
    pipeline.write(lambda s: bulk_actions.run_next(s, clock()))
    assert pipeline.write(lambda s: bulk_actions.cancel(s, begun.id, clock()))
    assert not pipeline.write(lambda s: bulk_actions.cancel(s, begun.id, clock()))
    assert pipeline.write(lambda s: bulk_actions.run_next(s, clock())) == set()
    assert count_by_cause(pipeline) == {"unreachable_person": 2}


def test_a_bulk_action_without_messages_is_refused(pipeline: Pipeline, clock):
    with pytest.raises(EmptyBulkActionError):
        pipeline.write(lambda s: bulk_actions.create(s, BulkActionRequest("again", "token"), clock()))


def test_tries_that_failed_are_on_record_and_a_first_success_is_not(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    pipeline.answer()
    with pipeline.database.read() as session:
        assert session.scalars(select(Attempt)).all() == []
    pipeline.ingest(build_inbound(2, clock))
    order = pipeline.commit(pipeline.claim().jobs[0], "yes").send_job
    assert order
    pipeline.complete(order, SendRefusal(RefusalClass.TRANSIENT, "131000", "busy"))
    clock.pass_seconds(5)
    pipeline.complete(pipeline.claim().send_jobs[0], SendSuccess("wamid.8"))
    with pipeline.database.read() as session:
        rows = session.scalars(select(Attempt).order_by(Attempt.id)).all()
    assert [(row.number, row.outcome, row.error_code) for row in rows] == [
        (1, "refused", "131000"),
        (2, "sent", None),
    ]


def test_receipts_that_change_nothing_are_counted(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    order = pipeline.answer()
    told = Status(f"wamid.out.{order.key}", "delivered", clock(), order.key)
    for _ in range(3):
        pipeline.ingest(told)
    pipeline.ingest(Status(f"wamid.out.{order.key}", "sent", clock(), order.key))
    assert pipeline.list_messages()[0].repeats == 2


def test_what_an_operator_did_is_on_record_with_the_reason_it_had(pipeline: Pipeline, clock):
    row = fail_answer(pipeline, clock, 1)
    pipeline.write(lambda s: redrive.retry(s, row, clock(), Actor()))
    with pipeline.database.read() as session:
        last = session.scalars(select(Attempt).order_by(Attempt.id.desc())).first()
    assert last
    assert (last.outcome, last.error_code, last.message_id) == ("again", "131026", row)


def test_a_dead_inbound_message_is_listed_and_handled_again(pipeline: Pipeline, clock):
    pipeline.ingest(build_inbound(1, clock))
    pipeline.write(
        lambda s: s.execute(update(Message).values(state="dead", error_code="turn", error="It broke."))
    )
    pipeline.write(lambda s: s.execute(update(Chat).values(pending=0, ready_at=None)))
    assert count_by_cause(pipeline) == {"brain": 1}
    assert pipeline.write(lambda s: redrive.retry(s, 1, clock()))
    assert pipeline.claim().jobs[0].message["text"] == "hello 1"
