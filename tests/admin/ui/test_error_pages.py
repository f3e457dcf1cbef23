from flask import Flask

from app.web import allow_public
from tests.admin.browser import Browser


def test_an_error_in_a_fragment_leaves_the_page_as_it_is(owner: Browser):
    answer = owner.get("/chats/999/thread", htmx=True)
    assert answer.status_code == 404
    assert answer.headers["HX-Reswap"] == "none"
    assert "There is nothing here" in answer.text


def test_a_crash_shows_the_request_id_and_nothing_else(app: Flask, owner: Browser):
    def crash() -> str:
        raise ZeroDivisionError("a secret detail")

    app.view_functions["brains.show_list"] = allow_public(crash)
    answer = owner.get("/brains/")
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    assert "secret detail" not in answer.text
