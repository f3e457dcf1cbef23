"""A version given to part of the contacts: begun from the publish sheet, watched, taken back by itself, promoted."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from browser_steps import change_text, look_at
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

TITLE = "A brain on trial"
# Fails on every text of four letters.
RISKY = "{{ 1 // (args.text|length - 4) }} heard: {{ args.text }}"


@dataclass(frozen=True)
class Trial:
    """A brain at its address, and the number of its phone."""

    address: str
    phone: int


@pytest.fixture
def trial(page: Page) -> Iterator[Trial]:
    """A published brain of its own with a simulated phone; both are put away in the end."""
    page.goto("/brains/")
    page.get_by_role("button", name="New brain").click()
    page.get_by_label("Name", exact=True).fill(TITLE)
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url("**/brains/a-brain-on-trial*")
    address = page.url
    page.get_by_role("button", name="Publish").first.click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#bench-state")).to_contain_text("Version 1 is live")
    page.goto("/connections/new?channel=simulator")
    page.get_by_label("Name", exact=True).fill("Phone on trial")
    page.get_by_label("Brain that answers").select_option(label=TITLE)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("button", name="Test the connection")).to_be_visible()
    number = re.search(r"/connections/(\d+)", page.url)
    assert number
    yield Trial(address, int(number[1]))
    for place, button in (
        (f"/connections/{number[1]}", "Put away"),
        (f"{address}/settings", "Put this brain away"),
    ):
        page.wait_for_load_state("networkidle")
        page.goto(place)
        page.get_by_role("button", name=button).click()
        expect(page.locator("#notices")).to_contain_text("put away")
    page.wait_for_load_state("networkidle")


def everybody_says(page: Page, trial: Trial, text: str, people: int = 16) -> None:
    """Let many people write to the phone."""
    token = json.loads(page.locator("body").get_attribute("hx-headers:inherited") or "{}")["X-CSRFToken"]
    for who in range(people):
        form = {"person": f"1555010{1000 + who}", "text": text, "csrf_token": token}
        answer = page.request.post(f"/simulator/{trial.phone}/say", form=form, headers={"Referer": page.url})
        assert answer.ok


def try_it(page: Page, trial: Trial, text: str, way: str) -> Locator:
    """Change an answer of the draft, and choose in the publish sheet who gets it."""
    page.goto(f"{trial.address}/commands/echo")
    change_text(page, text)
    page.get_by_role("button", name="Publish").first.click()
    sheet = page.locator("#publish")
    sheet.get_by_label(way).check()
    sheet.get_by_label("% of them").fill("50")
    expect(page.locator("#publish-changes")).to_contain_text("differs from version")
    return sheet


def publish(page: Page, sheet: Locator) -> None:
    sheet.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("heading", name="Trying a version")).to_be_visible()


def test_a_bad_canary_is_taken_back_before_the_eyes_of_its_operator(page: Page, trial: Trial):
    faults: list[str] = []
    sheet = try_it(page, trial, RISKY, "Part of the contacts")
    look_at(page, "rollout-sheet", faults)
    publish(page, sheet)
    expect(page.locator("#bench-state")).to_contain_text("Canary 50 %")
    everybody_says(page, trial, "!echo hello")
    expect(page.locator("#rollout-live")).to_contain_text("of the 20 runs it takes to judge")
    look_at(page, "rollout-canary", faults)
    everybody_says(page, trial, "!echo fail")
    everybody_says(page, trial, "!echo fail")
    expect(page.locator("#rollout-live")).to_contain_text(
        "Version 2 was taken back by itself", timeout=15_000
    )
    expect(page.locator("#bench-state")).not_to_contain_text("Canary")
    expect(page.locator("#rollout-acts")).to_be_empty()
    expect(page.locator("#rollout-past")).to_contain_text("Taken back by itself")
    look_at(page, "rollout-reverted", faults)
    page.goto("/dashboard")
    expect(page.get_by_role("alert").filter(has_text=TITLE)).to_contain_text("was taken back by itself")
    look_at(page, "rollout-dashboard", faults)
    assert faults == []


def test_a_canary_is_given_to_more_stopped_taken_up_again_and_promoted(page: Page, trial: Trial):
    publish(page, try_it(page, trial, "New: {{ args.text }}", "Part of the contacts"))
    everybody_says(page, trial, "!echo hello", 30)
    everybody_says(page, trial, "!echo again", 30)
    expect(page.locator("#rollout-live")).to_contain_text("Nothing speaks against version 2")
    page.get_by_label("Version 2 answers").fill("80")
    page.get_by_role("button", name="Change").click()
    expect(page.locator("#bench-state")).to_contain_text("Canary 80 %")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#bench-state")).not_to_contain_text("Canary")
    page.locator("#notices").get_by_role("button", name="Undo").click()
    expect(page.locator("#bench-state")).to_contain_text("Canary 80 %")
    page.get_by_role("button", name="Give it to everyone").click()
    expect(page.locator("#bench-state")).to_contain_text("Version 2 is live")


def test_a_silent_version_shows_what_it_would_have_said(page: Page, trial: Trial):
    faults: list[str] = []
    publish(page, try_it(page, trial, "Silently: {{ args.text }}", "Nobody"))
    expect(page.locator("#bench-state")).to_contain_text("Shadow")
    everybody_says(page, trial, "!echo hello", 3)
    change = page.locator("#rollout-live .change").first
    expect(change.locator(".diff-new").first).to_contain_text("Silently", timeout=20_000)
    look_at(page, "rollout-shadow", faults)
    assert faults == []
    change.get_by_role("link", name=re.compile("see the message")).click()
    expect(page.locator("#thread")).to_contain_text("!echo hello")
    expect(page.locator("#thread")).not_to_contain_text("Silently")
