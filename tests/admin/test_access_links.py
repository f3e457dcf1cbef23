"""Pages of one-time links: looking uses nothing up, and what opens nothing says no more than that."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.accounts import invitations, password_resets
from app.accounts.roles import Role
from app.services import Services
from app.web import limiter
from tests.admin.browser import PASSWORD, Browser


@pytest.fixture(autouse=True)
def unlimited() -> Iterator[None]:
    limiter.enabled = False
    yield
    limiter.enabled = True


@pytest.fixture
def links(owner: Browser, services: Services) -> None:
    """Make an invitation and a password link of the owner."""
    assert owner
    now = services.clock()
    services.database.write(lambda s: invitations.invite(s, 1, "ben@example.com", Role.AGENT, ("in", now)))
    services.database.write(lambda s: password_resets.issue(s, 1, 1, "re", now))


@pytest.mark.usefixtures("links")
def test_looking_at_a_link_does_not_use_it_up(app: Flask):
    visitor = Browser(app.test_client())
    for _ in range(3):
        assert visitor.get("/invitation/in").status_code == 200
        assert visitor.get("/reset/re").status_code == 200
    assert visitor.post("/invitation/in", password=PASSWORD).status_code == 302


@pytest.mark.usefixtures("links")
@pytest.mark.parametrize("path", ["/invitation/re", "/reset/in", "/invitation/x", "/reset/x"])
def test_a_link_of_another_kind_or_of_nothing_opens_nothing(app: Flask, path: str):
    visitor = Browser(app.test_client())
    answers = [visitor.get(path), visitor.post(path, password=PASSWORD)]
    assert [each.status_code for each in answers] == [404, 404]
    assert all("used up or has expired" in each.text for each in answers)


@pytest.mark.usefixtures("links")
def test_whoever_is_signed_in_and_accepts_an_invitation_becomes_the_invited(owner: Browser):
    owner.get("/settings/account/")
    assert owner.post("/invitation/in", password=PASSWORD, timezone="").status_code == 302
    page = owner.get("/settings/account/").text
    assert "ben@example.com" in page
    assert owner.get("/settings/people/").status_code == 403


@pytest.mark.usefixtures("links")
def test_an_unknown_time_zone_is_told_beside_its_field_and_the_link_stays_good(app: Flask):
    visitor = Browser(app.test_client())
    visitor.get("/invitation/in")
    answer = visitor.post("/invitation/in", password=PASSWORD, timezone="Mars/Base")
    assert answer.status_code == 422
    assert 'id="zone-hint">There is no such time zone' in answer.text
    assert 'value="Mars/Base"' in answer.text
    assert visitor.post("/invitation/in", password=PASSWORD, timezone="Africa/Accra").status_code == 302


@pytest.mark.usefixtures("links")
def test_another_password_of_ones_own_ends_the_link_to_one(app: Flask, owner: Browser):
    new = {"current": PASSWORD, "new": "another long password"}
    assert owner.post("/settings/account/password", **new).status_code == 302
    assert app.test_client().get("/reset/re").status_code == 404
