"""Taking over in a browser: the bot is silent while a person answers, and comes back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import check_page, send_message

pytestmark = pytest.mark.browser

PHONE = "/simulator/?person=15559990002&name=Hedy"


def open_chat(page: Page) -> None:
    page.goto("/chats/?q=Hedy")
    page.get_by_role("link", name=re.compile("Hedy")).first.click()
    expect(page.locator("#thread .thread-name")).to_have_text("Hedy")


def send_without_reply(page: Page, text: str) -> None:
    """Write on the phone, and see that the brain stayed silent."""
    page.goto(PHONE)
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(page.locator("#runs .ran").first).to_contain_text("A person answers in this chat")


def test_a_person_takes_over_sees_when_the_bot_returns_and_lets_it_go_on(operator: Page):
    page, faults = operator, []
    page.goto(PHONE)
    send_message(page, "!echo before", "before")
    open_chat(page)
    page.get_by_text("Take over").click()
    page.get_by_role("button", name="Pause the bot for an hour").click()
    banner = page.get_by_role("status").filter(has_text="The bot answers again in")
    expect(banner).to_contain_text(re.compile(r"(59|60) min|1 h"))
    expect(banner).to_contain_text("ada@example.com has paused it.")
    check_page(page, "takeover", faults)

    banner.get_by_role("button", name="+1 h").click()
    expect(banner).to_contain_text("1 h 59 min")
    banner.get_by_role("button", name="Until I resume it").click()
    expect(page.locator("#thread .paused")).to_contain_text("The bot is paused here since")

    send_without_reply(page, "!echo during")
    open_chat(page)
    page.locator("#thread .paused").get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("#thread .paused")).to_have_count(0)
    page.goto(PHONE)
    send_message(page, "!echo after", "after")
    assert faults == []


def test_writing_in_the_chat_silences_the_bot_and_undo_brings_it_back(operator: Page):
    page = operator
    page.goto(PHONE)
    send_message(page, "!echo once", "once")
    open_chat(page)
    page.get_by_role("textbox", name="Message").fill("It is me, Ada")
    page.keyboard.press("Enter")
    expect(page.locator("#thread .paused")).to_contain_text("The bot answers again in")
    expect(page.locator("#thread")).to_contain_text("It is me, Ada")
    page.locator("#thread .paused").get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("#thread .paused")).to_have_count(0)
    page.get_by_text("Take over").click()
    page.get_by_role("button", name="Pause the bot for 15 minutes").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#thread .paused")).to_have_count(0)
