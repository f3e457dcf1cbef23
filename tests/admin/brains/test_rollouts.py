"""A version tried first: begun from the publish sheet, watched, changed, stopped and given to everyone."""

from collections.abc import Callable
from typing import Any

import pytest
from admin_browser import Browser
from sqlalchemy import select

from app.accounts import Role
from app.brains import candidates, versions
from app.brains.models import Brain
from app.brains.rollout import REVERTED
from app.brains.rollout_models import Rollout
from app.web import House

PAGE = "/brains/demo/rollout/"


@pytest.fixture
def edited(house: House, brain: Brain) -> Brain:
    """Change the demo's draft."""

    def edit(session: Any) -> None:
        there = versions.get_brain(session, brain.id)
        commands = [dict(each) for each in there.draft["commands"]]
        echo = next(each for each in commands if each["id"] == "echo")
        echo["action"] = {"kind": "reply", "template": "You wrote {{ args.text }}"}
        draft = {**there.draft, "commands": commands, "tests": []}
        versions.save_draft(session, brain.id, draft, there.draft_rev, house.clock())

    house.database.write(edit)
    return brain


def begin(browser: Browser, how: str = "canary", **more: str) -> Any:
    fields = {"percent": "10", "extra_failures": "2", "slower": "3", "min_runs": "20", **more}
    return browser.post("/brains/demo/publish", how=how, note="Friendlier", **fields)


def rollouts_of(house: House) -> list[Rollout]:
    with house.database.read() as session:
        return list(session.scalars(select(Rollout).order_by(Rollout.id)))


def test_a_canary_begins_from_the_publish_sheet_and_is_shown_everywhere(
    owner: Browser, house: House, edited: Brain
):
    assert "Part of the contacts" in owner.get("/brains/demo").text
    assert begin(owner).location.endswith(PAGE)
    page = owner.get(PAGE).text
    assert "Canary 10 %" in page
    assert "Version 2" in page
    assert "0 of the 20 runs it takes to judge" in page
    assert f'data-topic="brain:{edited.id}"' in page
    assert "Canary 10 %" in owner.get("/brains/").text
    assert "Canary 10 %" in owner.get("/brains/demo/versions").text
    assert "Version 2 of “Demo” is being tried" in owner.get("/dashboard").text
    assert "Publishing ends that" in owner.get("/brains/demo").text
    (rollout,) = rollouts_of(house)
    assert (rollout.mode, rollout.percent, rollout.started_by) == ("canary", 10, 1)


def test_the_part_of_the_contacts_and_the_guard_are_changed(owner: Browser, house: House, edited: Brain):
    assert edited
    begin(owner)
    wish = {"percent": "50", "extra_failures": "5", "slower": "0", "min_runs": "40"}
    assert owner.post(f"{PAGE}change", **wish).status_code == 302
    page = owner.get(PAGE).text
    assert "50 % of the contacts get it" in page
    assert "Canary 50 %" in page
    refused = owner.post(f"{PAGE}change", **{**wish, "percent": "ninety"})
    assert (refused.status_code, "1 to 90 %" in refused.text) == (422, True)
    (rollout,) = rollouts_of(house)
    assert (rollout.percent, rollout.extra_failures, rollout.slower, rollout.min_runs) == (50, 5, 0, 40)


def test_a_rollout_is_stopped_taken_up_again_and_promoted(owner: Browser, house: House, edited: Brain):
    begin(owner)
    assert owner.post(f"{PAGE}stop").status_code == 302
    page = owner.get(PAGE).text
    assert "It is stopped" in page
    assert "Go on with it" in page
    assert owner.post(f"{PAGE}1/resume").status_code == 302
    assert "for the same contacts as before" in owner.get(PAGE).text
    owner.post(f"{PAGE}promote")
    page = owner.get(PAGE).text
    assert "Version 2 is live for everyone" in page
    assert "Live for everyone</span>" in page
    with house.database.read() as session:
        brain = versions.get_brain(session, edited.id)
        assert brain.live_version_id == rollouts_of(house)[0].version_id
    for act in ("promote", "stop", "1/resume"):
        owner.post(f"{PAGE}{act}")
        assert "notice-bad" in owner.get(PAGE).text


def test_a_rollout_that_was_taken_back_says_so_on_its_page_and_on_the_dashboard(
    owner: Browser, house: House, edited: Brain
):
    begin(owner)

    def revert(session: Any) -> None:
        brain = versions.locked(session, edited.id)
        candidates.rollouts.end(session, brain, REVERTED, "9 of 20 runs failed (45%).", (None, house.clock()))

    house.database.write(revert)
    page = owner.get(PAGE, htmx=True).text
    assert "Version 2 was taken back by itself" in page
    assert "9 of 20 runs failed (45%)." in page
    assert 'hx-target="#rollout-acts"' in page
    assert "Version 2 of “Demo” was taken back by itself" in owner.get("/dashboard").text
    begin(owner)
    assert "was taken back" not in owner.get("/dashboard").text


def test_a_silent_version_shows_what_it_would_have_said(owner: Browser, house: House, edited: Brain):
    assert begin(owner, "shadow").location.endswith(PAGE)
    page = owner.get(PAGE).text
    assert "Shadow" in page
    assert "Messages appear here" in page
    assert 'name="percent" min="1" max="90" value="0"' not in page
    assert edited.id == rollouts_of(house)[0].brain_id


def test_what_cannot_be_tried_is_refused_and_nothing_is_lost(owner: Browser, house: House, brain: Brain):
    assert brain
    assert begin(owner).location.endswith("/brains/demo")
    assert "The draft is the same as version 1" in owner.get("/brains/demo").text
    begin(owner, percent="400")
    assert "1 to 90 %" in owner.get("/brains/demo").text
    assert rollouts_of(house) == []
    assert "Nothing is tried now" in owner.get(PAGE).text


def test_viewers_look_and_do_nothing(sign_in: Callable[[Role], Browser], edited: Brain):
    assert edited
    begin(sign_in(Role.EDITOR))
    viewer = sign_in(Role.VIEWER)
    page = viewer.get(PAGE)
    assert page.status_code == 200
    assert "Give it to everyone" not in page.text
    for act in ("promote", "stop", "change", "1/resume"):
        assert viewer.post(f"{PAGE}{act}").status_code == 403


def test_how_long_a_conversation_keeps_its_version_is_a_setting(owner: Browser, house: House, brain: Brain):
    assert "until nothing was said for" in owner.get("/brains/demo/settings").text
    form = {"part": "general", "title": "Demo", "prefixes": "!", "timezone": "UTC", "language": "en"}
    owner.post("/brains/demo/settings", **form, session_minutes="30")
    with house.database.read() as session:
        assert versions.get_brain(session, brain.id).draft["settings"]["session_minutes"] == 30
    refused = owner.post("/brains/demo/settings", **form, session_minutes="9999")
    assert refused.status_code == 422
