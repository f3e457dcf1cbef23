from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.roles import Role
from app.bot.models import Connection
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.browser import Browser

# What is open to everybody; the webhook stands in front of Flask and proves who calls by a signature.
PUBLIC = {
    "home",
    "auth.show_sign_in",
    "auth.submit_sign_in",
    "auth.show_code",
    "auth.submit_code",
    "access_links.show_invitation",
    "access_links.accept_invitation",
    "access_links.show_reset",
    "access_links.reset_password",
    "setup.show_account",
    "setup.create_account",
    "health.check_liveness",
    "health.check_readiness",
}


def test_every_route_asks_for_a_role_or_is_one_of_the_public_ones(app: Flask):
    views = {name: view for name, view in app.view_functions.items() if name != "static"}
    assert {rule.endpoint for rule in app.url_map.iter_rules()} - {"static"} <= set(views)
    assert {name for name, view in views.items() if not hasattr(view, "needs_right")} == PUBLIC
    assert {name for name, view in views.items() if hasattr(view, "is_public")} == PUBLIC


@pytest.mark.parametrize("role", [None, *Role])
def test_a_view_without_a_mark_is_refused_to_everybody(
    app: Flask, sign_in: Callable[[Role], Browser], owner: Browser, role: Role | None
):
    assert owner
    app.view_functions["dashboard.show_board"] = lambda: "nobody said who may see this"
    browser = Browser(app.test_client()) if role is None else (owner if role == Role.OWNER else sign_in(role))
    assert browser.get("/dashboard").status_code == 404


def test_every_socket_event_asks_for_a_role(app: Flask):
    handlers: list[tuple[str, Any, str]] = vars(app.extensions["socketio"])["handlers"]
    bare = [event for event, handler, _ in handlers if not hasattr(handler, "needs_right")]
    assert {event for event, _, _ in handlers} == {"connect", "watch"}
    assert bare == []


def test_a_viewer_sees_and_cannot_change(
    sign_in: Callable[[Role], Browser], demo_brain: object, simulated_connection: object
):
    assert demo_brain
    assert simulated_connection
    viewer = sign_in(Role.VIEWER)
    for path in (
        "/dashboard",
        "/brains/",
        "/brains/demo",
        "/brains/demo/commands/echo",
        "/simulator/",
        "/chats/",
    ):
        assert viewer.get(path).status_code == 200
    assert viewer.post("/brains/demo/commands/echo", name="x").status_code == 403
    assert viewer.post("/brains/demo/publish").status_code == 403
    assert viewer.post("/simulator/1/say", text="!hello", person="15550100001").status_code == 403
    assert viewer.get("/connections/1").status_code == 403


def test_an_editor_changes_brains_and_no_secrets_of_connections(
    sign_in: Callable[[Role], Browser], simulated_connection: object
):
    assert simulated_connection
    editor = sign_in(Role.EDITOR)
    assert editor.post("/brains/demo/publish").status_code == 302
    assert editor.post("/connections/1/archive").status_code == 302
    assert editor.get("/connections/new").status_code == 403
    assert editor.post("/connections/new").status_code == 403


def test_an_agent_answers_chats_and_changes_nothing_else(
    sign_in: Callable[[Role], Browser], services: Services, simulated_connection: Connection
):
    item = channel.build_text(
        Envelope("in.1", Person(phone="15550100001", name="Ada"), services.clock()), "hi"
    )
    services.receive_local(simulated_connection.id, [item])
    agent = sign_in(Role.AGENT)
    for path, form in (
        ("/chats/1/messages", {"as": "note", "text": "call back"}),
        ("/chats/1/messages", {"text": "hello", "once": "0123456789"}),
        ("/chats/1/labels", {"name": "VIP", "colour": "red"}),
        ("/chats/1/resume", {}),
        ("/chats/1/pause", {}),
        ("/chats/1/unread", {}),
    ):
        assert agent.post(path, **form).status_code == 302, path
    page = agent.get("/chats/1").text
    assert "call back" in page
    assert "hello" in page
    assert "/why" not in page
    for path in ("/chats/labels", "/chats/1/test/", "/failures/other/resend", "/brains/demo/publish"):
        assert agent.post(path).status_code == 403, path
    assert agent.get("/chats/1/export.json").status_code == 403
