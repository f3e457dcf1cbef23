"""What receipts tell besides the state: members of a group, price and errors, in words."""

import json

import pytest
from sqlalchemy import update

from app.bot.chats import export, listing
from app.bot.chats.delivery_report import build_report
from app.bot.chats.thread import load_thread
from app.bot.models import Contact, Message
from app.channels.contract import InboundMessage, Person, Status
from tests.bot.conftest import Pipeline

PRICE = {
    "category": "marketing_lite",
    "type": "free_customer_service",
    "pricing_model": "PMP",
    "billable": False,
}


def send_to_group(pipeline: Pipeline) -> str:
    """Let two members write, answer, and return the provider's id of the answer."""
    people = [Person(phone="233200000001", name="Ama"), Person(phone="233200000002", name="Kofi")]
    at = pipeline.clock()
    for number, person in enumerate(people):
        message = InboundMessage(f"in.{number}", person, "text", "hi", at, {}, group_id="g1")
        pipeline.ingest(message)
    return f"wamid.out.{pipeline.answer().key}"


def test_members_are_counted_and_named_and_the_furthest_state_stands(pipeline: Pipeline):
    wamid, at = send_to_group(pipeline), 1_000
    receipts = [
        ("233200000001", "read"),
        ("233200000001", "delivered"),
        ("233200000002", "delivered"),
        ("44", "failed"),
    ]
    pipeline.ingest(
        *(
            Status(wamid, word, at, participant=who, details={"pricing": PRICE} if word == "read" else {})
            for who, word in receipts
        )
    )
    with pipeline.database.read() as session:
        message = session.query(Message).filter_by(provider_id=wamid).one()
        report = load_thread(session, message.chat_id).bubbles[-1].report
        line = listing.get_chat(session, message.chat_id)
        assert line
        exported = json.loads("".join(export.export_json(session, line)))["messages"][-1]
        table = "".join(export.export_csv(session, line))
    assert report
    assert [(each.name, each.state) for each in report.members] == [
        ("Ama", "read"),
        ("Kofi", "delivered"),
        ("+44", "failed"),
    ]
    assert report.lines == (
        ("Read by", "1 of 3"),
        ("Delivered to", "2 of 3"),
        ("Failed for", "1 of 3"),
        ("Category", "Marketing lite"),
        ("Price", "Free customer service"),
        ("Pricing model", "PMP"),
        ("Billable", "No"),
    )
    assert (exported["category"], exported["billable"]) == ("marketing_lite", False)
    assert exported["receipts"]["participants"]["44"] == {"failed": "1970-01-01T00:00:01.000+00:00"}
    assert "marketing_lite,False" in table


@pytest.mark.parametrize("billable", [True, False])
def test_a_message_to_one_person_tells_its_price(billable: bool):
    report = build_report({"pricing": {"category": "utility", "billable": billable}}, {})
    assert report.lines == (("Category", "Utility"), ("Billable", "Yes" if billable else "No"))


def test_every_error_is_told_and_nothing_is_made_up():
    errors = [{"code": "131026", "text": "one"}, {"code": "", "text": "two"}]
    assert build_report({"errors": errors}, {}).errors == [("131026", "one"), ("", "two")]
    assert build_report({}, {}).lines == ()


def test_messages_without_details_have_no_report(pipeline: Pipeline):
    send_to_group(pipeline)
    pipeline.database.write(lambda session: session.execute(update(Contact).values(name="")))
    with pipeline.database.read() as session:
        assert all(bubble.report is None for bubble in load_thread(session, 1).bubbles)
