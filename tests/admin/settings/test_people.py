"""The people page: links are shown once, and what owners do takes effect at once."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app.accounts import second_factor
from app.accounts.roles import Role
from app.accounts.users import find_user
from app.services import Services
from app.web import limiter
from tests.admin.browser import PASSWORD, Browser

LINK = re.compile(r'id="link" value="http://localhost(/[^"]+)"')


@pytest.fixture(autouse=True)
def unlimited() -> Iterator[None]:
    limiter.enabled = False
    yield
    limiter.enabled = True


def find_link(answer: Any) -> str:
    found = LINK.search(answer.text)
    assert found, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return found[1]


def find_id(services: Services, email: str) -> int:
    with services.database.read() as session:
        user = find_user(session, email)
        assert user
        return user.id


def test_an_invited_person_makes_their_account_and_is_signed_in_with_the_role(app: Flask, owner: Browser):
    answer = owner.post("/settings/people/invite", email="Ben@Example.com", role="agent")
    link = find_link(answer)
    assert "ben@example.com" in owner.get("/settings/people/").text
    assert link.rpartition("/")[2] not in owner.get("/settings/people/").text
    ben = Browser(app.test_client())
    assert "You are invited as an agent" in ben.get(link).text
    assert ben.post(link, name="Ben", password="short").status_code == 422
    answer = ben.post(link, name="Ben", password=PASSWORD, timezone="Africa/Accra")
    assert answer.status_code == 302
    assert ben.get("/chats/").status_code == 200
    assert ben.get("/brains/").status_code == 403
    again = app.test_client().get(link)
    assert again.status_code == 404
    assert "used up or has expired" in again.text
    assert "Ben" in owner.get("/settings/people/").text


def test_an_address_that_cannot_be_invited_is_told_and_kept(owner: Browser):
    for email, words in (("nobody", "no e-mail address"), ("owner@example.com", "already an account")):
        answer = owner.post("/settings/people/invite", email=email, role="viewer")
        assert answer.status_code == 422
        assert words in answer.text
        assert f'value="{email}"' in answer.text
    assert owner.post("/settings/people/invite", email="a@example.com", role="king").status_code == 400


def test_a_second_link_says_that_the_earlier_one_no_longer_works(owner: Browser):
    for path, form in (("invite", {"email": "ben@example.com", "role": "agent"}), ("1/reset-password", {})):
        first = owner.post(f"/settings/people/{path}", **form)
        assert "no longer works" not in first.text
        again = owner.post(f"/settings/people/{path}", **form)
        assert "no longer works" in again.text
        assert find_link(again) != find_link(first)


def test_an_invitation_is_taken_back(app: Flask, owner: Browser):
    link = find_link(owner.post("/settings/people/invite", email="ben@example.com", role="agent"))
    assert owner.post("/settings/people/invitations/1/revoke").status_code == 302
    assert app.test_client().get(link).status_code == 404
    assert owner.post("/settings/people/invitations/1/revoke").status_code == 404


def test_another_role_counts_from_the_next_sign_in_which_is_now(
    app: Flask, owner: Browser, sign_in: Callable[[Role], Browser], services: Services
):
    services.realtime.start()
    editor = sign_in(Role.EDITOR)
    live = app.extensions["socketio"].test_client(app, flask_test_client=editor.client)
    editor_id = find_id(services, "editor@example.com")
    began = time.monotonic()
    assert owner.post(f"/settings/people/{editor_id}/role", role="viewer").status_code == 302
    assert "/login" in editor.get("/brains/").location
    while live.is_connected() and time.monotonic() - began < 5:
        time.sleep(0.01)
    assert not live.is_connected()
    assert time.monotonic() - began < 1
    editor.token = ""
    editor.post("/login", email="editor@example.com", password=PASSWORD)
    assert editor.get("/brains/").status_code == 200
    assert editor.get("/brains/import").status_code == 403


def test_a_deactivated_person_is_out_until_they_are_activated_again(
    owner: Browser, sign_in: Callable[[Role], Browser], services: Services
):
    agent = sign_in(Role.AGENT)
    agent_id = find_id(services, "agent@example.com")
    owner.post(f"/settings/people/{agent_id}/deactivate")
    assert "/login" in agent.get("/chats/").location
    agent.token = ""
    answer = agent.post("/login", email="agent@example.com", password=PASSWORD)
    assert answer.status_code == 422
    assert "do not belong together" in answer.text
    assert "Deactivated" in owner.get("/settings/people/").text
    owner.post(f"/settings/people/{agent_id}/reactivate")
    agent.token = ""
    assert agent.post("/login", email="agent@example.com", password=PASSWORD).status_code == 302


def test_an_owner_cannot_be_the_last_one_to_go(owner: Browser, services: Services):
    own_id = find_id(services, "owner@example.com")
    for act, form in (("role", {"role": "viewer"}), ("deactivate", {})):
        owner.post(f"/settings/people/{own_id}/{act}", **form)
        assert "Ask another owner" in owner.get("/settings/people/").text
    owner.post("/settings/people/999/deactivate")
    assert "There is no such person." in owner.get("/settings/people/").text


def test_a_password_link_sets_another_password_and_signs_out(
    app: Flask, owner: Browser, sign_in: Callable[[Role], Browser], services: Services
):
    agent = sign_in(Role.AGENT)
    agent_id = find_id(services, "agent@example.com")
    link = find_link(owner.post(f"/settings/people/{agent_id}/reset-password"))
    visitor = Browser(app.test_client())
    assert "agent@example.com" in visitor.get(link).text
    assert visitor.post(link, password="short").status_code == 422
    assert agent.get("/chats/").status_code == 200
    assert visitor.post(link, password="another long password").location.endswith("/login")
    assert "/login" in agent.get("/chats/").location
    assert app.test_client().get(link).status_code == 404
    answer = visitor.post("/login", email="agent@example.com", password="another long password")
    assert answer.status_code == 302


def test_a_reset_second_factor_is_told_at_the_next_sign_in(
    owner: Browser, sign_in: Callable[[Role], Browser], services: Services
):
    agent = sign_in(Role.AGENT)
    agent_id = find_id(services, "agent@example.com")
    services.database.write(lambda s: second_factor.begin_setup(s, agent_id, "sealed"))
    services.database.write(lambda s: second_factor.enable(s, agent_id, 1, [], (0, services.clock())))
    assert "Reset second factor" in owner.get("/settings/people/").text
    owner.post(f"/settings/people/{agent_id}/reset-factor")
    assert "/login" in agent.get("/chats/").location
    agent.token = ""
    answer = agent.client.post(
        "/login", data={"email": "agent@example.com", "password": PASSWORD, "csrf_token": find_token(agent)}
    )
    assert answer.location.endswith("/")
    assert "has reset your second factor" in agent.get("/chats/").text
    assert "has reset your second factor" in agent.get("/settings/account/").text
    assert "Reset second factor" not in owner.get("/settings/people/").text


def find_token(browser: Browser) -> str:
    browser.get("/login")
    return browser.token
