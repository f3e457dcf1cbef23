"""The contact panel: beside the chat where there is room, a sheet elsewhere, folded away as the browser remembers."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import check_page, find_violations
from tests.e2e.cloud_number import CloudNumber

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]
PERSON = "15557771234"


@pytest.fixture
def chat(page: Page, product: str) -> Page:
    """Open the chat of a person on a number of the Cloud API."""
    number = CloudNumber(product, "606540352242922", "contact-secret", "555000777")
    page.goto("/connections/")
    if not page.get_by_text("Contact shop").count():
        number.connect(page, "Contact shop")
    number.send_text(PERSON, "Hello")
    page.goto(f"/chats/?q={PERSON}")
    page.locator("[data-row]", has_text=PERSON).first.click()
    expect(page.locator("#thread .thread-name")).to_have_text(PERSON)
    return page


def test_the_panel_stands_beside_the_chat_and_stays_folded_away(chat: Page):
    page, panel, faults = chat, chat.locator("#contact"), list[str]()
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(panel).to_contain_text(f"+{PERSON}")
    expect(panel).to_contain_text("Contact shop")
    check_page(page, "contact-panel", faults)
    assert faults == []
    page.locator("[name=as][value=note]").check(force=True)
    page.locator("#reply").fill("Likes soup")
    page.locator("#reply").press("Enter")
    expect(panel.locator(".contact-note")).to_contain_text("Likes soup")
    page.get_by_role("button", name="Close the contact panel").click()
    expect(panel).to_be_hidden()
    expect(page.locator("[data-contact-open]")).to_be_focused()
    page.reload()
    expect(panel).to_be_hidden()
    page.keyboard.press("i")
    expect(panel).to_be_visible()


def test_on_a_phone_the_panel_is_a_sheet_that_gives_the_focus_back(chat: Page):
    page, panel = chat, chat.locator("#contact")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(panel).to_be_hidden()
    page.locator("[data-contact-open]").click()
    expect(panel).to_be_visible()
    assert find_violations(page) == []
    box = panel.bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 390)
    assert box["height"] <= 844 * 0.83
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.locator("[data-contact-open]")).to_be_focused()
