"""The privacy pages: for owners, a number typed twice, what is kept for how long, and what is said of it."""

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.roles import Role
from app.bot.models import Connection, Contact
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.privacy import subject
from app.privacy.models import Erasure, Retention
from app.services import Services
from tests.admin.browser import Browser

PHONE = "15550100001"


@pytest.fixture
def stored_chat(app: Flask, services: Services, simulated_connection: Connection) -> None:
    item = channel.build_text(
        Envelope("in.1", Person(phone=PHONE, name="Ada <3"), services.clock()), "!echo hi"
    )
    app.extensions["services"].receive_local(simulated_connection.id, [item])


def select_rows(services: Services, model: Any) -> list[Any]:
    with services.database.read() as session:
        return list(session.scalars(select(model)))


@pytest.mark.usefixtures("stored_chat")
def test_what_would_be_erased_is_shown_and_nothing_is_done_yet(owner: Browser, services: Services):
    page = owner.get(f"/settings/privacy/erase?who=%2B{PHONE}").text
    assert "Ada &lt;3" in page
    assert "Messages, with what became of them" in page
    assert not select_rows(services, Erasure)
    assert "/settings/privacy/erase?chat=1" in owner.get("/chats/1").text
    assert f"Type <strong>{PHONE}</strong>" in owner.get("/settings/privacy/erase?chat=1").text
    assert owner.get("/settings/privacy/erase?chat=7").status_code == 404


@pytest.mark.usefixtures("stored_chat")
def test_the_number_has_to_be_typed_and_a_wrong_one_changes_nothing(owner: Browser, services: Services):
    for typed in ("", "15550100002"):
        answer = owner.post("/settings/privacy/erase", who=PHONE, typed=typed)
        assert answer.status_code == 422
        assert "This is not the number above" in answer.text
    assert not select_rows(services, Erasure)


@pytest.mark.usefixtures("stored_chat")
def test_a_person_is_erased_by_a_worker_and_the_page_says_what_and_not_who(
    app: Flask, owner: Browser, services: Services
):
    assert owner.post("/settings/privacy/erase", who=PHONE, typed="+1 555 010 0001").status_code == 302
    assert "Waiting for a worker" in owner.get("/settings/privacy/").text
    erasing = app.extensions["services"].erasure
    erasing.run(erasing.claim_next())
    part = owner.get("/settings/privacy/", htmx=True).text
    assert "<html" not in part
    assert "1 messages and more" in part
    assert PHONE not in part
    assert "Ada" not in part
    assert not select_rows(services, Contact)
    assert owner.get("/chats/1").status_code == 404


def test_somebody_unknown_is_said_to_be_so(owner: Browser):
    answer = owner.get("/settings/privacy/erase?who=15559999999")
    assert answer.status_code == 404
    assert "Nobody here has this number" in answer.text
    assert owner.post("/settings/privacy/erase", who="15559999999", typed="15559999999").status_code == 404


def test_days_are_stored_and_a_wrong_number_loses_nothing_typed(owner: Browser, services: Services):
    answer = owner.post("/settings/privacy/keep", messages="365", runs="three", ai_calls="", notices="")
    assert answer.status_code == 422
    assert "Write a number of days" in answer.text
    assert 'value="three"' in answer.text
    assert 'value="365"' in answer.text
    assert not select_rows(services, Retention)
    assert owner.post("/settings/privacy/keep", messages="365", runs="30").status_code == 302
    assert {row.kind: row.days for row in select_rows(services, Retention)} == {"messages": 365, "runs": 30}
    assert 'value="365"' in owner.get("/settings/privacy/").text


@pytest.mark.usefixtures("stored_chat")
@pytest.mark.parametrize("role", [Role.EDITOR, Role.VIEWER])
def test_only_owners_erase(sign_in: Any, role: Role):
    browser = sign_in(role)
    assert "Erase this person" not in browser.get("/chats/1").text
    assert browser.get("/settings/privacy/").status_code == 403
    assert browser.get(f"/settings/privacy/erase?who={PHONE}").status_code == 403
    assert browser.post("/settings/privacy/erase", who=PHONE, typed=PHONE).status_code == 403
    assert browser.post("/settings/privacy/keep", messages="1").status_code == 403


@pytest.mark.parametrize("who", ["5581987654321", "558187654321", "+55 81 98765-4321"])
@pytest.mark.parametrize("typed", ["+55 81 8765-4321", "5581987654321"])
def test_a_person_may_be_named_and_confirmed_by_any_spelling_of_their_number(
    owner: Browser, services: Services, simulated_connection: Connection, who: str, typed: str
):
    envelope = Envelope("br.1", Person(phone="558187654321", name="Ana"), services.clock())
    services.receive_local(simulated_connection.id, [channel.build_text(envelope, "oi")])
    assert "Nobody here has" not in owner.get(f"/settings/privacy/erase?who={quote(who)}").text
    assert owner.post("/settings/privacy/erase", who=who, typed=typed).status_code == 302
    assert subject.compute_digest("k", who) == subject.compute_digest("k", typed)
