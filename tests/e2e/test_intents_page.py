"""Intents: examples written, trained before one's eyes, settled from the report, held back by low scores."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import check_page, create_brain

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), pytest.mark.usefixtures("operator")]

TRAINED_MS = 90_000

EXAMPLES = {
    "order_status": (
        "where is my order", "has my parcel been sent", "when will my package arrive", "track my delivery please",
        "what is the status of my order", "is my parcel on the way", "my package has not come yet",
        "dónde está mi pedido", "this one stands in both",
    ),
    "refund": (
        "I want my money back", "how do I get a refund", "please refund my purchase", "can you return the payment",
        "refund the amount to my card", "give me back what I paid", "when is my money returned",
        "quiero mi dinero de vuelta", "this one stands in both",
    ),
}  # fmt: skip


def write_intent(page: Page, brain: str, name: str, examples: tuple[str, ...]) -> None:
    page.goto(f"{brain}/intents/")
    page.get_by_label("New intent").fill(name)
    page.get_by_role("button", name="Create intent").click()
    expect(page.get_by_role("heading", name=f"Intent {name}")).to_be_visible()
    with page.expect_response(lambda answer: answer.url.endswith(f"/intents/{name}")):
        page.get_by_label("Examples, one a line").fill("\n".join(examples))
    expect(page.locator("#examples-about")).to_contain_text(f"{len(examples)} / 200")


def test_intents_are_written_trained_settled_and_published(page: Page):
    faults: list[str] = []
    brain = create_brain(page).partition("?")[0]
    page.goto(f"{brain}/intents/")
    expect(page.get_by_role("heading", name="The first intent")).to_be_visible()
    check_page(page, "intents-empty", faults)
    for name, examples in EXAMPLES.items():
        write_intent(page, brain, name, examples)
    page.get_by_label("Name of entity 1").fill("amount")
    page.get_by_label("Kind of entity 1").select_option("choice")
    page.get_by_label("Choices of entity 1").fill("all: everything\nhalf")
    page.get_by_role("button", name="Add an entity").click()
    expect(page.get_by_label("Name of entity 2")).to_be_visible()
    check_page(page, "intent-editor", faults)
    page.get_by_role("button", name="Remove entity 1").click()
    expect(page.get_by_label("Name of entity 1")).to_have_value("")

    page.get_by_role("link", name="All intents").click()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#training progress")).to_be_visible()
    check_page(page, "intents-training", faults)
    expect(page.locator("#training")).to_contain_text("See the report", timeout=TRAINED_MS)
    expect(page.locator("#intent-rows")).to_contain_text("% found")
    page.wait_for_timeout(1_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(4_500)
    assert [each for each in asked if "/training/progress" in each] == [], "it has ended"
    page.get_by_label("What does this message mean?").fill("could I have a refund, please")
    expect(page.locator("#reading")).to_contain_text("refund")
    expect(page.locator("#reading meter").first).to_be_visible()
    check_page(page, "intents-list", faults)

    page.get_by_role("link", name="See the report").click()
    expect(page.get_by_role("heading", name="Examples to look at")).to_be_visible()
    expect(page.locator("#editor-main")).to_contain_text("so it means neither")
    check_page(page, "intents-report", faults)
    page.get_by_role("button", name=re.compile("Remove from refund")).click()
    expect(page.locator("#notices")).to_contain_text("removed from “refund”")
    expect(page.locator("#editor-main")).not_to_contain_text("so it means neither")
    expect(page.locator("#training")).to_contain_text("The intents were changed since")
    page.get_by_role("button", name="Train again").click()
    expect(page.locator("#editor-main")).to_contain_text("No example contradicts another", timeout=TRAINED_MS)
    assert faults == []


def test_low_scores_hold_a_draft_back_until_somebody_says_why(page: Page):
    faults: list[str] = []
    brain = create_brain(page).partition("?")[0]
    for name, examples in EXAMPLES.items():
        write_intent(page, brain, name, examples[-5:])  # one of them in both: not all can be right
    page.goto(f"{brain}/settings")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_label("of the examples understood").fill("100")
        page.get_by_label("of the examples understood").blur()
    expect(page.locator("#state-general")).to_have_attribute("data-state", "idle")
    check_page(page, "intents-gate", faults)
    page.goto(f"{brain}/intents/")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#training")).to_contain_text("See the report", timeout=TRAINED_MS)
    page.get_by_role("button", name="Publish").first.click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#notices")).to_contain_text("at least 100 % are asked for", timeout=TRAINED_MS)
    expect(page.get_by_role("heading", name="Scores of intents")).to_be_visible()
    page.get_by_role("button", name="Publish").first.click()
    page.locator("#publish").get_by_text("Publish although scores are low").click()
    page.locator("#publish").get_by_label("Why?").fill("A trial with friends")
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 1 is live", timeout=TRAINED_MS)
    assert faults == []
