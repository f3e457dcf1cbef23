"""Messages that were not understood become an intent in one gesture; what that changes is seen beforehand."""

import re

import pytest
import yaml
from playwright.sync_api import FilePayload, Page, expect

from tests.brains.document.test_understanding import build_document
from tests.e2e.browser_steps import PageMonitor, check_page, send_message

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

BRAIN = "/brains/my-first-bot"
ODD = ("my parrot sings at night", "the parrot sings again", "a parrot that sings <i>loud</i>")


def publish_intents(page: Page) -> None:
    """Replace the draft by one with intents, and publish it."""
    document = yaml.safe_load(page.request.get(f"{BRAIN}/export.yaml").text())
    wanted = build_document()
    document |= {name: wanted[name] for name in ("commands", "intents", "settings")}
    document.pop("tests", None)
    page.goto("/brains/import?into=my-first-bot")
    file: FilePayload = {
        "name": "shop.yaml",
        "mimeType": "text/yaml",
        "buffer": yaml.safe_dump(document).encode(),
    }
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Preview import").click()
    page.get_by_role("button", name="Replace the draft", exact=True).click()
    page.goto(BRAIN)
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#publish-changes")).to_contain_text("differ")
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 2 is live", timeout=90_000)


def ignore_and_list_again(page: Page, faults: list[str]) -> None:
    """Ignore the last cluster, find it among the ignored ones, and list it again."""
    clusters = page.locator(".cluster")
    expect(clusters).to_have_count(3)
    clusters.last.get_by_role("button", name="Ignore").click()
    expect(clusters).to_have_count(2)
    page.get_by_role("link", name="Ignored").click()
    expect(clusters).to_have_count(1)
    check_page(page, "learning-ignored", faults)
    page.get_by_role("button", name="List again").click()
    expect(clusters).to_have_count(3)


def test_a_cluster_becomes_an_intent_and_its_effect_is_seen_before_publishing(
    page: Page, monitor: PageMonitor
):
    monitor.expect_status(422)
    faults: list[str] = []
    publish_intents(page)
    page.goto(f"{BRAIN}/learning/")
    expect(page.get_by_text("Everything was understood")).to_be_visible()
    check_page(page, "learning-empty", faults)
    page.goto("/simulator/")
    for count, text in enumerate((*ODD, "what does a ticket to mars cost", "where do you ship to"), 1):
        send_message(page, text, "Nothing")
        expect(page.locator(".bubble:not(.bubble-own)")).to_have_count(count)
    page.goto(BRAIN)
    page.get_by_role("navigation", name="Pages of this brain").get_by_role("link", name="Learning").click()
    cluster = page.locator(".cluster").first
    expect(cluster).to_contain_text("3 messages")
    expect(cluster.get_by_role("checkbox")).to_have_count(3)
    for box in cluster.get_by_role("checkbox").all():
        expect(box).to_be_checked()
    expect(page.locator("#workbench-state .badge-count")).to_contain_text("5")
    check_page(page, "learning", faults)
    ignore_and_list_again(page, faults)
    cluster.get_by_label("New intent").fill("Parrot!")
    cluster.get_by_label("New intent").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Write the name in small letters")
    check_page(page, "learning-error", faults)
    cluster = page.locator(".cluster").first
    cluster.get_by_label("New intent").fill("parrot")
    cluster.get_by_role("button", name="Create the intent").click()
    expect(page.locator("#notices")).to_contain_text("3 wordings added to the new intent “parrot”")
    expect(page.locator("#workbench-state .badge-count")).to_contain_text("2")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#workbench-state .badge-count")).to_contain_text("5")
    cluster = page.locator(".cluster").first
    cluster.get_by_label("New intent").fill("parrot")
    cluster.get_by_label("New intent").press("Enter")
    expect(page.locator("#workbench-state .badge-count")).to_contain_text("2")
    page.locator(".cluster").first.get_by_role("button", name="Not for the bot").click()
    expect(page.locator("#notices")).to_contain_text("not for the bot")
    expect(page.locator(".cluster")).to_have_count(1)
    page.get_by_role("link", name="Effect of the changes").click()
    page.get_by_role("button", name="Train and compare").click()
    expect(page.get_by_role("heading", name="Messages that mean another intent")).to_be_visible(
        timeout=90_000
    )
    moved = page.locator(".change").filter(has_text="parrot")
    expect(moved).to_have_count(3)
    expect(page.get_by_role("table", name="Scores")).to_contain_text(re.compile(r"Right intent.*%"))
    expect(page.get_by_role("table", name="Recall of each intent")).to_contain_text("parrot")
    check_page(page, "learning-effect", faults)
    moved.filter(has_text="at night").get_by_role("link", name=re.compile("see the message")).click()
    expect(page.locator("#thread")).to_contain_text("my parrot sings at night")
    assert faults == []
