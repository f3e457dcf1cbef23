"""The simulator: what the phone does arrives like any webhook's message."""

from typing import Any

import pytest
from admin_browser import Browser
from sqlalchemy import select

from app.bot.models import Connection, Contact, Message
from app.bot.simulator import Act, invented, item_of, suggestions
from app.brains.gallery import demo_document
from app.web import House

SAY = "/simulator/1/say"
ADA = {"person": "15550100001", "name": "Ada"}


def stored(house: House) -> list[Message]:
    with house.database.read() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def test_a_typed_text_is_stored_and_shown_at_once(owner: Browser, phone: Connection, house: House):
    assert phone
    answer = owner.post(SAY, htmx=True, text="!hello", **ADA)
    assert "!hello" in answer.text
    assert 'data-topic="chat:1"' in answer.text
    assert [(m.direction, m.kind, m.state, m.text) for m in stored(house)] == [
        ("in", "text", "new", "!hello")
    ]
    with house.database.read() as session:
        assert [(c.name, c.phone) for c in session.scalars(select(Contact))] == [("Ada", "15550100001")]


@pytest.mark.parametrize(
    ("form", "kind", "text"),
    [
        ({"kind": "button", "text": "Yes", "choice": "b1", "quoted": "p1"}, "button", "b1"),
        ({"kind": "list", "text": "Row", "choice": "r1"}, "list", "r1"),
        ({"kind": "image", "text": ""}, "image", ""),
        ({"kind": "audio", "text": ""}, "audio", ""),
        ({"kind": "location", "text": ""}, "location", ""),
        ({"kind": "nonsense", "text": "plain"}, "text", "plain"),
    ],
)
@pytest.mark.usefixtures("phone")
def test_whatever_the_phone_does_becomes_a_message_of_its_kind(
    owner: Browser, house: House, form: dict[str, Any], kind: str, text: str
):
    assert owner.post(SAY, htmx=True, **form, **ADA).status_code == 200
    assert [(m.kind, m.text) for m in stored(house)] == [(kind, text)]


def test_an_empty_message_is_refused_in_words(owner: Browser, phone: Connection, house: House):
    assert phone
    answer = owner.post(SAY, htmx=True, text="   ", **ADA)
    assert answer.status_code == 422
    assert "Write something first." in answer.text
    assert stored(house) == []


def test_an_open_phone_reports_its_answers_as_read(owner: Browser, phone: Connection, house: House):
    owner.post(SAY, htmx=True, text="!hello", **ADA)

    def answer(session: Any) -> None:
        session.add(
            Message(
                connection_id=phone.id,
                chat_id=1,
                direction="out",
                kind="text",
                state="sent",
                text="Hi",
                author="brain",
                payload={"kind": "text", "text": "Hi"},
                provider_id="sim.1",
                key="k1",
                created_at=house.clock(),
            )
        )

    house.database.write(answer)
    assert "/simulator/1/seen" in owner.get("/simulator/", htmx=True).text
    assert owner.post("/simulator/1/seen", htmx=True, **ADA).status_code == 204
    assert stored(house)[-1].state == "read"
    assert "/simulator/1/seen" not in owner.get("/simulator/", htmx=True).text


def test_only_simulated_phones_can_be_spoken_for(owner: Browser, phone: Connection, house: House):
    def make_real(session: Any) -> None:
        session.get_one(Connection, phone.id).channel = "cloud"

    house.database.write(make_real)
    assert owner.post(SAY, htmx=True, text="hello", **ADA).status_code == 404
    assert "No simulated phone yet" in owner.get("/simulator/").text


def test_suggestions_are_messages_the_brain_answers():
    assert suggestions(demo_document()) == ["!hello", "!echo hello", "!menu", "!count", "hi"]
    assert suggestions({}) == []


def test_invented_people_are_all_different():
    people = []
    for _ in range(20):
        people.append(invented(people))
    assert len({person.phone for person in people}) == 20
    assert all(str(person.phone).startswith("155501") for person in people)


def test_a_long_text_is_cut_where_whatsapp_cuts_it():
    assert len(item_of(Act("text", "x" * 5000), invented([]), "m1", 1).text) == 4096
