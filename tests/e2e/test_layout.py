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
# Buttons and choices whose words are wider than they are.
CUT_WORDS = """() => {
  const ruler = document.createElement("canvas").getContext("2d");
  const room = (node, { paddingLeft, paddingRight }) =>
    node.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  const shown = [...document.querySelectorAll("main .btn, main select")].filter((node) => node.checkVisibility());
  return shown.filter((node) => {
    if (node.matches(".btn")) return node.scrollWidth > node.clientWidth + 1;
    const style = getComputedStyle(node);
    ruler.font = style.font;
    return ruler.measureText(node.selectedOptions[0]?.text ?? "").width > room(node, style) + 1;
  }).map((node) => node.id || node.textContent.trim());
}"""


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


def test_a_test_has_the_width_the_phone_leaves_it(operator: Page):
    for width in (1440, 1280):
        operator.set_viewport_size({"width": width, "height": 900})
        operator.goto("/brains/my-first-bot/tests/new")
        box = operator.locator("#test-editor").bounding_box()
        assert box
        assert box["width"] > width * 0.35


def test_on_a_phone_the_current_tab_is_in_sight_and_no_word_leaves_its_control(operator: Page):
    operator.set_viewport_size({"width": 390, "height": 844})
    for path in ("settings", "versions", "rehearsal/", "learning/", "prompts/", "tests/new", "commands/echo"):
        operator.goto(f"/brains/my-first-bot/{path}")
        tab = operator.locator(".workbench-tabs [aria-current]").bounding_box()
        assert tab
        assert tab["x"] >= 0, path
        assert tab["x"] + tab["width"] <= 390, path
        assert operator.evaluate(CUT_WORDS) == [], path
        title = operator.locator(".errors-top .editor-title")
        assert title.count() == 0 or title.evaluate("node => node.clientHeight") < 40, path


def test_long_names_and_large_numbers_keep_the_shape_of_the_page(operator: Page):
    name = "Dudelsackpfeifenmachergesellschaft " * 2 + "of a hundred letters in all"
    operator.goto("/brains/")
    operator.get_by_role("button", name="New brain").click()
    operator.get_by_label("Name", exact=True).fill(name)
    operator.get_by_role("button", name="Create").click()
    operator.wait_for_url("**/brains/dudelsack*")
    for size in SIZES:
        operator.set_viewport_size({"width": size[0], "height": size[1]})
        top = operator.locator(".workbench-top").bounding_box()
        assert top
        assert top["height"] < 132
        assert operator.locator(".workbench-title .page-name").get_attribute("title") == name.strip()
    for path in ("/brains/", "/analytics/"):
        operator.goto(path)
        assert operator.evaluate("document.documentElement.scrollWidth") <= 390, path
    operator.goto("/dashboard")
    value = operator.locator(".figure-value").first
    one_line = value.evaluate("node => node.clientHeight")
    value.evaluate("node => { node.textContent = '12,345,678'; }")
    assert value.evaluate("node => node.clientHeight") <= one_line
    assert value.evaluate("node => node.scrollWidth <= node.clientWidth")
