"""Edits, deletions, reactions and receipts end alike in every order, however often and how early they come."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.bot.chats.thread import load_thread
from app.bot.models import Message
from app.channels.contract import InboundMessage, Item, Person, SendSuccess, Status
from tests.bot.conftest import Pipeline

ANA = Person(phone="1555", name="Ana")


def build(name: str, second: int, kind: str = "text", **more: Any) -> InboundMessage:
    text = more.pop("text", name)
    payload = {"type": kind, "text": {"body": text}}
    return InboundMessage(name, ANA, kind, text, second * 1000, payload, is_trigger=kind == "text", **more)


def list_items(target: str, base: int) -> dict[str, InboundMessage]:
    return {
        "message": build(target, base, text="first"),
        "edit 1": build(f"{target}.e1", base + 10, "edit", text="second", edited_id=target),
        "edit 2": build(f"{target}.e2", base + 20, "edit", text="third", edited_id=target),
        "heart": build(f"{target}.r1", base + 5, "reaction", text="❤", quoted_id=target),
        "thumb": build(f"{target}.r2", base + 6, "reaction", text="👍", quoted_id=target),
    }


def find(pipeline: Pipeline, provider_id: str) -> Message:
    return next(m for m in pipeline.list_messages("in") if m.provider_id == provider_id)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), number=st.integers(0, 10**12))
def test_edits_and_reactions_end_alike_in_all_orders_with_repeats(pipeline: Pipeline, data: Any, number: int):
    target, base = f"m{number}.{data.draw(st.integers(0, 10**12))}", pipeline.clock() // 1000 - 100
    items = list_items(target, base)
    order = data.draw(st.permutations(sorted(items)))
    order += data.draw(st.lists(st.sampled_from(sorted(items)), max_size=4))
    cut = data.draw(st.integers(0, len(order)))
    for part in (order[:cut], order[cut:]):
        if part:
            pipeline.ingest(*(items[name] for name in part))
    message = find(pipeline, target)
    assert (message.text, message.edited_at) == ("third", (base + 20) * 1000)
    with pipeline.database.read() as session:
        bubble = next(b for b in load_thread(session, message.chat_id).bubbles if b.message.id == message.id)
    assert bubble.reactions == ["👍"]
    assert list(bubble.earlier_versions) == ["first", "second"]


def test_an_older_edit_delivered_again_changes_nothing(pipeline: Pipeline):
    base = pipeline.clock() // 1000 - 100
    items = list_items("m", base)
    for name in ("message", "edit 1", "edit 2", "edit 1"):
        pipeline.ingest(items[name])
    assert find(pipeline, "m").text == "third"


@pytest.mark.parametrize("order", list(permutations(("message", "revoke", "edit 1"))))
def test_a_message_that_comes_after_its_deletion_is_not_answered(pipeline: Pipeline, order: Sequence[str]):
    base = pipeline.clock() // 1000 - 100
    items = {**list_items("m", base), "revoke": build("gone", base + 30, "revoke", text="", revoked_id="m")}
    for name in order:
        pipeline.ingest(items[name])
    message = find(pipeline, "m")
    assert (message.revoked_at, message.state) == ((base + 30) * 1000, "stored")
    assert pipeline.claim().jobs == []
    pipeline.ingest(build("next", base + 60))
    (job,) = pipeline.claim().jobs
    assert job.message["provider_id"] == "next"


def test_a_change_of_another_side_or_connection_changes_nothing(pipeline: Pipeline):
    base = pipeline.clock() // 1000 - 100
    items = list_items("m", base)
    pipeline.ingest(items["message"], replace(items["edit 1"], outgoing=True))
    assert find(pipeline, "m").text == "first"


PRICE = {"pricing": {"category": "service", "billable": False}}
FAILURES = {"errors": [{"code": "1", "text": "one"}, {"code": "2", "text": "two"}]}
RECEIPTS: dict[str, Status] = {
    "sent": Status("wamid.g", "sent", 1000, details=PRICE),
    "a got": Status("wamid.g", "delivered", 2000, participant="111", details=PRICE),
    "a read": Status("wamid.g", "read", 3000, participant="111"),
    "b got": Status("wamid.g", "delivered", 4000, participant="222"),
    "c failed": Status(
        "wamid.g", "failed", 5000, participant="333", error_code="1", error="one", details=FAILURES
    ),
}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_receipts_of_a_group_end_alike_in_all_orders_with_repeats(pipeline: Pipeline, data: Any):
    order = data.draw(st.permutations(sorted(RECEIPTS)))
    order += data.draw(st.lists(st.sampled_from(sorted(RECEIPTS)), max_size=4))
    sent_after = data.draw(st.integers(0, len(order)))
    # All is drawn: an example that ends early leaves no open send behind.
    pipeline.clock.now += 60_000
    pipeline.ingest(build(f"in.{pipeline.clock()}", pipeline.clock() // 1000))
    job = pipeline.commit(pipeline.claim().jobs[0], "hello").send_job
    assert job
    provider_id = f"wamid.out.{job.key}"
    items: list[Item] = [replace(RECEIPTS[name], provider_id=provider_id) for name in order]
    if items[:sent_after]:
        pipeline.ingest(*items[:sent_after])
    pipeline.complete(job, SendSuccess(provider_id))
    if items[sent_after:]:
        pipeline.ingest(*items[sent_after:])
    message = pipeline.list_messages("out")[-1]
    assert (message.state, message.read_at, message.error_code) == ("delivered", None, None)
    assert message.delivery == {
        **PRICE,
        **FAILURES,
        "participants": {
            "111": {"delivered": 2000, "read": 3000},
            "222": {"delivered": 4000},
            "333": {"failed": 5000},
        },
    }
