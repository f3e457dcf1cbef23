"""Everything by keyboard: each control of each page is reached, shows the focus, and nothing keeps it."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import (
    THEMES,
    PageMonitor,
    create_brain,
    find_violations,
    send_message,
    use_theme,
)
from tests.e2e.page_list import ADDRESSES, Visitor

pytestmark = pytest.mark.browser

WALK = (Path(__file__).resolve().parent / "walk.js").read_text()
MOST_STEPS = 600


def _walk(page: Page) -> list[str]:
    """Press Tab through a page; returns what was wrong on the way."""
    page.evaluate(WALK + "; true")
    page.evaluate("walk.begin()")
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        met = page.evaluate("walk.step()")
        if met == "end":
            return page.evaluate("walk.end()")
        if met == "code":
            page.keyboard.press("Escape")
            # The code editor draws its focus a moment later.
            page.wait_for_timeout(50)
            page.evaluate("walk.judge()")
        elif met != "on":
            return [f"a trap: {met}"]
    return [f"no end after {MOST_STEPS} steps"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_tab_reaches_every_control_and_shows_where_it_is(visitor: Visitor, address: str):
    page = visitor.page
    page.set_viewport_size({"width": 1280, "height": 800})
    visitor.visit(address)
    use_theme(page, "light")
    assert _walk(page) == []
    assert page.evaluate("walk.count()") > 10


def test_the_first_tab_offers_to_skip_the_menu(operator: Page):
    page = operator
    page.goto("/brains/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_chat_of_many_messages_is_one_stop_before_the_reply_box(operator: Page):
    page = operator
    page.goto("/simulator/")
    for number in range(6):
        send_message(page, f"!echo stop {number}", f"You said stop {number}")
    page.goto("/chats/")
    # Opened from the list, as people do: the page was loaded without a chat.
    page.locator("#rows [data-row]").first.click()
    expect(page.locator("#reply")).to_be_visible()
    bubbles = page.locator("#thread .bubble-row")
    assert bubbles.count() >= 12
    page.locator("#thread .skip-link").focus()
    expect(page.locator("#thread .skip-link")).to_be_in_viewport()
    stops: list[str] = []
    while len(stops) < 40 and (not stops or stops[-1] != "reply"):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert stops[-1] == "reply"
    assert stops.count("bubble-why") == 1
    assert len(stops) < 20, stops

    # From the newest message up, and to what else a bubble has.
    why = bubbles.last.locator(".bubble-why")
    why.focus()
    page.keyboard.press("ArrowUp")
    expect(bubbles.nth(-2).locator(".bubble-why")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(bubbles.last.locator("[data-quote]")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(bubbles.last.locator(".tick")).to_be_focused()

    page.locator("#thread .skip-link").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#reply")).to_be_focused()


@pytest.mark.parametrize("address", ["/brains/", "/brains/my-first-bot"])
def test_a_sheet_opens_and_closes_by_keyboard_and_gives_the_focus_back(operator: Page, address: str):
    page = operator
    page.goto(address)
    openers = page.locator("button[popovertarget]:visible:not([popovertargetaction])")
    assert openers.count()
    for n in range(openers.count()):
        opener = openers.nth(n)
        sheet = page.locator(f"#{opener.get_attribute('popovertarget')}")
        opener.focus()
        page.keyboard.press("Enter")
        expect(sheet).to_be_visible()
        page.keyboard.press("Tab")
        assert sheet.evaluate("(sheet) => sheet.contains(document.activeElement)")
        page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        expect(opener).to_be_focused()


def test_escape_closes_a_menu_and_gives_the_focus_back(operator: Page):
    page = operator
    page.goto("/simulator/")
    menu = page.locator("details[data-menu]").first
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()


# ---- Shortcuts ---------------------------------------------------------------------------------------------------


def test_g_and_a_letter_lead_to_a_page(operator: Page):
    page = operator
    page.goto("/dashboard")
    for letter, place in (
        ("b", "**/brains/"),
        ("c", "**/chats/"),
        ("s", "**/simulator/**"),
        ("d", "**/dashboard"),
    ):
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(place)
        # The simulator begins in its field, where letters are letters.
        page.evaluate("document.activeElement.blur()")


def test_j_and_k_go_along_a_list_and_enter_opens(operator: Page):
    page = operator
    page.goto("/brains/my-first-bot")
    rows = page.locator("[data-row]:visible")
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("k")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/commands/*")


def test_a_slash_goes_to_the_search_of_the_page_and_types_elsewhere(operator: Page):
    page = operator
    page.goto("/chats/")
    page.keyboard.press("/")
    field = page.locator("[data-search]").first
    expect(field).to_be_focused()
    page.keyboard.type("g/b?")
    expect(field).to_have_value("g/b?")
    expect(page.locator("#keys")).to_be_hidden()


def test_the_help_shows_what_the_page_has_and_single_keys_can_be_switched_off(
    operator: Page, monitor: PageMonitor
):
    page = operator
    page.goto("/brains/my-first-bot")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_be_visible()
    for words in ("Search or jump", "Next in the list", "Brains"):
        expect(keys.get_by_text(words, exact=True)).to_be_visible()
    expect(keys.get_by_text("Move the step up")).to_have_count(0)
    for theme in THEMES:
        use_theme(page, theme)
        assert find_violations(page) == []
    keys.get_by_label("Shortcuts of a single key").click()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("?")
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(keys).to_be_hidden()
    assert page.url.endswith("/brains/my-first-bot")
    # With a modifier they still act, and the way back is a click or a search away.
    page.get_by_role("button", name="Keyboard shortcuts").click()
    keys.get_by_label("Shortcuts of a single key").click()
    keys.get_by_role("button", name="Close").click()
    page.keyboard.press("?")
    expect(keys).to_be_visible()
    assert monitor.faults == []


def test_ctrl_s_saves_the_draft(operator: Page):
    page = operator
    page.goto(f"{create_brain(page).split('?')[0]}/commands/echo")
    name = page.locator("#name")
    name.fill("Renamed by keys")
    with page.expect_response(lambda answer: "/commands/" in answer.url and answer.request.method == "POST"):
        page.keyboard.press("Control+s")
    page.reload()
    expect(name).to_have_value("Renamed by keys")
