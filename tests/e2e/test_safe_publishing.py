"""Publishing without a leap of faith: what differs, what would change for real messages, and why."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import change_text, check_page, create_brain, replace_text, send_message

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]


def test_the_publish_sheet_shows_the_diff_and_a_version_comes_back_in_two_clicks(page: Page):
    address = create_brain(page)
    faults: list[str] = []
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#publish-changes")).to_contain_text("This is the first version")
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#notices")).to_contain_text("is live from the next message on")
    page.goto(f"{address}/commands/echo")
    replace_text(page.get_by_label("Text", exact=True), "You wrote {{ args.text }}")
    expect(page.locator("#workbench-state")).to_contain_text("Draft has changes")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#publish-changes")).to_contain_text("1 thing differs from version 1")
    page.locator("#publish-changes summary").click()
    expect(page.locator("#publish-changes del")).to_contain_text("said")
    expect(page.locator("#publish-changes ins")).to_contain_text("wrote")
    check_page(page, "publish-sheet", faults)
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 2 is live")
    page.goto(f"{address}/versions")
    page.get_by_role("link", name="What changed in version 2").click()
    expect(page.locator(".diff-new")).to_contain_text("wrote")
    check_page(page, "compare-versions", faults)
    page.get_by_role("button", name="Roll back to version 1").click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 1 is live")
    assert faults == []


def test_a_draft_is_rehearsed_on_what_people_wrote(page: Page):
    page.goto("/simulator/")
    send_message(page, "!echo rehearsed", "rehearsed")
    page.goto("/brains/my-first-bot/commands/echo")
    before = page.locator("#text-1").input_value()
    change_text(page, "Rehearsing: {{ args.text }}")
    expect(page.locator("#workbench-state")).to_contain_text("Draft has changes")
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("link", name="Test it on past messages").click()
    page.get_by_role("button", name="Test on past messages").click()
    change = page.locator(".change").filter(has_text="!echo rehearsed")
    expect(change.locator(".diff-new").first).to_contain_text("Rehearsing")
    expect(page.get_by_text("Newly", exact=False).first).to_be_hidden()
    faults: list[str] = []
    check_page(page, "rehearsed", faults)
    assert faults == []
    change.get_by_role("link", name=re.compile("see the message")).click()
    expect(page.locator("#thread")).to_contain_text("!echo rehearsed")
    page.goto("/brains/my-first-bot/commands/echo")
    change_text(page, before)


def test_why_is_answered_beside_the_message_with_the_keyboard_alone(page: Page):
    page.goto("/simulator/")
    send_message(page, "!hello", "!menu")
    page.goto("/chats/1")
    why = page.locator(".bubble-why").last
    why.focus()
    page.keyboard.press("Enter")
    sheet = page.locator("#why")
    expect(sheet).to_contain_text("Answered")
    faults: list[str] = []
    check_page(page, "why-sheet", faults)
    assert faults == []
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.goto("/simulator/")
    page.locator("#runs .bubble-why").first.click()
    expect(page.locator("#why")).to_contain_text("matches and has answered")
