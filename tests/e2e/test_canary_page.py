"""A version given to part of the contacts: begun from the publish sheet, watched, taken back by itself, promoted."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser_steps import change_text, check_page

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

TITLE = "A brain on trial"
# Fails on every text of four letters.
RISKY = "{{ 1 // (args.text|length - 4) }} heard: {{ args.text }}"


@dataclass(frozen=True)
class BrainWithPhone:
    """A brain at its address, and the number of its phone."""

    address: str
    phone: int


@pytest.fixture
def published_brain(page: Page) -> Iterator[BrainWithPhone]:
    """A published brain of its own with a simulated phone; both are put away in the end."""
    page.goto("/brains/")
    page.get_by_role("button", name="New brain").click()
    page.get_by_label("Name", exact=True).fill(TITLE)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/brains/a-brain-on-trial*")
    address = page.url
    page.get_by_role("button", name="Publish").first.click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 1 is live")
    page.goto("/connections/new?channel=simulator")
    page.get_by_label("Name", exact=True).fill("Phone on trial")
    page.get_by_label("Brain that answers").select_option(label=TITLE)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("button", name="Test the connection")).to_be_visible()
    number = re.search(r"/connections/(\d+)", page.url)
    assert number
    yield BrainWithPhone(address, int(number[1]))
    for place, button in (
        (f"/connections/{number[1]}", "Archive"),
        (f"{address}/settings", "Archive this brain"),
    ):
        page.wait_for_load_state("networkidle")
        page.goto(place)
        page.get_by_role("button", name=button).click()
        expect(page.locator("#notices")).to_contain_text("archived")
    page.wait_for_load_state("networkidle")


def send_from_many(page: Page, trial: BrainWithPhone, text: str, people: int = 16) -> None:
    """Let many people write to the phone."""
    token = json.loads(page.locator("body").get_attribute("hx-headers:inherited") or "{}")["X-CSRFToken"]
    for who in range(people):
        form = {"person": f"1555010{1000 + who}", "text": text, "csrf_token": token}
        answer = page.request.post(f"/simulator/{trial.phone}/say", form=form, headers={"Referer": page.url})
        assert answer.ok


def publish_change(page: Page, trial: BrainWithPhone, text: str, way: str) -> Locator:
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
    expect(page.get_by_role("heading", name="Gradual rollout")).to_be_visible()


def test_a_bad_canary_is_taken_back_before_the_eyes_of_its_operator(
    page: Page, published_brain: BrainWithPhone
):
    faults: list[str] = []
    sheet = publish_change(page, published_brain, RISKY, "Part of the contacts")
    check_page(page, "rollout-sheet", faults)
    publish(page, sheet)
    expect(page.locator("#workbench-state")).to_contain_text("Canary 50 %")
    send_from_many(page, published_brain, "!echo hello")
    expect(page.locator("#rollout-live")).to_contain_text("of the minimum 20 runs")
    check_page(page, "rollout-canary", faults)
    send_from_many(page, published_brain, "!echo fail")
    send_from_many(page, published_brain, "!echo fail")
    expect(page.locator("#rollout-live")).to_contain_text(
        "Version 2 was rolled back automatically", timeout=15_000
    )
    expect(page.locator("#workbench-state")).not_to_contain_text("Canary")
    expect(page.locator("#rollout-acts")).to_be_empty()
    expect(page.locator("#rollout-past")).to_contain_text("Rolled back automatically")
    check_page(page, "rollout-reverted", faults)
    page.goto("/dashboard")
    expect(page.get_by_role("alert").filter(has_text=TITLE)).to_contain_text("was rolled back automatically")
    check_page(page, "rollout-dashboard", faults)
    assert faults == []


def test_a_canary_is_given_to_more_stopped_taken_up_again_and_promoted(
    page: Page, published_brain: BrainWithPhone
):
    publish(page, publish_change(page, published_brain, "New: {{ args.text }}", "Part of the contacts"))
    send_from_many(page, published_brain, "!echo hello", 30)
    send_from_many(page, published_brain, "!echo again", 30)
    expect(page.locator("#rollout-live")).to_contain_text("Version 2 is within the limits")
    page.get_by_label("Version 2 answers").fill("80")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#workbench-state")).to_contain_text("Canary 80 %")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#workbench-state")).not_to_contain_text("Canary")
    page.locator("#notices").get_by_role("button", name="Undo").click()
    expect(page.locator("#workbench-state")).to_contain_text("Canary 80 %")
    page.get_by_role("button", name="Roll out to 100 %").click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 2 is live")


def test_a_version_in_shadow_mode_shows_what_it_would_have_sent(page: Page, published_brain: BrainWithPhone):
    faults: list[str] = []
    publish(page, publish_change(page, published_brain, "Silently: {{ args.text }}", "Nobody"))
    expect(page.locator("#workbench-state")).to_contain_text("Shadow")
    send_from_many(page, published_brain, "!echo hello", 3)
    change = page.locator("#rollout-live .change").first
    expect(change.locator(".diff-new").first).to_contain_text("Silently", timeout=20_000)
    check_page(page, "rollout-shadow", faults)
    assert faults == []
    change.get_by_role("link", name=re.compile("see the message")).click()
    expect(page.locator("#thread")).to_contain_text("!echo hello")
    expect(page.locator("#thread")).not_to_contain_text("Silently")
