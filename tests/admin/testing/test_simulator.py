"""The simulator: what the phone does arrives like any webhook's message."""

import re
from typing import Any

import pytest
from sqlalchemy import select

from app.bot import handoff
from app.bot.models import Chat, Connection, Contact, Message
from app.bot.simulator import PhoneAction, build_item, invent_person
from app.brains.document.gallery import build_demo_document
from app.brains.examples import suggest_messages
from app.services import Services
from tests.admin.browser import Browser

SAY = "/simulator/1/say"
ADA = {"person": "15550100001", "name": "Ada"}


def list_messages(services: Services) -> list[Message]:
    with services.database.read() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def test_a_typed_text_is_stored_and_shown_at_once(
    owner: Browser, simulated_connection: Connection, services: Services
):
    assert simulated_connection
    answer = owner.post(SAY, htmx=True, text="!hello", **ADA)
    assert "!hello" in answer.text
    assert 'data-topic="chat:1"' in answer.text
    assert [(m.direction, m.kind, m.state, m.text) for m in list_messages(services)] == [
        ("in", "text", "new", "!hello")
    ]
    with services.database.read() as session:
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
@pytest.mark.usefixtures("simulated_connection")
def test_whatever_the_phone_does_becomes_a_message_of_its_kind(
    owner: Browser, services: Services, form: dict[str, Any], kind: str, text: str
):
    assert owner.post(SAY, htmx=True, **form, **ADA).status_code == 200
    assert [(m.kind, m.text) for m in list_messages(services)] == [(kind, text)]


def test_an_empty_message_is_refused_in_words(
    owner: Browser, simulated_connection: Connection, services: Services
):
    assert simulated_connection
    answer = owner.post(SAY, htmx=True, text="   ", **ADA)
    assert answer.status_code == 422
    assert "Write something first." in answer.text
    assert list_messages(services) == []


def test_an_open_phone_reports_its_answers_as_read(
    owner: Browser, simulated_connection: Connection, services: Services
):
    owner.post(SAY, htmx=True, text="!hello", **ADA)

    def answer(session: Any) -> None:
        session.add(
            Message(
                connection_id=simulated_connection.id,
                chat_id=1,
                direction="out",
                kind="text",
                state="sent",
                text="Hi",
                author="brain",
                payload={"kind": "text", "text": "Hi"},
                provider_id="sim.1",
                key="k1",
                created_at=services.clock(),
            )
        )

    services.database.write(answer)
    assert "/simulator/1/seen" in owner.get("/simulator/", htmx=True).text
    assert owner.post("/simulator/1/seen", htmx=True, **ADA).status_code == 204
    assert list_messages(services)[-1].state == "read"
    assert "/simulator/1/seen" not in owner.get("/simulator/", htmx=True).text


def test_only_simulated_phones_can_be_spoken_for(
    owner: Browser, simulated_connection: Connection, services: Services
):
    def make_real(session: Any) -> None:
        session.get_one(Connection, simulated_connection.id).channel = "cloud"

    services.database.write(make_real)
    assert owner.post(SAY, htmx=True, text="hello", **ADA).status_code == 404
    assert "No simulated phone yet" in owner.get("/simulator/").text


def test_suggestions_are_messages_the_brain_answers():
    assert suggest_messages(build_demo_document()) == ["!hello", "!echo hello", "!menu", "!count", "hi"]
    assert suggest_messages({}) == []


def test_a_long_text_is_cut_where_whatsapp_cuts_it():
    assert len(build_item(PhoneAction("text", "x" * 5000), invent_person([]), "m1", 1).text) == 4096


def test_the_phone_says_that_the_bot_is_paused_and_resumes_it(
    owner: Browser, simulated_connection: Connection, services: Services
):
    owner.post(SAY, htmx=True, text="!hello", **ADA)
    assert handoff.pause(services.database, 1, "Ada asked.", 5)
    page = owner.get(f"/simulator/?connection={simulated_connection.id}&person={ADA['person']}").text
    assert "The bot is paused in this chat." in page
    assert "Ada asked." in page
    part = owner.post("/simulator/1/resume", htmx=True, **ADA).text
    assert "The bot is paused" not in part
    assert owner.post("/simulator/1/resume", **ADA).location.endswith("person=15550100001")
    with services.database.read() as session:
        assert session.get_one(Chat, 1).paused_at is None


def test_the_phone_leads_to_the_editor_of_its_bot(owner: Browser, simulated_connection: Connection):
    page = owner.get(f"/simulator/?connection={simulated_connection.id}").text
    assert page.count("Edit this brain") == 2  # next to the phone, and above it on narrow screens
    assert 'href="/brains/demo"' in page


def test_a_brain_without_a_phone_of_its_own_gets_one(owner: Browser, simulated_connection: Connection):
    assert owner.get("/simulator/?brain=demo").text.count("composer-text")
    owner.post("/brains/", title="Second Shop")
    page = owner.get("/simulator/?brain=second-shop").text
    assert "No simulated phone talks to Second Shop" in page
    assert "Open another brain&#39;s phone" in page or "Open another brain's phone" in page
    assert "/connections/new?channel=simulator&amp;brain=second-shop" in page
    form = owner.get("/connections/new?channel=simulator&brain=second-shop").text
    chosen = re.search(r"<option value=\"\d+\" selected[^>]*>([^<]+)", form)
    assert chosen
    assert chosen[1].startswith("Second Shop")
    assert simulated_connection.brain_id
