"""The command palette: it reaches everything one may open, and nothing else; quickly, and what fits best first."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.accounts.roles import Role
from app.admin.ui.pages import TargetGroup, list_targets
from app.brains.document.gallery import build_demo_document
from app.brains.versions import store
from app.services import Services
from tests.admin.browser import Browser

# Pages without a name of their own in an installation that is set up.
NO_JUMPS = {
    "analytics.get_data": "data for the charts",
    "privacy.review": "of a person, from their chat",
    "auth.show_code": "for who is not signed in yet",
    "auth.show_sign_in": "for strangers",
    "setup.show_account": "gone after the first run",
    "setup.show_first_brain": "gone after the first run",
    "palette.find": "it is the palette",
    "saved_replies.find": "a part of the reply box",
    "chats.show_unread_count": "a figure of the menu",
    "failures.show_count": "a figure of the menu",
    "notices.show_count": "a figure of the menu",
    "home": "leads on to the dashboard",
    "health.check_liveness": "for machines",
    "health.check_readiness": "for machines",
    # Of a brain.
    "completions.list_words": "data for the code editor",
    "audit.show_check": "a part of the list of the audit",
    "brains.try_text": "a part of the workbench",
    "compare.show_publish_changes": "a part of the publish sheet",
    "intent_training.show_progress": "a part of the pages of intents",
    "intents.read_message": "a part of the list of intents",
    "tests.show_state": "a part of the workbench",
}


def _hrefs(browser: Browser, query: str = "", here: str = "") -> list[str]:
    text = browser.get(f"/palette?q={query}&here={here}", htmx=True).text
    return re.findall(r'<a class="jump"[^>]*href="([^"]*)"', text)


def test_every_page_that_needs_no_choice_is_within_reach(app: Flask):
    known = {page.endpoint for group in TargetGroup for page in list_targets(app, group)}
    pages = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.arguments <= {"slug"}
    }
    assert sorted(pages - known - set(NO_JUMPS)) == []
    assert sorted(set(NO_JUMPS) - pages) == []


def test_without_letters_it_shows_this_brain_then_the_pages_and_actions(owner: Browser, demo_brain: Any):
    assert demo_brain
    hrefs = _hrefs(owner, here="demo")
    assert hrefs.index("/brains/demo") < hrefs.index("/dashboard") < hrefs.index("/brains/#new-brain")
    assert "/brains/demo#publish" in hrefs
    assert "/brains/demo" not in _hrefs(owner)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("echo", "/brains/demo/commands/echo"),
        ("say", "/brains/demo/commands/echo"),  # by a command word
        ("assistant", "/brains/demo/prompts/assistant"),
        ("version 1", "/brains/demo/versions#version-1"),
        ("dash", "/dashboard"),
        ("new brain", "/brains/#new-brain"),
        ("demo tests", "/brains/demo/tests/"),  # the page of a brain that is not open
        ("Test phone", "/connections/1"),
        ("quiz", "/brains/gallery/quiz"),
    ],
)
def test_a_few_letters_find_it(owner: Browser, simulated_connection: Any, query: str, first: str):
    assert simulated_connection
    assert _hrefs(owner, query)[0] == first


def test_a_chat_is_found_by_its_number(owner: Browser, simulated_connection: Any):
    assert simulated_connection
    owner.post("/simulator/1/say", text="Hello", person="15550100001")
    assert "/chats/1" in _hrefs(owner, "555010")


def test_what_matches_nothing_says_so_and_offers_the_searches(owner: Browser):
    text = owner.get("/palette?q=zzzz", htmx=True).text
    assert "Nothing is called “zzzz”" in text
    assert _hrefs(owner, "zzzz") == ["/chats/?q=zzzz", "/brains/?q=zzzz"]


def test_letters_are_shown_as_letters(owner: Browser):
    text = owner.get("/palette?q=<script>alert(1)</script>").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_a_viewer_is_led_only_where_viewers_may_go(
    sign_in: Callable[[Role], Browser], simulated_connection: Any
):
    assert simulated_connection
    viewer = sign_in(Role.VIEWER)
    hrefs = (
        set(_hrefs(viewer, here="demo")) | set(_hrefs(viewer, "new", "demo")) | set(_hrefs(viewer, "phone"))
    )
    forbidden = {"/brains/demo#publish", "/brains/#new-brain", "/brains/demo/commands/new", "/connections/1"}
    assert hrefs & forbidden == set()
    for href in hrefs - {"#"}:
        assert viewer.get(href.replace("&amp;", "&").split("#")[0] or "/dashboard").status_code == 200, href


def test_it_is_a_page_of_plain_links_for_browsers_without_scripts(owner: Browser, demo_brain: Any):
    assert demo_brain
    text = owner.get("/palette?q=echo").text
    assert 'href="/brains/demo/commands/echo"' in text
    assert 'role="option"' not in text.split("<main")[1].split("</main>")[0]
    assert "Sign out" in text


def test_who_is_not_signed_in_finds_nothing(app: Flask, owner: Browser):
    assert owner
    assert app.test_client().get("/palette?q=echo").status_code == 302


def test_it_finds_the_one_among_20_000_commands(owner: Browser, services: Services):
    command = build_demo_document()["commands"][1]

    def fill(session: Any) -> None:
        for n in range(40):
            rows = [{**command, "id": f"c{i}", "name": f"Order part {i} of {n}"} for i in range(500)]
            store.create_brain(session, f"b{n}", f"Brain {n}", {"commands": rows}, services.clock())

    services.database.write(fill)
    found = owner.get("/palette?q=part+499+of+37", htmx=True).text
    assert found.index("Order part 499 of 37") == found.index("Order part ")
    assert "Brain 7" in owner.get("/palette?q=brain+7+tests", htmx=True).text
