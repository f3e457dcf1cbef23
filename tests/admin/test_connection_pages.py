"""Connections: secrets stay secret, mistakes stay in the form, and nothing is gone for good."""

from typing import Any

import pytest
from admin_browser import Browser
from flask import Flask

from app.bot.connections import Wish
from app.bot.models import Connection
from app.web import House

CLOUD: dict[str, Any] = {
    "name": "Support", "account": "106540352242922", "access_token": "EAAtoken", "app_secret": "s3cr3t-app",
    "verify_token": "v3rify", "display_phone": "", "messages_per_second": "80", "pair_burst": "45",
    "on_unknown": "hold", "enabled": "on",
}  # fmt: skip


@pytest.fixture
def cloud(owner: Browser) -> str:
    answer = owner.post("/connections/new?channel=cloud", **CLOUD)
    assert answer.status_code == 302
    return answer.location


def test_secrets_are_sealed_and_never_shown_again(owner: Browser, cloud: str, house: House):
    page = owner.get(cloud).text
    assert "EAAtoken" not in page
    assert "s3cr3t-app" not in page
    assert "Stored. Leave empty to keep it." in page
    assert 'value="v3rify" readonly' in page
    with house.database.read() as session:
        row = session.get_one(Connection, 1)
        assert "EAAtoken" not in row.secrets + str(row.config)
        assert row.on_unknown == "hold"


def test_an_empty_secret_keeps_its_value_and_a_new_one_replaces_it(
    app: Flask, owner: Browser, cloud: str, house: House
):
    owner.post(cloud, **{**CLOUD, "access_token": "", "app_secret": "new-secret", "verify_token": ""})
    with house.database.read() as session:
        config: Any = app.extensions["bot"].connections.config(session.get_one(Connection, 1))
    assert (config.access_token, config.app_secret, config.verify_token) == (
        "EAAtoken",
        "new-secret",
        "v3rify",
    )


def test_mistakes_are_named_at_their_field_and_the_rest_is_kept(owner: Browser):
    answer = owner.post(
        "/connections/new?channel=cloud", **{**CLOUD, "name": "", "access_token": "two words"}
    )
    assert answer.status_code == 422
    assert "Give the connection a name" in answer.text
    assert "must be one word" in answer.text
    assert 'value="106540352242922"' in answer.text
    assert "s3cr3t-app" not in answer.text


def test_the_same_number_cannot_be_connected_twice(owner: Browser, cloud: str):
    assert cloud
    answer = owner.post("/connections/new?channel=cloud", **{**CLOUD, "name": "Again"})
    assert answer.status_code == 422
    assert "already connected" in answer.text


def test_a_connection_put_away_can_be_brought_back(owner: Browser, cloud: str):
    owner.post(f"{cloud}/archive")
    assert "Nothing is connected yet" in owner.get("/connections/").text
    assert owner.get(cloud).status_code == 404
    owner.post(f"{cloud}/restore")
    assert "Support" in owner.get("/connections/").text


def test_a_parked_connection_says_why_and_can_be_resumed(owner: Browser, cloud: str, house: House):
    def park(session: Any) -> None:
        row = session.get_one(Connection, 1)
        row.parked_until, row.parked_reason = house.clock() + 600_000, "The access token has expired."

    house.database.write(park)
    assert "The access token has expired." in owner.get("/connections/").text
    assert "stands still" in owner.get("/dashboard").text
    owner.post(f"{cloud}/resume")
    assert "The access token has expired." not in owner.get("/connections/").text


def test_the_simulator_needs_no_test_and_says_so(owner: Browser, phone: Connection):
    answer = owner.post(f"/connections/{phone.id}/check", htmx=True)
    assert "The simulator is always connected." in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize("path", ["/connections/new", "/connections/new?channel=nonsense"])
def test_an_unknown_channel_leads_to_the_choice(owner: Browser, path: str):
    assert "How do messages come in?" in owner.get(path).text


def test_many_connections_are_paged_and_found_by_name_or_number(owner: Browser, house: House, app: Flask):
    service = app.extensions["bot"].connections

    def make(session: Any) -> None:
        for n in range(25):
            service.create(session, Wish(f"Shop {n:02}", "simulator", f"sim-{n:04}", {}), house.clock())

    house.database.write(make)
    first = owner.get("/connections/").text
    assert "1–20 of 25" in first
    assert "Shop 24" not in first
    assert "Shop 24" in owner.get("/connections/?page=2").text
    assert "Shop 07" in owner.get("/connections/?q=sim-0007").text
    assert "Nothing matches" in owner.get("/connections/?q=nobody").text
