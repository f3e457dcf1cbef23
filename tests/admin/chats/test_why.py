"""“Why?” beside messages: in the chat, in the simulator, and as a page of its own."""

import re
from typing import Any

import pytest
from flask import Flask

from app.accounts.roles import Role
from app.bot.models import Connection, Message, Run
from app.brains.ai.models import AiCall
from app.brains.versions import store
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.browser import Browser

WHY = "/chats/1/messages/1/why"


@pytest.fixture
def waiting_message(app: Flask, services: Services, simulated_connection: Connection) -> int:
    """Store a message that waits."""
    item = channel.build_text(
        Envelope("in.1", Person(phone="15550100001", name="Ada"), services.clock()), "!<echo>"
    )
    app.extensions["services"].receive_local(simulated_connection.id, [item])
    return 1


def insert_run(services: Services, brain: Any, **more: Any) -> None:
    """Let a run of the message be recorded."""
    facts = {
        "message_id": 1, "chat_id": 1, "brain_id": brain.id, "version_id": brain.live_version_id,
        "outcome": "silent", "trace": {}, "micros": 1, "created_at": 1, **more,
    }  # fmt: skip
    services.database.write(lambda session: session.add(Run(**facts)))


@pytest.mark.usefixtures("waiting_message")
def test_a_waiting_message_says_so_and_links_stand_beside_it(owner: Browser):
    part = owner.get(WHY, htmx=True).text
    assert "Not handled yet" in part
    assert "!&lt;echo&gt;" in part
    assert "<html" not in part
    assert "<html" in owner.get(WHY).text
    thread = owner.get("/chats/1").text
    assert f'hx-get="{WHY}"' in thread
    assert 'id="why-content"' in thread


@pytest.mark.usefixtures("waiting_message")
def test_a_command_is_one_click_away_and_the_simulator_asks_too(
    owner: Browser, services: Services, demo_brain: Any
):
    blocked = {"considered": [{"command": "echo", "verdict": "blocked", "why": "runs in groups only"}]}
    insert_run(services, demo_brain, command_id="echo", trace=blocked)
    part = owner.get(WHY, htmx=True).text
    assert "Restriction" in part
    assert "“Echo” matches, but it runs in groups only." in part
    assert 'href="/brains/demo/commands/echo"' in part
    assert f'hx-get="{WHY}"' in owner.get("/simulator/").text


@pytest.mark.usefixtures("waiting_message")
def test_what_nothing_fits_leads_to_the_brain_and_a_brain_put_away_to_none(
    owner: Browser, services: Services, demo_brain: Any
):
    insert_run(services, demo_brain, trace={"reason": "no command matches this message"})
    assert 'href="/brains/demo"' in owner.get(WHY, htmx=True).text
    services.database.write(lambda s: store.archive(s, demo_brain.id, services.clock()))
    assert "/brains/demo" not in owner.get(WHY, htmx=True).text


@pytest.mark.usefixtures("waiting_message")
def test_a_call_of_a_model_tells_what_it_cost(owner: Browser, services: Services, demo_brain: Any):
    line = {"method": "ai", "short": "greet", "ms": 7, "ok": True}
    facts = {"calls": [line, line, {**line, "method": "http.get"}], "run_micros": 1}
    insert_run(services, demo_brain, command_id="echo", outcome="answered", trace=facts)
    call = {
        "brain_id": demo_brain.id,
        "message_id": 1,
        "provider": "p",
        "model": "m",
        "messages": [],
        "status": "ok",
    }
    calls = [
        AiCall(**call, tokens_in=7, cost=312, currency="EUR", created_at=1),
        AiCall(**call, tokens_in=9, created_at=2),
    ]
    services.database.write(lambda session: session.add_all(calls))
    page = owner.get(WHY).text
    assert re.findall(r'class="trail-at">(7 ms[^<]*)<', page) == [
        "7 ms · 7 tokens · €0.000312 · m",
        "7 ms · 9 tokens · m",
        "7 ms",
    ]


@pytest.mark.usefixtures("waiting_message")
def test_a_dead_message_is_handled_again(owner: Browser, services: Services):
    services.database.write(lambda s: setattr(s.get_one(Message, 1), "state", "dead"))
    assert "Handle it again" in owner.get(WHY, htmx=True).text
    owner.post("/chats/1/messages/1/retry")
    assert "Not handled yet" in owner.get(WHY, htmx=True).text


@pytest.mark.usefixtures("waiting_message")
@pytest.mark.parametrize(
    ("reason", "door"),
    [
        ("The connection has no brain.", "/connections/1"),
        ("A person answers in this chat: Ben.", ""),
        ("The published version cannot run. Publish the brain again.", "/brains/demo/versions"),
    ],
)
def test_the_remedy_is_a_link(sign_in: Any, services: Services, demo_brain: Any, reason: str, door: str):
    if "no brain" in reason:
        services.database.write(lambda s: setattr(s.get_one(Connection, 1), "brain_id", None))
    insert_run(services, demo_brain, trace={"reason": reason})
    part = sign_in(Role.OWNER).get(WHY, htmx=True).text
    assert (f'href="{door}"' in part) == bool(door)
    viewer = sign_in(Role.VIEWER).get(WHY, htmx=True)
    assert viewer.status_code == 200
    assert "/connections/" not in viewer.text


@pytest.mark.usefixtures("waiting_message")
def test_what_was_answered_with_a_later_message_leads_to_its_answer(
    owner: Browser, services: Services, demo_brain: Any
):
    insert_run(
        services, demo_brain, outcome="merged", trace={"version": 2, "cause": "merged", "merged_into": 7}
    )
    assert 'href="/chats/1/messages/7/why"' in owner.get(WHY, htmx=True).text


@pytest.mark.parametrize("path", ["/chats/2/messages/1/why", "/chats/1/messages/9/why"])
@pytest.mark.usefixtures("waiting_message")
def test_a_message_of_another_chat_is_not_there(owner: Browser, path: str):
    assert owner.get(path).status_code == 404
