"""Errors of browsers: taken with the page's CSRF token, redacted, marked as the browser's."""

import time

import pytest

from app.logs.store.event_search import EventQuery, search_events
from app.services import Services
from tests.admin.browser import Browser


def send(browser: Browser, body: object = None, *, token: bool = True, raw: bytes | None = None) -> int:
    browser.get("/settings/account/")
    headers = {"X-CSRFToken": browser.token} if token else {}
    if raw is not None:
        return browser.client.post("/logs/browser/", data=raw, headers=headers).status_code
    return browser.client.post("/logs/browser/", json=body, headers=headers).status_code


def test_an_error_becomes_a_line_of_the_source_browser(owner: Browser, services: Services):
    error = {
        "text": "x is not a function",
        "file": "/a.js",
        "line": 7,
        "stack": "at a.js password=hunter2x",
        "page": "/chats/",
    }
    assert send(owner, error) == 204
    end = time.monotonic() + 10
    while not (events := search_events(services.logs.store, EventQuery(source="browser")).events):
        assert time.monotonic() < end
        time.sleep(0.05)
    (event,) = events
    assert (event.text, event.level) == ("x is not a function", 17)
    assert event.data["line"] == "7"
    assert "hunter2x" not in event.data["stack"]


def test_without_the_token_of_a_page_nothing_is_taken(owner: Browser):
    assert send(owner, {"text": "x"}, token=False) == 419


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b"7", b'{"text": ""}', b"[" * 100_000])
def test_what_is_no_error_is_refused(owner: Browser, raw: bytes):
    assert send(owner, raw=raw) == 400
