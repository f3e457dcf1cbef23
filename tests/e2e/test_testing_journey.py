"""Tests in the browser: taken from the gallery, turned red by an edit, kept from going live, moved by keys."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import check_page, create_brain, replace_text, send_message

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]


def test_a_sample_is_edited_until_red_refused_and_published_with_a_reason(page: Page):
    page.goto("/brains/gallery/")
    page.get_by_label("Search the gallery").fill("stars")
    expect(page.locator(".sample")).to_have_count(1)
    page.get_by_role("button", name=re.compile("Use this")).click()
    page.wait_for_url("**/brains/feedback-collector*")
    brain = page.url
    expect(page.locator(".tests-passed")).to_be_visible(timeout=15_000)
    page.goto(f"{brain}/commands/feedback")
    replace_text(page.get_by_label("Text", exact=True), "Tell us!")
    expect(page.locator(".tests-failed")).to_contain_text("1", timeout=15_000)
    page.get_by_role("button", name="Publish").click()
    page.locator("#publish").get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("did not pass")
    page.wait_for_url("**/tests/")
    faults: list[str] = []
    check_page(page, "tests-failed", faults)
    page.get_by_role("link", name="thanks for three stars").click()
    expect(page.locator("#test-result")).to_contain_text("is not in the answer")
    check_page(page, "test-red", faults)
    page.get_by_role("button", name="Publish").click()
    sheet = page.locator("#publish")
    sheet.get_by_text("Publish although tests failed").click()
    sheet.get_by_label("Why?").fill("The fair begins")
    sheet.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("Version 1 is live")
    page.goto(f"{brain}/versions")
    expect(page.locator(".version-override")).to_contain_text("The fair begins")
    assert faults == []


def test_a_test_is_written_with_keys_alone_and_runs_by_itself(page: Page):
    page.goto(f"{create_brain(page)}/tests/new")
    page.get_by_label("Name", exact=True).fill("Echoes by keys")
    steps = page.locator("#steps > [data-step]")
    steps.nth(0).get_by_label("Text").fill("You said hi")
    steps.nth(0).get_by_label("Who does what").select_option("bot.exact")
    steps.nth(1).get_by_label("Who does what").select_option("user.text")
    steps.nth(1).get_by_label("Text").fill("!echo hi")
    steps.nth(1).get_by_label("Text").press("Alt+ArrowUp")
    expect(steps.nth(0).get_by_label("Text")).to_have_value("!echo hi")
    expect(steps.nth(0).get_by_label("Text")).to_be_focused()
    expect(page.locator("#steps-status")).to_have_text("Now step 1 of 2")
    expect(page.locator("#test-result")).to_contain_text("Passed", timeout=15_000)
    page.get_by_role("button", name="Time passes").press("Enter")
    expect(steps).to_have_count(3)
    error = steps.nth(2).locator(".field-error")
    expect(error).to_contain_text("Write how long to wait", timeout=15_000)
    expect(steps.nth(2).get_by_label("Text")).to_have_accessible_description(re.compile("Write how long"))
    expect(steps.nth(2).get_by_label("Text")).to_be_focused()
    page.keyboard.type("soon")
    expect(page.locator("#save-state")).to_contain_text("Write how long to wait", timeout=15_000)
    steps.nth(2).get_by_role("button", name="Remove this step").press("Enter")
    expect(page.locator(".field-error")).to_have_count(0)
    expect(page.locator("#test-result")).to_contain_text("Passed", timeout=15_000)
    page.get_by_label("Name", exact=True).press("Control+s")
    expect(page.locator(".tests-passed")).to_be_visible(timeout=15_000)
    faults: list[str] = []
    check_page(page, "test-green", faults)
    assert faults == []


def test_a_chat_on_the_phone_is_saved_as_a_test(page: Page):
    page.goto("/simulator/")
    send_message(page, "!echo saved", "You said saved")
    page.get_by_role("link", name="Save this chat as a test").click()
    page.get_by_label("Name", exact=True).fill("From the phone")
    page.locator("label", has_text="!echo saved").last.click()
    page.get_by_role("button", name="Save as a test").click()
    page.wait_for_url("**/tests/*")
    expect(page.locator("#test-result")).to_contain_text("Passed")
    expect(page.locator("#steps")).to_contain_text("You said saved")
    # Other tests share this brain: they find it as it was.
    page.goto("/brains/my-first-bot/tests/")
    page.get_by_role("button", name="Delete “From the phone”").click()
    expect(page.locator("#notices")).to_contain_text("From the phone")
