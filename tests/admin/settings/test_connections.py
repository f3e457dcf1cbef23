"""Connections: secrets stay secret, mistakes stay in the form, and nothing is gone for good."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app import channels
from app.accounts.roles import Role
from app.bot.connections.store import ConnectionInput, ConnectionStore
from app.bot.models import Connection, Message
from app.brains.versions import store
from app.channels.contract import Person
from app.channels.registry import load_channels
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.browser import Browser
from tests.channels.test_contract import SCRATCH

CLOUD: dict[str, Any] = {
    "name": "Support", "account": "106540352242922", "access_token": "EAAtoken", "app_secret": "s3cr3t-app",
    "verify_token": "v3rify", "display_phone": "", "messages_per_second": "80", "pair_burst": "45",
    "on_unknown": "hold", "enabled": "on",
}  # fmt: skip


@pytest.fixture
def cloud_connection_url(owner: Browser) -> str:
    answer = owner.post("/connections/new?channel=cloud", **CLOUD)
    assert answer.status_code == 302
    return answer.location


def test_secrets_are_sealed_and_never_shown_again(
    owner: Browser, cloud_connection_url: str, services: Services
):
    page = owner.get(cloud_connection_url).text
    assert "EAAtoken" not in page
    assert "s3cr3t-app" not in page
    assert "Stored. Leave empty to keep it." in page
    assert 'value="v3rify" readonly' in page
    with services.database.read() as session:
        row = session.get_one(Connection, 1)
        assert "EAAtoken" not in row.secrets + str(row.config)
        assert row.on_unknown == "hold"


def test_an_empty_secret_keeps_its_value_and_a_new_one_replaces_it(
    app: Flask, owner: Browser, cloud_connection_url: str, services: Services
):
    owner.post(
        cloud_connection_url, **{**CLOUD, "access_token": "", "app_secret": "new-secret", "verify_token": ""}
    )
    with services.database.read() as session:
        config: Any = app.extensions["services"].connections.load_config(session.get_one(Connection, 1))
    assert (config.access_token, config.app_secret, config.verify_token) == (
        "EAAtoken",
        "new-secret",
        "v3rify",
    )


def test_an_editor_changes_the_bot_and_the_limits_and_neither_sees_nor_sets_the_account(
    app: Flask, cloud_connection_url: str, services: Services, sign_in: Callable[[Role], Browser]
):
    editor = sign_in(Role.EDITOR)
    page = editor.get(cloud_connection_url).text
    assert "v3rify" not in page
    assert 'name="access_token"' not in page
    changed = {**CLOUD, "name": "Desk", "account": "999", "access_token": "EAAother", "pair_burst": "7"}
    assert editor.post(cloud_connection_url, **changed).status_code == 302
    with services.database.read() as session:
        row = session.get_one(Connection, 1)
        config: Any = app.extensions["services"].connections.load_config(row)
        assert (row.name, row.pair_burst, row.account) == ("Desk", 7, CLOUD["account"])
    assert (config.access_token, config.verify_token) == ("EAAtoken", "v3rify")


def test_mistakes_are_named_at_their_field_and_the_rest_is_kept(owner: Browser):
    answer = owner.post(
        "/connections/new?channel=cloud", **{**CLOUD, "name": "", "access_token": "two words"}
    )
    assert answer.status_code == 422
    assert "Give the connection a name" in answer.text
    assert "must be one word" in answer.text
    assert 'value="106540352242922"' in answer.text
    assert "s3cr3t-app" not in answer.text


def test_the_same_number_cannot_be_connected_twice(owner: Browser, cloud_connection_url: str):
    assert cloud_connection_url
    answer = owner.post("/connections/new?channel=cloud", **{**CLOUD, "name": "Again"})
    assert answer.status_code == 422
    assert "already connected" in answer.text


def test_a_connection_put_away_can_be_brought_back(owner: Browser, cloud_connection_url: str):
    owner.post(f"{cloud_connection_url}/archive")
    assert "Nothing is connected yet" in owner.get("/connections/").text
    assert owner.get(cloud_connection_url).status_code == 404
    owner.post(f"{cloud_connection_url}/restore")
    assert "Support" in owner.get("/connections/").text


def test_a_parked_connection_says_why_and_can_be_resumed(
    owner: Browser, cloud_connection_url: str, services: Services
):
    def park(session: Any) -> None:
        row = session.get_one(Connection, 1)
        row.parked_until, row.parked_reason = services.clock() + 600_000, "The access token has expired."

    services.database.write(park)
    assert "The access token has expired." in owner.get("/connections/").text
    assert "sending paused" in owner.get("/dashboard").text
    owner.post(f"{cloud_connection_url}/resume")
    assert "The access token has expired." not in owner.get("/connections/").text


def test_a_new_token_lets_what_waited_for_it_go_at_once(
    app: Flask, owner: Browser, cloud_connection_url: str, services: Services
):
    now = services.clock()
    item = channel.build_text(Envelope("in.1", Person(phone="15550100001", name="Ada"), now), "hello")
    app.extensions["services"].receive_local(1, [item])

    def park(session: Session) -> None:
        session.get_one(Connection, 1).parked_until = now + 600_000
        session.execute(update(Message).values(direction="out", state="retry", next_at=now + 600_000))

    services.database.write(park)
    owner.post(cloud_connection_url, **{**CLOUD, "access_token": "EAAnew"})
    assert "Saved. What waited is sent now." in owner.get(cloud_connection_url).text
    with services.database.read() as session:
        assert session.get_one(Connection, 1).parked_until == 0
        next_at = session.scalars(select(Message.next_at)).one()
        assert next_at is not None
        assert now <= next_at < now + 600_000


def test_the_simulator_needs_no_test_and_says_so(owner: Browser, simulated_connection: Connection):
    answer = owner.post(f"/connections/{simulated_connection.id}/check", htmx=True)
    assert "The simulator is always connected." in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize("path", ["/connections/new", "/connections/new?channel=nonsense"])
def test_an_unknown_channel_leads_to_the_choice(owner: Browser, path: str):
    assert "How do messages come in?" in owner.get(path).text


def test_many_connections_are_paged_and_found_by_name_or_number(
    owner: Browser, services: Services, app: Flask
):
    service = app.extensions["services"].connections

    def make(session: Any) -> None:
        for n in range(25):
            service.create(
                session, ConnectionInput(f"Shop {n:02}", "simulator", f"sim-{n:04}", {}), services.clock()
            )

    services.database.write(make)
    first = owner.get("/connections/").text
    assert "1–20 of 25" in first
    assert "Shop 24" not in first
    assert "Shop 24" in owner.get("/connections/?page=2").text
    assert "Shop 07" in owner.get("/connections/?q=sim-0007").text
    assert "Nothing matches" in owner.get("/connections/?q=nobody").text


def test_a_new_channel_is_offered_and_drawn_without_a_page_that_knows_it(
    owner: Browser, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "pager.py").write_text(SCRATCH)
    monkeypatch.setattr(channels, "__path__", [*channels.__path__, str(tmp_path)])
    services.channels = load_channels(services.settings)
    services.connections = ConnectionStore(services.channels, services.vault)
    assert "A pager." in owner.get("/connections/new").text
    assert "Connect a pager" in owner.get("/connections/").text
    form = owner.get("/connections/new?channel=pager").text
    for shown in (
        "Pager number",
        "It is on its back.",
        "<strong>the label</strong>",
        "/webhooks/pager",
        "Region",
    ):
        assert shown in form
    values = {"name": "Pagers", "account": "7", "token": "beep", "region": "south"}
    saved = owner.get(owner.post("/connections/new?channel=pager", **values).location).text
    assert "beep" not in saved
    assert 'value="south"' in saved
    sys.modules.pop("app.channels.pager", None)


def test_a_new_connection_proposes_the_only_brain_and_none_of_several(
    owner: Browser, demo_brain: Any, services: Services
):
    chosen = f'<option value="{demo_brain.id}" selected>'
    assert chosen in owner.get("/connections/new?channel=cloud").text
    services.database.write(lambda session: store.create_brain(session, "two", "Two", {"commands": []}, 1))
    assert chosen not in owner.get("/connections/new?channel=cloud").text


def test_a_connection_says_when_nobody_answers_and_when_meta_cannot_reach_it(
    owner: Browser, simulated_connection: Connection, services: Services
):
    path = f"/connections/{simulated_connection.id}"
    assert "Nobody answers here" not in owner.get(path).text
    owner.post(path, name="Test phone", account="sim-test", enabled="on")
    assert "Nobody answers here" in owner.get(path).text
    assert "only to a public https address" in owner.get("/connections/new?channel=cloud").text
    object.__setattr__(services.settings, "public_url", "https://bots.example.com")
    assert "only to a public https address" not in owner.get("/connections/new?channel=cloud").text


def test_a_connection_that_nobody_answers_says_so_on_its_page_and_in_the_list(
    owner: Browser, cloud_connection_url: str, services: Services
):
    assert "Nobody answers here: messages are kept" in owner.get(cloud_connection_url).text
    assert "Meta sends webhooks only to a public https address" in owner.get(cloud_connection_url).text
    page = owner.get("/connections/").text
    assert "Nobody answers" in page
    assert "No webhook received yet" in page
    brain = services.database.write(lambda s: store.create_brain(s, "new", "New", {"commands": []}, 1))
    owner.post(cloud_connection_url, **{**CLOUD, "brain_id": str(brain.id)})
    assert "“New” is not published yet" in owner.get(cloud_connection_url).text
    assert "Its bot is not published" in owner.get("/connections/").text


def test_read_marks_and_typing_are_off_until_they_are_chosen(
    owner: Browser, cloud_connection_url: str, services: Services
):
    page = owner.get(cloud_connection_url).text
    assert '<option value="off" selected>' in page
    assert "Show typing while the bot works longer than a second" in page
    owner.post(cloud_connection_url, **CLOUD, mark_read="answer", show_typing="on")
    page = owner.get(cloud_connection_url).text
    assert '<option value="answer" selected>' in page
    assert 'name="show_typing" checked' in page
    services.registry.invalidate()
    found = services.registry.find(1)
    assert found is not None
    assert (found.mark_read, found.show_typing) == ("answer", True)


def test_read_marks_that_do_not_exist_are_refused_with_words(owner: Browser, cloud_connection_url: str):
    answer = owner.post(cloud_connection_url, **CLOUD, mark_read="always")
    assert answer.status_code == 422
    assert "never (off), with the answer or at_once" in answer.text


def test_a_channel_that_cannot_mark_is_not_asked_about_it(owner: Browser):
    assert "Mark messages as read" not in owner.get("/connections/new?channel=simulator").text
