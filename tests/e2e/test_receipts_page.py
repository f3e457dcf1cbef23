"""The main job, seen: a command is published, a signed webhook comes in, the answer's ticks advance on the page."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench.fake_graph import ThreadedGraph
from bench.graph import Accepted
from tests.e2e.browser_steps import create_brain, replace_text
from tests.e2e.cloud_number import CloudNumber

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

NUMBER, SECRET, PERSON = "106540352242922", "browser-app-secret", "15550007777"


def post(address: str, value: dict[str, Any]) -> None:
    CloudNumber(address, NUMBER, SECRET).post_webhook(value)


def build_message(text: str, number: int = 1) -> dict[str, Any]:
    return {
        "contacts": [{"profile": {"name": "Grace"}, "wa_id": PERSON}],
        "messages": [
            {
                "from": PERSON, "id": f"wamid.IN{number}", "timestamp": str(int(time.time())), "type": "text",
                "text": {"body": text},
            }
        ],
    }  # fmt: skip


def build_status(sent: Accepted, word: str, **more: Any) -> dict[str, Any]:
    request = sent.request
    return {
        "statuses": [
            {
                "id": sent.send.wamid, "status": word, "timestamp": str(int(time.time())), "recipient_id": PERSON,
                "biz_opaque_callback_data": request["biz_opaque_callback_data"], **more,
            }
        ]
    }  # fmt: skip


def connect(page: Page) -> None:
    page.goto("/connections/new?channel=cloud")
    page.get_by_label("Name", exact=True).fill("Shop")
    page.get_by_label("Phone number ID").fill(NUMBER)
    page.get_by_label("Access token").fill("EAAG-browser-token")
    page.get_by_label("App secret").fill(SECRET)
    page.get_by_label("Verify token").fill("browser-verify")
    page.get_by_label("Brain that answers").select_option(label="A brain of its own")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("button", name="Test the connection")).to_be_visible()


def publish_an_echo(page: Page) -> None:
    brain = create_brain(page)
    page.goto(f"{brain}/commands/echo")
    replace_text(page.get_by_label("Text", exact=True), "Heard: {{ args.text }}")
    expect(page.locator("#save-state")).to_contain_text("Draft saved")
    page.get_by_role("button", name="Publish").click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#notices")).to_contain_text("is live from the next message on")


def reason_of_a_failure(page: Page, graph: ThreadedGraph, product: str) -> None:
    post(product, build_message("!echo lost", 3))
    bubble = page.locator("#thread .bubble-own").last
    expect(bubble).to_contain_text("Heard: lost")
    sent = next(each for each in graph.log if each.text == "Heard: lost")
    error = {"code": 131026, "title": "Message undeliverable", "message": "Message undeliverable"}
    post(product, build_status(sent, "failed", errors=[error]))
    expect(bubble.get_by_role("img", name="Failed")).to_be_visible(timeout=2000)
    expect(page.locator("#thread")).to_contain_text("The person cannot be reached")
    expect(page.locator("#thread").get_by_role("button", name="Send again")).to_be_visible()


def test_a_published_command_answers_a_webhook_and_its_ticks_advance_live(
    page: Page, graph: ThreadedGraph, product: str
):
    publish_an_echo(page)
    connect(page)
    page.goto("/chats/")
    expect(page.locator("#live")).to_contain_text("Live")
    post(product, build_message("!echo good morning"))
    page.get_by_role("link", name=re.compile("Grace")).click()
    bubble = page.locator("#thread .bubble-own").first
    expect(bubble).to_contain_text("Heard: good morning")
    expect(bubble.get_by_role("img", name="Sent")).to_be_visible()
    sent = next(each for each in graph.log if each.text == "Heard: good morning")
    assert sent.request["to"] == PERSON

    loaded = page.evaluate("performance.timeOrigin")
    for word, shown in (("delivered", "Delivered"), ("read", "Read")):
        post(product, build_status(sent, word))
        expect(bubble.get_by_role("img", name=shown)).to_be_visible(timeout=2000)
    post(product, build_status(sent, "sent"))
    post(product, build_message("!echo once more", 2))
    expect(page.locator("#thread .bubble-own").last).to_contain_text("Heard: once more")
    expect(bubble.get_by_role("img", name="Read")).to_be_visible()
    reason_of_a_failure(page, graph, product)
    assert page.evaluate("performance.timeOrigin") == loaded
