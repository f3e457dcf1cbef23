"""One person is one contact: in groups, under any spelling of the number, by what receipts teach."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError

from app.bot.contact_cache import ContactCache
from app.bot.models import Chat, Contact, Message
from app.channels.cloud.parse import parse
from app.channels.contract import InboundMessage, Item, Person, Status
from app.phone_numbers import list_spellings, unify
from tests.bot.conftest import Pipeline
from tests.channels.cloud.webhook_samples import build_webhook


def write(name: str, person: Person, pipeline: Pipeline, **more: Any) -> InboundMessage:
    return InboundMessage(name, person, "text", name, pipeline.clock(), {"type": "text"}, **more)


def list_contacts(pipeline: Pipeline) -> list[tuple[str | None, str | None, str]]:
    with pipeline.database.read() as session:
        rows = session.execute(select(Contact.phone, Contact.user_id, Contact.name).order_by(Contact.id))
        return [tuple(row) for row in rows]


def count_chats(pipeline: Pipeline) -> int:
    with pipeline.database.read() as session:
        return session.scalar(select(func.count()).select_from(Chat)) or 0


@pytest.mark.parametrize(
    ("one", "other"),
    [("558187654321", "5581987654321"), ("5215512345678", "525512345678"), ("5491123456789", "541123456789")],
)
def test_spellings_of_one_number_are_one_chat_in_either_order(pipeline: Pipeline, one: str, other: str):
    assert unify(one) == unify(other)
    pipeline.ingest(write("a", Person(phone=one, name="Ana"), pipeline))
    pipeline.ingest(write("b", Person(phone=other), pipeline, outgoing=True))
    pipeline.places.clear()
    pipeline.ingest(write("c", Person(phone=other), pipeline))
    assert list_contacts(pipeline) == [(one, None, "Ana")]
    assert count_chats(pipeline) == 1


@pytest.mark.parametrize("number", ["551133334444", "4915112345678", "15551234567", "5511987", "unknown", ""])
def test_numbers_with_one_spelling_stay_as_they_are(number: str):
    assert list_spellings(number) == (number,)


PARTS = ("by phone", "by user id", "receipt")


@pytest.mark.parametrize("order", list(permutations(PARTS)))
@pytest.mark.parametrize("together", [False, True])
def test_a_receipt_joins_number_and_user_id_in_any_order(
    pipeline: Pipeline, order: Sequence[str], together: bool
):
    pipeline.ingest(write("first", Person(phone="1555", name="Ana"), pipeline))
    pipeline.answer()
    whole = Person("US.1", "1555")
    items: dict[str, Item] = {
        "by phone": write("p", Person(phone="1555"), pipeline),
        "by user id": write("u", Person(user_id="US.1", name="Ana B"), pipeline),
        "receipt": Status("wamid.none", "delivered", pipeline.clock(), person=whole),
    }
    batches = [[items[name] for name in order]] if together else [[items[name]] for name in order]
    for batch in batches:
        pipeline.ingest(*batch)
    pipeline.places.clear()
    pipeline.ingest(write("last", Person(user_id="US.1"), pipeline), write("both", whole, pipeline))
    ((phone, user_id, name),) = list_contacts(pipeline)
    assert (phone, user_id) == ("1555", "US.1")
    assert name in {"Ana", "Ana B"}
    assert count_chats(pipeline) == 1
    with pipeline.database.read() as session:
        texts = set(session.scalars(select(Message.text).where(Message.direction == "in")))
        assert session.scalars(select(Chat.pending)).one() == 4
    assert texts == {"first", "p", "u", "last", "both"}


def test_three_ways_to_name_one_person_in_one_webhook_are_one_chat(pipeline: Pipeline):
    pipeline.ingest(
        write("u", Person(user_id="US.1"), pipeline),
        write("p", Person(phone="1555"), pipeline),
        write("both", Person("US.1", "1555"), pipeline),
    )
    assert list_contacts(pipeline) == [("1555", "US.1", "")]
    assert count_chats(pipeline) == 1


def parse_group_message(name: str, sender: str, contact: str, pipeline: Pipeline) -> list[Item]:
    message = {
        "from": sender, "group_id": "G1", "id": name, "timestamp": str(pipeline.clock() // 1000), "type": "text",
        "text": {"body": name},
    }  # fmt: skip
    value = {"contacts": [{"wa_id": sender, "profile": {"name": contact}}], "messages": [message]}
    return [item for batch in parse(build_webhook(value)) for item in batch.items]


def test_in_a_group_the_writer_is_the_sender_with_memory_of_their_own(pipeline: Pipeline):
    pipeline.ingest(*parse_group_message("one", "5678", "Kerry Fisher", pipeline))
    (job,) = pipeline.claim().jobs
    assert job.writer == Person(None, "5678", "Kerry Fisher", "")
    pipeline.commit(job)
    pipeline.ingest(*parse_group_message("two", "9999", "Sam", pipeline))
    (later,) = pipeline.claim().jobs
    assert later.writer == Person(None, "9999", "Sam", "")
    assert None not in {job.contact_id, later.contact_id}
    assert job.contact_id != later.contact_id
    assert count_chats(pipeline) == 1


@pytest.mark.parametrize("before", [True, False])
def test_the_subject_of_a_group_names_its_chat(pipeline: Pipeline, before: bool):
    group = {"group_id": "G1", "type": "group_create", "subject": "Neighbours"}
    webhook = build_webhook({"groups": [group]}, "group_lifecycle_update")
    notice = [item for batch in parse(webhook) for item in batch.items]
    message = parse_group_message("one", "5678", "Kerry", pipeline)
    for items in (notice, message) if before else (message, notice):
        pipeline.ingest(*items)
    with pipeline.database.read() as session:
        assert session.scalars(select(Chat.title)).one() == "Neighbours"


@pytest.mark.parametrize("order", list(permutations(("user id", "phone", "group"))))
@pytest.mark.parametrize("together", [True, False])
def test_a_group_message_that_joins_two_people_moves_what_came_with_it(
    pipeline: Pipeline, order: Sequence[str], together: bool
):
    both = Person("US.1", "233200000001", "Ama")
    items = {
        "user id": [
            write("u", Person(user_id="US.1"), pipeline),
            write("u in group", Person(user_id="US.1"), pipeline, group_id="G1"),
        ],
        "phone": [write("p", Person(phone="233200000001"), pipeline)],
        "group": [write("both", both, pipeline, group_id="G1")],
    }
    sent = [item for name in order for item in items[name]]
    for batch in [sent] if together else [[item] for item in sent]:
        pipeline.ingest(*batch)
    pipeline.ingest(write("u later", Person(user_id="US.1"), pipeline, group_id="G1"))
    pipeline.ingest(write("u direct", Person(user_id="US.1"), pipeline))
    assert list_contacts(pipeline) == [("233200000001", "US.1", "Ama")]
    assert count_chats(pipeline) == 2
    with pipeline.database.read() as session:
        contact = session.scalars(select(Contact.id)).one()
        group = session.scalars(select(Chat.id).where(Chat.group_id == "G1")).one()
        rows = session.execute(select(Message.text, Message.chat_id, Message.contact_id)).all()
    in_group = {text: contact_id for text, chat_id, contact_id in rows if chat_id == group}
    assert in_group == {"u in group": contact, "both": contact, "u later": contact}
    assert {text for text, chat_id, _ in rows if chat_id != group} == {"u", "p", "u direct"}


def test_three_contacts_of_one_person_become_one(pipeline: Pipeline):
    one, other = "5581987654321", "558187654321"
    pipeline.ingest(write("u", Person(user_id="BR.1"), pipeline))
    pipeline.ingest(write("p", Person(phone=one), pipeline))
    pipeline.places.clear()
    pipeline.ingest(write("both", Person("BR.1", other, "Ana"), pipeline, group_id="G1"))
    assert list_contacts(pipeline) == [(one, "BR.1", "Ana")]


def test_another_process_notices_within_a_second_that_two_contacts_became_one(pipeline: Pipeline):
    other = replace(pipeline, places=ContactCache())
    for name, person in (("u", Person(user_id="US.1")), ("p", Person(phone="1555"))):
        other.ingest(write(name, person, pipeline, group_id="G1"))
    pipeline.ingest(write("both", Person("US.1", "1555"), pipeline, group_id="G1"))
    pipeline.clock.now += 1_000
    other.ingest(write("later", Person(user_id="US.1"), pipeline, group_id="G1"))
    with pipeline.database.read() as session:
        contact_id = session.scalars(select(Contact.id)).one()
        assert set(session.scalars(select(Message.contact_id))) == {contact_id}


def test_the_id_of_a_chat_that_joined_another_is_not_given_again(pipeline: Pipeline):
    other = replace(pipeline, places=ContactCache())
    other.ingest(write("p", Person(phone="1555"), pipeline))
    other.ingest(write("u", Person(user_id="US.1"), pipeline))
    pipeline.ingest(write("both", Person("US.1", "1555"), pipeline))
    pipeline.ingest(write("stranger", Person(phone="1666"), pipeline))
    # The other process still has the chat of the user id.
    with pytest.raises(IntegrityError):
        other.ingest(write("later", Person(user_id="US.1"), pipeline))


def test_contacts_that_are_gone_are_looked_for_once_a_second_however_many_messages_come(pipeline: Pipeline):
    asked: list[str] = []

    def note(_db: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    ada = Person(phone="1555", name="Ada")
    pipeline.ingest(write("first", ada, pipeline))
    event.listen(pipeline.database.engine, "before_cursor_execute", note)
    try:
        for number in range(20):
            pipeline.ingest(write(f"m{number}", ada, pipeline))
        assert [each for each in asked if each.startswith("SELECT")] == []
        pipeline.clock.now += 1_000
        pipeline.ingest(write("last", ada, pipeline))
    finally:
        event.remove(pipeline.database.engine, "before_cursor_execute", note)
    assert len([each for each in asked if each.startswith("SELECT")]) == 1


SUBJECTS = (("Old", 1_000), ("New", 2_000))


@pytest.mark.parametrize("order", list(permutations(SUBJECTS)))
@pytest.mark.parametrize("message_at", [0, 1, 2])
def test_a_subject_that_comes_late_does_not_rename_a_group_back(
    pipeline: Pipeline, order: Sequence[tuple[str, int]], message_at: int
):
    deliveries: list[list[Item]] = []
    for title, seconds in order:
        kind = "group_create" if title == "Old" else "group_settings_update"
        group: dict[str, Any] = {"group_id": "G1", "type": kind, "timestamp": str(1_750_000_000 + seconds)}
        group |= (
            {"subject": title}
            if title == "Old"
            else {"group_subject": {"text": title, "update_successful": True}}
        )
        field = "group_lifecycle_update" if title == "Old" else "group_settings_update"
        deliveries.append(
            [item for batch in parse(build_webhook({"groups": [group]}, field)) for item in batch.items]
        )
    deliveries.insert(message_at, parse_group_message("one", "5678", "Kerry", pipeline))
    for items in deliveries:
        pipeline.ingest(*items)
    with pipeline.database.read() as session:
        assert session.scalars(select(Chat.title)).one() == "New"


@pytest.mark.parametrize("order", list(permutations([(1, "Old"), (2, "New"), (2, "Newest")])))
@pytest.mark.parametrize("is_known", [True, False])
def test_a_name_is_that_of_the_newest_message_whatever_comes_last(
    pipeline: Pipeline, order: Sequence[tuple[int, str]], is_known: bool
):
    began = pipeline.clock() - 10_000
    for at, name in order:
        person = Person(phone="1555", name=name, username=f"@{name}")
        pipeline.ingest(replace(write(name, person, pipeline), at=began + at))
        if not is_known:
            pipeline.places.clear()
    ((*_, found),) = list_contacts(pipeline)
    # Of the same moment, what came last.
    assert found == [name for at, name in order if at == 2][-1]
    with pipeline.database.read() as session:
        row = session.scalars(select(Contact)).one()
        assert (row.username, row.name_at) == (f"@{found}", began + 2)


def test_a_message_that_repeats_a_name_makes_it_newer_and_writes_no_contact(pipeline: Pipeline):
    asked: list[str] = []

    def note(_db: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement)

    began = pipeline.clock() - 10_000
    messages = [
        replace(write(name, Person(phone="1555", name=name[:3]), pipeline), at=began + at)
        for name, at in (("Ana", 1), ("Ana again", 3), ("Bea late", 2))
    ]
    pipeline.ingest(messages[0])
    event.listen(pipeline.database.engine, "before_cursor_execute", note)
    try:
        pipeline.ingest(messages[1])
        pipeline.ingest(messages[2])
    finally:
        event.remove(pipeline.database.engine, "before_cursor_execute", note)
    assert list_contacts(pipeline) == [("1555", None, "Ana")]
    assert [each for each in asked if "contact SET" in each or "FROM contact" in each] == []


@pytest.mark.parametrize("at", [0, 99_999_999_999_999])
def test_a_message_without_a_time_or_from_the_future_is_as_new_as_its_arrival(pipeline: Pipeline, at: int):
    pipeline.ingest(replace(write("a", Person(phone="1555", name="Ana"), pipeline), at=at))
    pipeline.clock.now += 1_000
    pipeline.ingest(write("b", Person(phone="1555", name="Bea"), pipeline))
    assert list_contacts(pipeline) == [("1555", None, "Bea")]


@pytest.mark.parametrize("by_phone_at", [1, 3])
def test_a_union_of_two_contacts_keeps_the_newer_name(pipeline: Pipeline, by_phone_at: int):
    began = pipeline.clock() - 10_000
    for person, at in (
        (Person(phone="1555", name="Phone"), by_phone_at),
        (Person(user_id="US.1", name="Id", username="@id"), 2),
    ):
        pipeline.ingest(replace(write(person.name, person, pipeline), at=began + at))
    pipeline.ingest(Status("x", "sent", pipeline.clock(), person=Person("US.1", "1555")))
    name = "Phone" if by_phone_at == 3 else "Id"
    assert list_contacts(pipeline) == [("1555", "US.1", name)]
    with pipeline.database.read() as session:
        assert session.scalars(select(Contact.name_at)).one() == began + max(by_phone_at, 2)
