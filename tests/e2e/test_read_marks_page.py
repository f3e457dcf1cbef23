"""Read marks, link previews and receipts of a group, as an operator sees and sets them."""

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench.fake_graph import ThreadedGraph
from tests.e2e.browser_steps import check_page
from tests.e2e.cloud_number import CloudNumber

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

NUMBER, SECRET = "106540352242922", "browser-app-secret"
AMA, KOFI = "233200000001", "233200000002"


def wait_for_marks(graph: ThreadedGraph, number: int) -> list[str]:
    deadline = time.monotonic() + 10
    while len(graph.read_marks) < number:
        assert time.monotonic() < deadline, "the read marks did not come"
        time.sleep(0.05)
    return [each["message_id"] for each in graph.read_marks]


def test_marks_previews_and_receipts_are_set_and_seen(page: Page, graph: ThreadedGraph, product: str):
    faults: list[str] = []
    shop = CloudNumber(product, NUMBER, SECRET)
    shop.connect(page, "Shop")
    page.get_by_text("Read marks and typing").click()
    page.get_by_label("Mark messages as read").select_option("answer")
    page.get_by_label("Show typing while the bot works").check()
    check_page(page, "connection", faults)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Read marks and typing").click()
    expect(page.get_by_label("Mark messages as read")).to_have_value("answer")

    shop.send_text(AMA, "hello")
    time.sleep(1.2)  # a look-up of the connection is a second old at most
    page.goto("/chats/")
    page.get_by_role("link", name=AMA).first.click()
    assert len(wait_for_marks(graph, 1)) == 1

    field, switch = (
        page.get_by_label("Message", exact=True).last,
        page.get_by_label("Show a preview of the link"),
    )
    field.fill("no link")
    expect(switch).to_be_hidden()
    field.fill("see https://example.com")
    expect(switch).to_be_visible()
    switch.check()
    check_page(page, "composer", faults)
    field.press("Enter")
    bubble = page.locator("#thread .bubble-own").last
    expect(bubble).to_contain_text("see https://example.com")
    expect(bubble.get_by_role("img", name="Sent")).to_be_visible()
    sent = [each for each in graph.log if "text" in each.request][-1]
    assert sent.request["text"]["preview_url"] is True

    pricing: dict[str, Any] = {
        "billable": True,
        "category": "service",
        "pricing_model": "PMP",
        "type": "regular",
    }
    for who, word in ((AMA, "read"), (KOFI, "delivered"), ("233200000003", "delivered")):
        more = {"recipient_type": "group", "recipient_participant_id": who, "pricing": pricing}
        shop.send_receipt(sent, word, **more)
    expect(bubble.get_by_role("img", name="Delivered")).to_be_visible()
    bubble.get_by_role("button", name="Delivered").focus()
    page.keyboard.press("Enter")
    report = bubble.locator(".way:popover-open")
    expect(report).to_contain_text("Read by")
    expect(report).to_contain_text("1 of 3")
    expect(report).to_contain_text("Billable")
    page.keyboard.press("Tab")
    expect(report.get_by_role("group", name="Receipts of members")).to_be_focused()
    check_page(page, "receipts", faults)
    assert faults == []
