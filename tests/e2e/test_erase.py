"""A person is erased in the browser: looked at, typed, watched, and gone from the inbox."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import PICTURES, find_violations, send_message

pytestmark = pytest.mark.browser

WORDS = "my-secret-of-many-letters"


def test_an_owner_erases_the_person_of_a_chat_and_watches_until_it_is_done(operator: Page):
    operator.goto("/simulator/")
    operator.get_by_role("link", name="New person").click()
    send_message(operator, f"!echo {WORDS}", WORDS)
    operator.goto(f"/chats/?q={WORDS}")
    operator.locator("[data-row]").first.click()
    expect(operator.locator("#thread")).to_contain_text(WORDS)
    operator.get_by_title("More", exact=True).click()
    operator.get_by_role("link", name="Erase this person").click()
    expect(operator.get_by_role("table")).to_contain_text("Messages, with what became of them")
    assert find_violations(operator) == []
    _take_screenshots(operator, "review")
    number = operator.locator("label[for=typed] strong").inner_text()
    operator.get_by_label("Type").fill(number)
    operator.get_by_role("button", name="Erase for good").click()
    newest = operator.locator("#erasures .erasure").first
    expect(newest).to_contain_text("Erased", timeout=120_000)
    newest.locator("summary").click()
    expect(newest).to_contain_text("2")
    assert find_violations(operator) == []
    _take_screenshots(operator, "done")
    operator.goto(f"/chats/?q={WORDS}")
    expect(operator.locator("[data-row]")).to_have_count(0)


def _take_screenshots(page: Page, name: str) -> None:
    if not PICTURES:
        return
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=f"{PICTURES}/erase-{name}-{theme}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.screenshot(path=f"{PICTURES}/erase-{name}-390.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 800})
