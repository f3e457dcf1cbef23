"""A version tried first: begun from the publish sheet, watched, changed, stopped and given to everyone."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.roles import Role
from app.brains.versions import rollouts, store
from app.brains.versions.models import Brain, Rollout
from app.brains.versions.routing import REVERTED
from app.services import Services
from tests.admin.browser import Browser

PAGE = "/brains/demo/rollout/"


@pytest.fixture
def edited_brain(services: Services, demo_brain: Brain) -> Brain:
    """Change the demo's draft."""

    def edit(session: Any) -> None:
        there = store.get_brain(session, demo_brain.id)
        commands = [dict(each) for each in there.draft["commands"]]
        echo = next(each for each in commands if each["id"] == "echo")
        echo["action"] = {"kind": "reply", "template": "You wrote {{ args.text }}"}
        draft = {**there.draft, "commands": commands, "tests": []}
        store.save_draft(session, demo_brain.id, draft, there.draft_rev, services.clock())

    services.database.write(edit)
    return demo_brain


def begin(browser: Browser, how: str = "canary", **more: str) -> Any:
    fields = {"percent": "10", "extra_failures": "2", "slower": "3", "min_runs": "20", **more}
    return browser.post("/brains/demo/publish", how=how, note="Friendlier", **fields)


def list_rollouts(services: Services) -> list[Rollout]:
    with services.database.read() as session:
        return list(session.scalars(select(Rollout).order_by(Rollout.id)))


def test_a_canary_begins_from_the_publish_sheet_and_is_shown_everywhere(
    owner: Browser, services: Services, edited_brain: Brain
):
    assert "Part of the contacts" in owner.get("/brains/demo").text
    assert begin(owner).location.endswith(PAGE)
    page = owner.get(PAGE).text
    assert "Canary 10 %" in page
    assert "Version 2" in page
    assert "0 of the minimum 20 runs" in page
    assert f'data-topic="brain:{edited_brain.id}"' in page
    assert "Canary 10 %" in owner.get("/brains/").text
    assert "Canary 10 %" in owner.get("/brains/demo/versions").text
    assert "Version 2 of “Demo” is in gradual rollout" in owner.get("/dashboard").text
    assert "Publishing ends it" in owner.get("/brains/demo").text
    (rollout,) = list_rollouts(services)
    assert (rollout.mode, rollout.percent, rollout.started_by) == ("canary", 10, 1)


def test_the_part_of_the_contacts_and_the_guard_are_changed(
    owner: Browser, services: Services, edited_brain: Brain
):
    assert edited_brain
    begin(owner)
    form = {"percent": "50", "extra_failures": "5", "slower": "0", "min_runs": "40"}
    assert owner.post(f"{PAGE}change", **form).status_code == 302
    page = owner.get(PAGE).text
    assert "50 % of the contacts get it" in page
    assert "Canary 50 %" in page
    refused = owner.post(f"{PAGE}change", **{**form, "percent": "ninety"})
    assert (refused.status_code, "1 to 90 %" in refused.text) == (422, True)
    (rollout,) = list_rollouts(services)
    assert (rollout.percent, rollout.extra_failures, rollout.slower, rollout.min_runs) == (50, 5, 0, 40)


def test_a_rollout_is_stopped_taken_up_again_and_promoted(
    owner: Browser, services: Services, edited_brain: Brain
):
    begin(owner)
    assert owner.post(f"{PAGE}stop").status_code == 302
    page = owner.get(PAGE).text
    assert "The rollout is stopped" in page
    assert "Resume rollout" in page
    assert owner.post(f"{PAGE}1/resume").status_code == 302
    assert "is resumed for the same contacts" in owner.get(PAGE).text
    owner.post(f"{PAGE}promote")
    page = owner.get(PAGE).text
    assert "Version 2 is live for everyone" in page
    assert "Live for everyone</span>" in page
    with services.database.read() as session:
        brain = store.get_brain(session, edited_brain.id)
        assert brain.live_version_id == list_rollouts(services)[0].version_id
    for act in ("promote", "stop", "1/resume"):
        owner.post(f"{PAGE}{act}")
        assert "notice-bad" in owner.get(PAGE).text


def test_a_rollout_that_was_taken_back_says_so_on_its_page_and_on_the_dashboard(
    owner: Browser, services: Services, edited_brain: Brain
):
    begin(owner)

    def revert(session: Any) -> None:
        brain = store.lock_brain(session, edited_brain.id)
        rollouts.end(session, brain, REVERTED, "9 of 20 runs failed (45%).", (None, services.clock()))

    services.database.write(revert)
    page = owner.get(PAGE, htmx=True).text
    assert "Version 2 was rolled back automatically" in page
    assert "9 of 20 runs failed (45%)." in page
    assert 'hx-target="#rollout-acts"' in page
    assert "Version 2 of “Demo” was rolled back automatically" in owner.get("/dashboard").text
    begin(owner)
    assert "was rolled back" not in owner.get("/dashboard").text


def test_a_version_in_shadow_mode_shows_what_it_would_have_sent(
    owner: Browser, services: Services, edited_brain: Brain
):
    assert begin(owner, "shadow").location.endswith(PAGE)
    page = owner.get(PAGE).text
    assert "Shadow" in page
    assert "Messages appear here" in page
    assert 'name="percent" min="1" max="90" value="0"' not in page
    assert edited_brain.id == list_rollouts(services)[0].brain_id


def test_what_cannot_be_tried_is_refused_and_nothing_is_lost(
    owner: Browser, services: Services, demo_brain: Brain
):
    assert demo_brain
    assert begin(owner).location.endswith("/brains/demo")
    assert "The draft is the same as version 1" in owner.get("/brains/demo").text
    begin(owner, percent="400")
    assert "1 to 90 %" in owner.get("/brains/demo").text
    assert list_rollouts(services) == []
    assert "No rollout in progress" in owner.get(PAGE).text


def test_viewers_look_and_do_nothing(sign_in: Callable[[Role], Browser], edited_brain: Brain):
    assert edited_brain
    begin(sign_in(Role.EDITOR))
    viewer = sign_in(Role.VIEWER)
    page = viewer.get(PAGE)
    assert page.status_code == 200
    assert "Roll out to 100 %" not in page.text
    for act in ("promote", "stop", "change", "1/resume"):
        assert viewer.post(f"{PAGE}{act}").status_code == 403


def test_how_long_a_conversation_keeps_its_version_is_a_setting(
    owner: Browser, services: Services, demo_brain: Brain
):
    assert "Keep a conversation on its version" in owner.get("/brains/demo/settings").text
    form = {"part": "general", "title": "Demo", "prefixes": "!", "timezone": "UTC", "language": "en"}
    owner.post("/brains/demo/settings", **form, session_minutes="30")
    with services.database.read() as session:
        assert store.get_brain(session, demo_brain.id).draft["settings"]["session_minutes"] == 30
    refused = owner.post("/brains/demo/settings", **form, session_minutes="9999")
    assert refused.status_code == 422
