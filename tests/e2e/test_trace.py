"""The trace, one click from a bubble: in a chat and on the phone, run again alike, readable by everybody."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import check_page, send_message

TOLD = (
    "Answered",
    "stored",
    "Started by a worker",
    "Echo",
    "in one transaction",
    "Accepted by the simulated phone",
)

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]


def send_echo(page: Page, text: str) -> None:
    page.goto("/simulator/")
    send_message(page, f"!echo {text}", f"You said {text}")


def send_echo_and_open_chat(page: Page, text: str) -> None:
    send_echo(page, text)
    page.goto("/chats/")
    page.get_by_role("link", name=re.compile("Ada")).first.click()
    expect(page.locator("#thread .bubble-own").last).to_contain_text(f"You said {text}")


@pytest.mark.parametrize(
    ("word", "side"), [("Trace", ".bubble-row-own"), ("Why?", ".bubble-row:not(.bubble-row-own)")]
)
def test_the_trace_is_one_click_from_either_bubble_and_runs_again_alike(page: Page, word: str, side: str):
    send_echo_and_open_chat(page, f"trace me {len(word)}")
    page.locator(f"#thread {side}").last.get_by_role("link", name=word).click()
    sheet = page.locator("#why")
    for told in TOLD:
        expect(sheet).to_contain_text(told)
    expect(sheet.get_by_role("link", name=re.compile("version 1"))).to_be_visible()
    sheet.get_by_text("Why each did or did not match").click()
    expect(sheet.locator(".trail-asked")).to_contain_text("matches the message")
    sheet.get_by_role("button", name="Run again").click()
    expect(sheet).to_contain_text("Same result", timeout=15_000)
    expect(sheet.locator("#trace-again")).to_contain_text(f"You said trace me {len(word)}")
    faults: list[str] = []
    check_page(page, f"trace-{len(word)}", faults)
    assert faults == []
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_the_trace_opens_on_the_phone_too_and_as_a_page_without_javascript(page: Page):
    send_echo(page, "phone")
    page.locator(".bubble-row:not(.bubble-row-own)").last.get_by_role("link", name="Trace").click()
    expect(page.locator("#why")).to_contain_text("Accepted by the simulated phone")
    address = (
        page.locator(".bubble-row:not(.bubble-row-own)")
        .last.get_by_role("link", name="Trace")
        .get_attribute("href")
    )
    page.goto(str(address))
    faults: list[str] = []
    check_page(page, "trace-page", faults)
    assert faults == []
    expect(page.get_by_role("heading", name="Trace")).to_be_visible()
