"""Versions compared on their page and in the publish sheet, and who changed what."""

from typing import Any

import pytest

from app.accounts.roles import Role
from app.admin.brains.compare import get_label
from app.brains.versions import store
from app.brains.versions.store import DraftReview
from app.services import Services
from tests.admin.browser import Browser

COMPARE = "/brains/demo/versions/compare"


@pytest.fixture
def edited_brain(services: Services, demo_brain: Any) -> Any:
    """Change one command of the draft, and take one away."""

    def edit(session: Any) -> None:
        there = store.get_brain(session, demo_brain.id)
        commands = [dict(each) for each in there.draft["commands"]]
        echo = next(each for each in commands if each["id"] == "echo")
        echo["action"] = {"kind": "reply", "template": "You <wrote> {{ args.text }}"}
        draft = {**there.draft, "commands": [each for each in commands if each["id"] != "hello"]}
        store.save_draft(session, demo_brain.id, draft, there.draft_rev, services.clock())

    services.database.write(edit)
    return demo_brain


def publish(services: Services, brain: Any) -> None:
    services.database.write(
        lambda s: store.publish(s, brain.id, "Second <try>", None, services.clock(), DraftReview())
    )


def test_the_draft_is_compared_with_live_word_by_word(owner: Browser, edited_brain: Any):
    assert edited_brain
    page = owner.get(COMPARE).text
    assert "Version 1 (live) → The draft" in page
    assert "&lt;wrote&gt;" in page
    assert '<del class="diff-gone">' in page
    assert "Removed</span>Command <strong>Hello</strong>" in page
    assert "Roll back to version" not in page


def test_any_two_versions_are_compared_and_one_is_put_live_again(
    owner: Browser, services: Services, edited_brain: Any
):
    publish(services, edited_brain)
    page = owner.get(f"{COMPARE}?old=2&new=1").text
    assert "Version 2 (live) → Version 1" in page
    assert "Roll back to version 1" in page
    answer = owner.post("/brains/demo/rollback/1")
    assert answer.status_code == 302
    assert "Version 1 (live)" in owner.get(COMPARE).text


def test_nothing_differs_says_so_and_an_unknown_version_is_missing(owner: Browser, demo_brain: Any):
    assert demo_brain
    assert "No difference" in owner.get(COMPARE).text
    assert owner.get(f"{COMPARE}?old=77").status_code in {404, 422}


def test_the_publish_sheet_shows_what_differs_from_live(owner: Browser, edited_brain: Any):
    assert edited_brain
    sheet = owner.get("/brains/demo/publish-changes", htmx=True).text
    assert "2 things differ from version 1" in sheet
    assert "&lt;wrote&gt;" in sheet
    assert "<html" not in sheet
    assert owner.get("/brains/demo/publish-changes").location.endswith("/versions/compare")
    assert 'hx-get="/brains/demo/publish-changes"' in owner.get("/brains/demo").text


def test_the_publish_sheet_of_what_is_live_or_new(owner: Browser, demo_brain: Any):
    assert demo_brain
    assert "same as version 1" in owner.get("/brains/demo/publish-changes", htmx=True).text
    owner.post("/brains/", title="Fresh", start="demo")
    assert "the first version" in owner.get("/brains/fresh/publish-changes", htmx=True).text


def test_the_list_of_versions_says_who_changed_each_command_last(
    owner: Browser, services: Services, edited_brain: Any
):
    page = owner.get("/brains/demo/versions").text
    assert "Not published yet" in page
    assert "Version 1</td>" in page
    publish(services, edited_brain)
    page = owner.get("/brains/demo/versions").text
    assert "Version 2</td>" in page
    assert "Not published yet" not in page
    assert "old=1&amp;new=2" in page


def test_viewers_compare_and_do_not_roll_back(sign_in: Any, services: Services, edited_brain: Any):
    publish(services, edited_brain)
    viewer = sign_in(Role.VIEWER)
    page = viewer.get(f"{COMPARE}?old=2&new=1")
    assert (page.status_code, "Roll back to version" in page.text) == (200, False)


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("action.source", "Script"),
        ("restrict.cooldown.seconds", "Restrict › cooldown › seconds"),
        ("group", "Group"),
    ],
)
def test_fields_are_named_in_words(path: str, word: str):
    assert get_label(path) == word
