"""The pages of the failure desk: who may see and do what, without JavaScript too, and what they say."""

from typing import Any

import pytest
from admin_browser import Browser
from flask import Flask
from sqlalchemy import select, update

from app.accounts import Role
from app.bot.channels import simulator
from app.bot.channels.contract import Person
from app.bot.channels.simulator import Envelope
from app.bot.models import Attempt, Connection, Errand, Message
from app.web import House


@pytest.fixture
def dead(app: Flask, house: House, phone: Connection) -> list[int]:
    """Store three messages that could not be handled."""
    for number in range(3):
        item = simulator.text(
            Envelope(f"in.{number}", Person(phone="15550100001", name="Ada <3"), house.clock()),
            f"!<echo {number}>",
        )
        app.extensions["bot"].accept_local(phone.id, [item])
    house.database.write(
        lambda s: s.execute(update(Message).values(state="dead", error_code="turn", error="It broke."))
    )
    return [1, 2, 3]


def states(house: House) -> list[tuple[str, bool]]:
    with house.database.read() as session:
        rows = session.scalars(select(Message).order_by(Message.id))
        return [(row.state, row.aside_at is not None) for row in rows]


def test_an_empty_desk_says_so(owner: Browser):
    page = owner.get("/failures/").text
    assert "Nothing needs you" in page
    assert "Nothing matches" in owner.get("/failures/?age=day").text
    assert "Nothing is set aside" in owner.get("/failures/?view=aside").text
    assert "None left" in owner.get("/failures/token").text


@pytest.mark.usefixtures("dead")
def test_failures_stand_under_their_cause_and_in_the_menu(owner: Browser):
    assert "Message could not be handled" in owner.get("/failures/").text
    page = owner.get("/failures/brain").text
    assert page.count("data-tick>") == 3
    assert "Ada &lt;3" in page
    assert "!&lt;echo 2&gt;" in page
    assert 'href="/brains/demo"' in page
    part = owner.get("/failures/brain", htmx=True).text
    assert "<html" not in part
    assert 'id="desk"' in part
    assert "3" in owner.get("/failures/count", htmx=True).text
    assert owner.get("/failures/count").status_code == 302
    assert 'aria-label="Causes"' in owner.get("/failures/brain?connection=99").text


def test_ticked_messages_are_sent_again_and_the_rest_is_left(owner: Browser, house: House, dead: list[int]):
    answer = owner.post("/failures/brain/again", id=[str(dead[0]), str(dead[2])])
    assert answer.status_code == 302
    assert [state for state, _ in states(house)] == ["new", "dead", "new"]
    assert "2 messages are queued to be sent again" in owner.get("/failures/brain").text
    owner.post("/failures/brain/again", id=str(dead[0]))
    assert "moved on meanwhile" in owner.get("/failures/brain").text
    with house.database.read() as session:
        assert [row.user_id for row in session.scalars(select(Attempt))] == [1, 1]


@pytest.mark.usefixtures("dead")
def test_all_of_a_cause_are_set_aside_and_undone(owner: Browser, house: House):
    part = owner.post("/failures/brain/aside", htmx=True, all="yes").text
    assert "3 messages are set aside" in part
    assert "/failures/errands/1/undo" in part
    assert [aside for _, aside in states(house)] == [True] * 3
    assert "Message could not be handled" in owner.get("/failures/?view=aside").text
    owner.post("/failures/errands/1/undo")
    assert states(house) == [("dead", False)] * 3
    owner.post("/failures/errands/1/undo")
    assert states(house) == [("dead", False)] * 3


@pytest.mark.usefixtures("dead")
def test_a_bulk_action_that_is_under_way_is_shown_and_cancelled(owner: Browser, house: House):
    facts = {"act": "again", "cause": "brain", "wish": {}, "total": 900, "seen": 100, "done": 90, "place": 1}
    row = Errand(**facts, upto=9, created_at=house.clock(), cancelled=False)
    house.database.write(lambda session: session.add(row))
    page = owner.get("/failures/brain").text
    assert "100 of 900" in page
    assert 'max="900" value="100"' in page
    owner.post("/failures/errands/1/cancel", cause="brain")
    assert "cancelled" in owner.get("/failures/brain").text


@pytest.mark.usefixtures("dead")
def test_nothing_ticked_and_what_does_not_exist_are_told(owner: Browser, house: House):
    assert "Tick the messages first" in owner.post("/failures/brain/again", htmx=True).text
    assert "nothing to do here any more" in owner.post("/failures/token/again", htmx=True, all="yes").text
    assert owner.post("/failures/brain/explode").status_code == 404
    assert owner.post("/failures/nothing/again").status_code == 404
    assert owner.get("/failures/nothing").status_code == 404
    assert owner.post("/failures/brain/again", id="x; drop", htmx=True).status_code == 200
    assert states(house) == [("dead", False)] * 3


@pytest.mark.usefixtures("dead")
def test_a_viewer_sees_and_may_do_nothing(sign_in: Any, house: House):
    viewer = sign_in(Role.VIEWER)
    page = viewer.get("/failures/brain").text
    assert "Ada" in page
    assert "data-tick" not in page
    assert viewer.post("/failures/brain/again", all="yes").status_code == 403
    assert viewer.post("/failures/errands/1/cancel").status_code == 403
    assert viewer.post("/failures/errands/1/undo").status_code == 403
    assert viewer.post("/chats/1/messages/1/again").status_code == 403
    assert states(house) == [("dead", False)] * 3


def test_a_message_of_another_chat_is_not_run_again(owner: Browser, dead: list[int]):
    assert owner.post(f"/chats/9/messages/{dead[0]}/again").status_code == 404
    part = owner.post(f"/chats/1/messages/{dead[0]}/again", htmx=True).text
    assert "No brain was asked" in part
    assert owner.post(f"/chats/1/messages/{dead[0]}/again").status_code == 302
    assert "Not run again" in owner.get(f"/chats/1/messages/{dead[0]}/why?again=yes").text
