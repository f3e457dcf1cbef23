"""The pages of failures: who may see and do what, without JavaScript too, and what they say."""

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.roles import Role
from app.bot.models import Attempt, BulkAction, Connection, Message
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.browser import Browser


@pytest.fixture
def dead_messages(app: Flask, services: Services, simulated_connection: Connection) -> list[int]:
    """Store three messages that could not be handled."""
    for number in range(3):
        item = channel.build_text(
            Envelope(f"in.{number}", Person(phone="15550100001", name="Ada <3"), services.clock()),
            f"!<echo {number}>",
        )
        app.extensions["services"].receive_local(simulated_connection.id, [item])
    services.database.write(
        lambda s: s.execute(update(Message).values(state="dead", error_code="turn", error="It broke."))
    )
    return [1, 2, 3]


def list_states(services: Services) -> list[tuple[str, bool]]:
    with services.database.read() as session:
        rows = session.scalars(select(Message).order_by(Message.id))
        return [(row.state, row.dismissed_at is not None) for row in rows]


def test_the_page_without_failures_says_so(owner: Browser):
    page = owner.get("/failures/").text
    assert "No failed messages" in page
    assert "Nothing matches" in owner.get("/failures/?age=day").text
    assert "Nothing is dismissed" in owner.get("/failures/?view=aside").text
    assert "None left" in owner.get("/failures/token").text


def test_dashboard_menu_and_page_say_one_number_of_failures(
    owner: Browser, services: Services, dead_messages: list[int]
):
    states = [("failed", "131026"), ("retry", "190"), ("unknown", "unknown")]

    def fail(session: Any) -> None:
        for message_id, (state, code) in zip(dead_messages, states, strict=True):
            session.execute(
                update(Message).where(Message.id == message_id).values(state=state, error_code=code)
            )

    services.database.write(fail)
    board = owner.get("/dashboard").text
    assert re.search(r'Failures</span><span class="figure-value">2</span>', board)
    assert re.search(r'Unconfirmed</span><span class="figure-value">1</span>', board)
    assert ">2" in owner.get("/failures/count", htmx=True).text
    page = owner.get("/failures/").text
    assert re.search(r'<h1 class="page-name">Failures <span class="failures-number">2<', page)


@pytest.mark.usefixtures("dead_messages")
def test_failures_stand_under_their_cause_and_in_the_menu(owner: Browser):
    assert "Message could not be handled" in owner.get("/failures/").text
    page = owner.get("/failures/brain").text
    assert page.count("data-tick>") == 3
    assert "Ada &lt;3" in page
    assert "!&lt;echo 2&gt;" in page
    assert 'href="/brains/demo"' in page
    part = owner.get("/failures/brain", htmx=True).text
    assert "<html" not in part
    assert 'id="failures"' in part
    assert "3" in owner.get("/failures/count", htmx=True).text
    assert owner.get("/failures/count").status_code == 302
    assert 'aria-label="Causes"' in owner.get("/failures/brain?connection=99").text


def test_ticked_messages_are_sent_again_and_the_rest_is_left(
    owner: Browser, services: Services, dead_messages: list[int]
):
    answer = owner.post("/failures/brain/again", id=[str(dead_messages[0]), str(dead_messages[2])])
    assert answer.status_code == 302
    assert [state for state, _ in list_states(services)] == ["new", "dead", "new"]
    assert "2 messages are queued to be sent again" in owner.get("/failures/brain").text
    owner.post("/failures/brain/again", id=str(dead_messages[0]))
    assert "changed meanwhile" in owner.get("/failures/brain").text
    with services.database.read() as session:
        assert [row.user_id for row in session.scalars(select(Attempt))] == [1, 1]


@pytest.mark.usefixtures("dead_messages")
def test_all_of_a_cause_are_dismissed_and_restored(owner: Browser, services: Services):
    part = owner.post("/failures/brain/aside", htmx=True, all="yes").text
    assert "3 messages are dismissed" in part
    assert "/failures/errands/1/undo" in part
    assert [aside for _, aside in list_states(services)] == [True] * 3
    assert "Message could not be handled" in owner.get("/failures/?view=aside").text
    owner.post("/failures/errands/1/undo")
    assert list_states(services) == [("dead", False)] * 3
    owner.post("/failures/errands/1/undo")
    assert list_states(services) == [("dead", False)] * 3


@pytest.mark.usefixtures("dead_messages")
def test_a_bulk_action_that_is_under_way_is_shown_and_cancelled(owner: Browser, services: Services):
    facts = {
        "action": "again",
        "cause": "brain",
        "filters": {},
        "total": 900,
        "seen": 100,
        "done": 90,
        "position": 1,
    }
    row = BulkAction(**facts, last_id=9, created_at=services.clock(), cancelled=False)
    services.database.write(lambda session: session.add(row))
    page = owner.get("/failures/brain").text
    assert "100 of 900" in page
    assert 'max="900" value="100"' in page
    owner.post("/failures/errands/1/cancel", cause="brain")
    assert "cancelled" in owner.get("/failures/brain").text


@pytest.mark.usefixtures("dead_messages")
def test_nothing_ticked_and_what_does_not_exist_are_told(owner: Browser, services: Services):
    assert "Select messages first" in owner.post("/failures/brain/again", htmx=True).text
    assert "nothing left to do here" in owner.post("/failures/token/again", htmx=True, all="yes").text
    assert owner.post("/failures/brain/explode").status_code == 404
    assert owner.post("/failures/nothing/again").status_code == 404
    assert owner.get("/failures/nothing").status_code == 404
    assert owner.post("/failures/brain/again", id="x; drop", htmx=True).status_code == 200
    assert list_states(services) == [("dead", False)] * 3


@pytest.mark.usefixtures("dead_messages")
def test_a_viewer_sees_and_may_do_nothing(sign_in: Any, services: Services):
    viewer = sign_in(Role.VIEWER)
    page = viewer.get("/failures/brain").text
    assert "Ada" in page
    assert "data-tick" not in page
    assert viewer.post("/failures/brain/again", all="yes").status_code == 403
    assert viewer.post("/failures/errands/1/cancel").status_code == 403
    assert viewer.post("/failures/errands/1/undo").status_code == 403
    assert viewer.post("/chats/1/messages/1/again").status_code == 403
    assert list_states(services) == [("dead", False)] * 3


def test_a_message_of_another_chat_is_not_run_again(owner: Browser, dead_messages: list[int]):
    assert owner.post(f"/chats/9/messages/{dead_messages[0]}/again").status_code == 404
    part = owner.post(f"/chats/1/messages/{dead_messages[0]}/again", htmx=True).text
    assert "No brain was asked" in part
    assert owner.post(f"/chats/1/messages/{dead_messages[0]}/again").status_code == 302
    assert "Not run again" in owner.get(f"/chats/1/messages/{dead_messages[0]}/why?again=yes").text
