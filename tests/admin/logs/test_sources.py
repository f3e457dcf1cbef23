"""Pages of log sources: the token is shown once, and every change takes effect at once."""

import re

import pytest

from tests.admin.browser import Browser


def make(owner: Browser, **fields: str) -> str:
    page = owner.post("/logs/sources/", name="shop", **fields)
    assert page.status_code == 200
    found = re.search(r"bbl_[0-9a-f]{16}_[\w-]{43}", page.text)
    assert found
    return found[0]


def send(owner: Browser, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return owner.client.post("/api/logs", json={"text": "x"}, headers=headers).status_code


def test_a_token_is_shown_once_with_a_line_to_try_it(owner: Browser):
    assert "No source yet" in owner.get("/logs/sources/").text
    token = make(owner, days="30", events_per_second="5")
    assert send(owner, token) == 202
    page = owner.get("/logs/sources/").text
    assert token not in page
    assert token[:8] in page
    assert "5 a second" in page
    assert "ends" in page


def test_a_new_token_ends_the_old_one(owner: Browser):
    old = make(owner)
    page = owner.post("/logs/sources/1/token").text
    new = re.search(r"bbl_[0-9a-f]{16}_[\w-]{43}", page)
    assert new
    assert send(owner, old) == 401
    assert send(owner, new[0]) == 202


def test_a_source_is_switched_off_and_on_and_deleted(owner: Browser):
    token = make(owner)
    assert send(owner, token) == 202
    owner.post("/logs/sources/1/switch", enabled="no")
    assert send(owner, token) == 401
    owner.post("/logs/sources/1/switch", enabled="yes")
    assert send(owner, token) == 202
    owner.post("/logs/sources/1/delete")
    assert send(owner, token) == 401
    assert owner.post("/logs/sources/1/delete").status_code == 404


@pytest.mark.parametrize(("field", "value", "words"), [
    ("name", "Shop 1", "Use 1 to 40 small letters"), ("name", "web", "part of Brainbox itself"),
    ("days", "-1", "Write a number of days"), ("events_per_second", "x", "events a second"),
])  # fmt: skip
def test_a_wrong_field_keeps_what_was_typed(owner: Browser, field: str, value: str, words: str):
    page = owner.post("/logs/sources/", **{"name": "shop", "days": "7", field: value})
    assert page.status_code == 422
    assert words in page.text
    assert f'value="{value}"' in page.text


def test_the_last_use_is_shown(owner: Browser):
    token = make(owner)
    assert "never used" in owner.get("/logs/sources/").text
    send(owner, token)
    assert "last used" in owner.get("/logs/sources/").text
