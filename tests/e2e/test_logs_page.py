"""Log lines in the browser: from a bubble in one click, live while nobody reads, by keys, and errors of scripts."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser_steps import send_message
from tests.e2e.page_list import create_lines

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def extra_settings() -> dict[str, str]:
    return {"LOG_LEVEL": "info"}


def test_a_bubble_leads_to_its_lines_in_one_click(operator: Page):
    page = operator
    page.goto("/simulator/")
    send_message(page, "!hello", "!menu")
    page.goto("/chats/")
    page.locator("[data-row]").first.click()
    page.get_by_role("link", name="Log lines").first.click()
    page.wait_for_url(re.compile(r"/logs/\?message=\d+"))
    line = page.locator(".log-line").first
    expect(line).to_contain_text("turn")
    line.locator("summary").click()
    expect(line).to_contain_text("outcome")
    line.get_by_role("link", name="Open the chat").click()
    page.wait_for_url(re.compile(r"/chats/\d+"))


def test_new_lines_come_by_themselves_unless_one_is_read(operator: Page):
    page = operator
    headers = {"Authorization": f"Bearer {create_lines(page, '1', 'live')}"}
    page.goto("/logs/?source=live")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")

    def send(text: str) -> None:
        assert page.request.post("/api/logs", headers=headers, data={"text": text}).status == 202

    send("the first")
    expect(page.locator(".log-line").first).to_contain_text("the first")
    page.locator(".log-line summary").first.click()
    send("the second")
    page.wait_for_timeout(1500)
    expect(page.locator(".log-line").first).to_contain_text("the first")
    page.locator(".log-line summary").first.click()
    send("the third")
    expect(page.locator(".log-line").first).to_contain_text("the third")
    page.get_by_role("link", name="Pause").click()
    send("the fourth")
    page.wait_for_timeout(1500)
    expect(page.locator(".log-line").first).to_contain_text("the third")


def test_a_line_opened_while_new_ones_are_fetched_stays_open(operator: Page):
    page = operator
    headers = {"Authorization": f"Bearer {create_lines(page, '1', 'slow')}"}
    page.goto("/logs/?source=slow")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    page.request.post("/api/logs", headers=headers, data={"text": "the first"})
    line = page.locator(".log-line").first
    expect(line).to_contain_text("the first")
    held: list[Route] = []
    page.route(re.compile(r"/logs/\?"), lambda route: held.append(route))  # noqa: PLW0108  Playwright wants a function
    page.request.post("/api/logs", headers=headers, data={"text": "the second"})
    while not held:
        page.wait_for_timeout(20)
    line.locator("summary").click()
    for each in held:
        each.continue_()
    page.unroute_all()
    page.wait_for_timeout(500)
    expect(line).to_contain_text("the first")
    expect(line.locator("details")).to_have_attribute("open", "")


def test_filters_work_as_one_types_and_stand_in_the_address(operator: Page):
    page = operator
    create_lines(page, "1", "typed")
    page.goto("/logs/?source=typed")
    page.get_by_label("Search the text and data").fill("order 4")
    expect(page.locator(".log-line")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=order"))
    page.get_by_label("Lowest level").select_option("critical")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.go_back()
    expect(page.locator(".log-line")).to_have_count(1)


def test_lines_are_walked_by_keys(operator: Page):
    page = operator
    create_lines(page, "1", "keys")
    page.goto("/logs/?source=keys")
    first = page.locator(".log-line summary").first
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".log-line summary").nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".log-line").nth(1).locator("details")).to_have_attribute("open", "")
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.log-lines *')].filter((each) => each.tabIndex === 0).length"
        )
        == 1
    )


def test_an_error_of_a_script_becomes_a_line(operator: Page, monitor):
    page = operator
    page.goto("/chats/")
    page.evaluate("setTimeout(() => { throw new Error('a broken script') }, 0)")
    page.wait_for_timeout(500)
    page.goto("/logs/?source=browser")
    expect(page.locator(".log-line").first).to_contain_text("a broken script")
    monitor.faults = [fault for fault in monitor.faults if "a broken script" not in fault]
