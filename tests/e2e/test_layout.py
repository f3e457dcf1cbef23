"""What lies where: nothing moves the frame, covers the composer or looks like a bare browser's control."""

import re
from itertools import product

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import send_message

pytestmark = pytest.mark.browser

EDITOR = "/brains/my-first-bot/commands/echo"
PHONE = "/simulator/?person=15559990007&name=Lena"
SIZES = ((1440, 900), (390, 844))
SCHEMES = ("light", "dark")


def test_the_frame_of_the_editor_does_not_scroll_away(operator: Page):
    operator.set_viewport_size({"width": 1440, "height": 900})
    for path in (EDITOR, "/brains/my-first-bot/prompts/assistant"):
        operator.goto(path)
        expect(operator.locator(".workbench-main")).to_be_visible()
        operator.evaluate("window.scrollTo(0, 10_000)")
        assert operator.evaluate("document.scrollingElement.scrollHeight - innerHeight") <= 0
        assert operator.evaluate("scrollY") == 0


def test_menus_notices_and_counts_of_a_chat_keep_their_shape(operator: Page):
    page = operator
    page.goto(PHONE)
    for number in range(12):
        send_message(page, f"!echo note {number}", f"note {number}")
    for (width, height), scheme in product(SIZES, SCHEMES):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        page.goto("/chats/?q=Lena")
        count = page.locator(".row-count").first
        if count.count():
            assert count.evaluate("node => node.getClientRects().length") == 1
            assert count.evaluate("node => node.clientHeight") < 24
        page.get_by_role("link", name=re.compile("Lena")).first.click()
        page.get_by_text("Take over").click()
        choice = page.get_by_role("button", name="Pause the bot for an hour")
        assert choice.evaluate("node => getComputedStyle(node).borderTopWidth") == "0px"
        choice.click()
        page.locator("#thread .paused").get_by_role("button", name="Resume", exact=True).click()
        notice = page.locator("#notices .notice", has_text="answers here again")
        expect(notice).to_be_visible()
        lower = notice.bounding_box()
        upper = page.get_by_role("textbox", name="Message").bounding_box()
        assert lower
        assert upper
        assert lower["y"] + lower["height"] <= upper["y"]
