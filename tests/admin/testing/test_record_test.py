"""A chat saved as a test, from the button to the test in its editor."""

from typing import Any

import pytest
from flask import Flask

from app.accounts.roles import Role
from app.bot.models import Connection
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser
from tests.bot.simulated_bot import wait_until

SAY = "/simulator/1/say"
ADA = {"person": "15550100001", "name": "Ada"}


@pytest.mark.usefixtures("simulated_connection")
def test_an_empty_chat_says_what_to_do_first(owner: Browser):
    owner.post(SAY, htmx=True, text="!hello", **ADA)
    assert "Nothing to test here yet" in owner.get("/chats/1/test/").text
    assert owner.get("/chats/7/test/").status_code == 404


def test_a_simulated_chat_becomes_a_green_test(
    app: Flask, owner: Browser, services: Services, simulated_connection: Connection, sign_in: Any
):
    worker = app.extensions["services"].build_worker()
    worker.start()
    try:
        owner.post(SAY, htmx=True, text="!echo hi", **ADA)
        wait_until(lambda: "You said hi" in owner.get("/chats/1").text)
    finally:
        worker.stop()
    address = "/chats/1/test/"
    assert f'href="{address}"' in owner.get("/chats/1").text
    assert f'href="{address}"' in owner.get(f"/simulator/?connection={simulated_connection.id}").text
    page = owner.get(address).text
    assert 'name="first" value="1"' in page
    answer = owner.post(address, name="Echo works", first="1")
    assert answer.location.endswith("/brains/demo/tests/1")
    assert "Passed" in owner.get(answer.location).text
    with services.database.read() as session:
        brain = store.find_brain(session, "demo")
    assert brain
    (test,) = brain.draft["tests"]
    assert test["name"] == "Echo works"
    assert test["steps"] == [{"user": "!echo hi"}, {"bot": "You said hi"}]
    assert owner.post(address, name="Echo works", first="1").location.endswith("/brains/demo/tests/2")
    assert owner.post(address, first="999").location.endswith(address)
    viewer = sign_in(Role.VIEWER)
    assert viewer.get(address).status_code == 403
    assert "Save as a test" not in viewer.get("/chats/1").text
