"""The command palette in the browser: everything within reach of Ctrl-K, by keys alone and in both themes."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser_steps import THEMES, PageMonitor, Theme, find_violations, use_theme

pytestmark = pytest.mark.browser


@pytest.fixture
def palette(operator: Page) -> Locator:
    return operator.get_by_role("dialog", name="Search or jump")


def _open(page: Page, address: str) -> Locator:
    page.goto(address)
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search or jump")
    expect(field).to_be_focused()
    return field


def _get_selected(page: Page) -> Locator:
    return page.locator("#palette [aria-selected=true]")


def test_a_command_is_three_keys_and_enter_away_and_recent_the_next_time(operator: Page, palette: Locator):
    page = operator
    field = _open(page, "/dashboard")
    page.keyboard.type("echo")
    expect(_get_selected(page)).to_contain_text("Echo")
    expect(page.locator("#palette-status")).to_have_text("1 result")
    page.keyboard.press("Enter")
    page.wait_for_url("**/brains/my-first-bot/commands/echo")
    field = _open(page, "/chats/")
    recent = palette.get_by_role("group", name="Recent").get_by_role("option")
    expect(recent.first).to_contain_text("Echo")
    assert field.get_attribute("aria-activedescendant") == recent.first.get_attribute("id")
    assert palette.locator("[role=option][href$='/commands/echo']:visible").count() == 1


def test_enter_waits_for_what_was_typed_before_it(operator: Page, palette: Locator):
    _open(operator, "/dashboard")
    operator.keyboard.type("connections")
    operator.keyboard.press("Enter")
    operator.wait_for_url("**/connections/")
    expect(palette).to_be_hidden()


def test_the_arrows_home_and_end_choose_and_the_field_says_what_is_chosen(operator: Page, palette: Locator):
    page = operator
    field = _open(page, "/brains/my-first-bot")
    options = palette.get_by_role("option")
    expect(options.first).to_contain_text("Commands")
    for key, wanted in (
        ("ArrowDown", 1),
        ("ArrowUp", 0),
        ("ArrowUp", -1),
        ("Home", 0),
        ("End", -1),
        ("ArrowDown", 0),
    ):
        page.keyboard.press(key)
        chosen = options.nth(wanted) if wanted >= 0 else options.last
        expect(chosen).to_have_attribute("aria-selected", "true")
        expect(_get_selected(page)).to_have_count(1)
        assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
        expect(chosen).to_be_in_viewport()


def test_escape_closes_it_and_the_focus_goes_back(operator: Page, palette: Locator):
    page = operator
    page.goto("/chats/")
    search = page.locator("[data-search]").first
    search.focus()
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    expect(search).to_be_focused()


def test_ctrl_enter_opens_a_tab_of_its_own(operator: Page):
    page = operator
    _open(page, "/dashboard")
    page.keyboard.type("gallery")
    expect(_get_selected(page)).to_contain_text("Gallery")
    with page.context.expect_page() as opened:
        page.keyboard.press("Control+Enter")
    opened.value.wait_for_url("**/brains/gallery/")
    opened.value.close()
    assert page.url.endswith("/dashboard")


@pytest.mark.parametrize(
    ("start", "typed", "sheet"),
    [
        ("/dashboard", "new brain", "#new-brain"),
        ("/brains/", "new brain", "#new-brain"),
        ("/brains/my-first-bot/versions", "publish", "#publish"),
        ("/brains/my-first-bot", "publish", "#publish"),
    ],
)
def test_an_action_opens_its_sheet_wherever_one_is(operator: Page, start: str, typed: str, sheet: str):
    page = operator
    _open(page, start)
    page.keyboard.type(typed)
    page.keyboard.press("Enter")
    expect(page.locator(sheet)).to_be_visible()


def test_the_theme_changes_without_leaving_the_page(operator: Page):
    page = operator
    _open(page, "/chats/")
    page.keyboard.type("dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert page.url.endswith("/chats/")


def test_recent_lines_are_gone_with_the_sign_out(operator: Page, session_cookies: list[dict[str, str]]):
    page = operator
    page.goto("/dashboard")
    page.evaluate(
        """localStorage.setItem(`recent:${document.querySelector("#palette").dataset.user}`, "[]")"""
    )
    page.route("**/logout", lambda route: route.fulfill(status=204))
    _open(page, "/dashboard")
    page.keyboard.type("sign out")
    with page.expect_response("**/logout"):
        page.keyboard.press("Enter")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('recent:'))") == []
    assert session_cookies


def test_a_search_that_fails_says_so(operator: Page, monitor: PageMonitor):
    page = operator
    page.goto("/dashboard")
    page.route("**/palette?*", lambda route: route.abort())
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-status")).to_contain_text("does not answer")
    monitor.faults.clear()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", THEMES)
def test_it_is_accessible_and_fits(operator: Page, palette: Locator, width: int, theme: Theme):
    page = operator
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/brains/my-first-bot")
    use_theme(page, theme)
    page.get_by_role("link", name="Search").click()
    expect(palette.get_by_role("option").first).to_be_visible()
    assert find_violations(page) == []
    page.keyboard.type("e")
    expect(page.locator("#palette [data-shown=e]")).to_be_visible()
    assert find_violations(page) == []
    page.keyboard.type("zzzz")
    expect(palette.get_by_text("Nothing is called")).to_be_visible()
    assert find_violations(page) == []
    box = palette.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
