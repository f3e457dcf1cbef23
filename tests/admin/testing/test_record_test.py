"""A chat saved as a test, from the button to the test in its editor."""

from typing import Any

import pytest
from admin_browser import Browser
from flask import Flask

from app.accounts import Role
from app.bot.models import Connection
from app.brains import versions
from app.web import House
from tests.bot.town import until

SAY = "/simulator/1/say"
ADA = {"person": "15550100001", "name": "Ada"}


@pytest.mark.usefixtures("phone")
def test_an_empty_chat_says_what_to_do_first(owner: Browser):
    owner.post(SAY, htmx=True, text="!hello", **ADA)
    assert "Nothing to test here yet" in owner.get("/chats/1/test/").text
    assert owner.get("/chats/7/test/").status_code == 404


def test_a_simulated_chat_becomes_a_green_test(
    app: Flask, owner: Browser, house: House, phone: Connection, sign_in: Any
):
    worker = app.extensions["bot"].worker()
    worker.start()
    try:
        owner.post(SAY, htmx=True, text="!echo hi", **ADA)
        until(lambda: "You said hi" in owner.get("/chats/1").text)
    finally:
        worker.stop()
    address = "/chats/1/test/"
    assert f'href="{address}"' in owner.get("/chats/1").text
    assert f'href="{address}"' in owner.get(f"/simulator/?connection={phone.id}").text
    page = owner.get(address).text
    assert 'name="first" value="1"' in page
    answer = owner.post(address, name="Echo works", first="1")
    assert answer.location.endswith("/brains/demo/tests/1")
    assert "Green" in owner.get(answer.location).text
    with house.database.read() as session:
        brain = versions.find_brain(session, "demo")
    assert brain
    (test,) = brain.draft["tests"]
    assert test["name"] == "Echo works"
    assert test["steps"] == [{"user": "!echo hi"}, {"bot": "You said hi"}]
    assert owner.post(address, name="Echo works", first="1").location.endswith("/brains/demo/tests/2")
    assert owner.post(address, first="999").location.endswith(address)
    viewer = sign_in(Role.VIEWER)
    assert viewer.get(address).status_code == 403
    assert "Save as a test" not in viewer.get("/chats/1").text
