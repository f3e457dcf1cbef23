"""A webhook with many new people: the same contacts and chats as one by one, in pieces that leave room for others."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from app.bot import contacts
from app.bot.contact_cache import ContactCache, build_key
from app.bot.contacts import MessageSource
from app.bot.ingest import new_people, receiver
from app.bot.ingest.inbox import InboundBatch
from app.bot.models import Chat, Contact, Message
from app.channels.contract import InboundMessage, Person, RawItem
from tests.bot.ingest.test_webhook import connect, post

ACCOUNT = "106540352242922"


def build_body(first: int, count: int, each: int = 1) -> bytes:
    messages = [
        {"id": f"wamid.{number}.{again}", "from": f"4915{number:08}", "type": "text", "text": {"body": "hi"}}
        for number in range(first, first + count)
        for again in range(each)
    ]
    people = [{"wa_id": f"4915{n:08}", "profile": {"name": f"N{n}"}} for n in range(first, first + count)]
    value = {"metadata": {"phone_number_id": ACCOUNT}, "contacts": people, "messages": messages}
    return json.dumps({"entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()


@pytest.fixture
def connected_app(installation: Flask) -> Flask:
    connect(installation, ACCOUNT)
    return installation


def count(app: Flask, model: Any) -> int:
    with app.extensions["services"].database.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_hundreds_of_new_people_are_stored_once_each_in_their_order(connected_app: Flask):
    for _ in range(2):
        assert post(connected_app, build_body(0, 150, each=2)) == 200
    assert [count(connected_app, model) for model in (Contact, Chat, Message)] == [150, 150, 300]
    with connected_app.extensions["services"].database.read() as session:
        rows = session.execute(select(Message.chat_id, Message.provider_id).order_by(Message.id)).all()
        assert sorted(session.scalars(select(Contact.name))) == sorted(f"N{n}" for n in range(150))
        assert {n for (n,) in session.execute(select(Chat.pending))} == {2}
    by_chat: dict[int, list[str]] = {}
    for chat_id, provider_id in rows:
        by_chat.setdefault(chat_id, []).append(provider_id[-1])
    assert set(map(tuple, by_chat.values())) == {("0", "1")}


def test_new_people_cost_a_few_statements_whatever_their_number(connected_app: Flask):
    seen: list[str] = []
    engine = connected_app.extensions["services"].database.engine
    event.listen(engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
    assert post(connected_app, build_body(0, receiver.MAX_ITEMS)) == 200
    assert len(seen) < 25


def test_others_are_answered_while_a_thousand_new_people_arrive(connected_app: Flask):
    waits: list[float] = []
    with ThreadPoolExecutor(2) as threads:
        post(connected_app, build_body(500_000, 1))
        many = threads.submit(post, connected_app, build_body(0, 1000))
        number = 600_000
        while not many.done():
            began = time.monotonic()
            assert post(connected_app, build_body(number, 1)) == 200
            waits.append(time.monotonic() - began)
            number += 1
        assert many.result() == 200
    assert len(waits) >= 5
    assert sorted(waits)[len(waits) // 2] < 0.5
    assert count(connected_app, Contact) == 1001 + len(waits)


people = st.lists(
    st.tuples(
        st.builds(
            Person,
            user_id=st.sampled_from([None, "u1", "u2", "u3", "u4"]),
            phone=st.sampled_from([None, "1", "2", "3", "4", "5"]),
            name=st.sampled_from(["", "Ann", "Ben"]),
            username=st.sampled_from(["", "@a"]),
        ),
        st.integers(0, 3),
    ),
    max_size=10,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(known=people, arriving=people)
def test_many_at_once_end_as_one_by_one(
    connected_app: Flask, known: list[tuple[Person, int]], arriving: list[tuple[Person, int]]
):
    database = connected_app.extensions["services"].database
    found = []
    for is_many in (True, False):
        with database.engine.connect() as db:
            (connection_id,) = {number for (number,) in db.exec_driver_sql("SELECT id FROM connection")}
            for person, at in known:
                contacts.find_or_create(db, MessageSource(connection_id, person, None, at), 1)
            sources = [MessageSource(connection_id, person, None, at) for person, at in arriving]
            if is_many:
                keys = [build_key(connection_id, each.person, None) for each in sources]
                new_people.create_many(db, list(zip(keys, sources, strict=True)), 2)
            for source in sources:
                contacts.find_or_create(db, source, 2)
            query = select(
                Contact.user_id, Contact.phone, Contact.name, Contact.username, func.count(Chat.id)
            )
            query = query.outerjoin(Chat, Chat.contact_id == Contact.id).group_by(Contact.id)
            found.append(sorted(map(str, db.execute(query).all())))
            db.rollback()
    assert found[0] == found[1]


def test_a_split_batch_keeps_every_item_in_order():
    items = [InboundMessage(str(n), Person(phone="1"), "text", "", 0, {}) for n in range(95)]
    batch = InboundBatch([(1, items[:50]), (2, items[50:])], [(None, RawItem("x", {}))], 7)
    pieces = list(batch.split(40))
    assert [sum(len(part) for _, part in piece.parts) + len(piece.raw_items) for piece in pieces] == [
        40,
        40,
        16,
    ]
    assert [item for piece in pieces for _, part in piece.parts for item in part] == items
    assert {piece.received_at for piece in pieces} == {7}
    assert ContactCache().get((1, "x")) is None
