"""“Did you mean” in the browser: bots of the gallery, the question on the phone, its press, and the settings."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import check_page, send_message

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

ASKED = "Is it about one of these?"


def take_sample(page: Page, search: str, slug: str) -> str:
    """Make a brain of a sample, and return its address."""
    page.goto("/brains/gallery/")
    page.get_by_label("Search the gallery").fill(search)
    expect(page.locator(".sample")).to_have_count(1)
    page.get_by_role("button", name=re.compile("Use this")).click()
    page.wait_for_url(f"**/brains/{slug}*")
    return page.url


def connect_phone(page: Page, title: str) -> str:
    """Publish the open brain, join a simulated phone to it, and return the number of the connection."""
    page.get_by_role("button", name="Publish").first.click()
    page.locator("#publish").get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 1 is live", timeout=30_000)
    page.goto("/connections/new?channel=simulator")
    page.get_by_label("Name", exact=True).fill("Phone of the clinic")
    page.get_by_label("Brain that answers").select_option(label=title)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("button", name="Test the connection")).to_be_visible()
    number = re.search(r"/connections/(\d+)", page.url)
    assert number
    return number[1]


def put_away(page: Page, *places: tuple[str, str]) -> None:
    """Archive what a test made: addresses of pages and the buttons there."""
    for place, button in places:
        page.wait_for_load_state("networkidle")
        page.goto(place)
        page.get_by_role("button", name=button).click()
        expect(page.locator("#notices")).to_contain_text("archived")
    page.wait_for_load_state("networkidle")


def test_a_button_of_the_question_answers_the_first_message(page: Page):
    faults: list[str] = []
    page.goto("/brains/gallery/clinic-appointments")
    check_page(page, "gallery-clinic", faults)
    brain = take_sample(page, "clinic", "clinic-in-two-languages").partition("?")[0]
    expect(page.locator(".tests-passed")).to_be_visible(timeout=30_000)
    phone = connect_phone(page, "Clinic in two languages")
    page.goto(f"/simulator/?connection={phone}&person=15559990031&name=Nora")
    send_message(page, "about my visit on Thursday at 2 pm", ASKED)
    check_page(page, "did-you-mean-question", faults)
    page.get_by_role("button", name="New appointment").last.click()
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text("at 14:00. See you then!")
    expect(page.locator(".bubble-own").last).to_contain_text("New appointment")
    check_page(page, "did-you-mean-answer", faults)
    page.get_by_role("button", name="Move appointment").last.click()
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text("too old by now")
    put_away(page, (f"/connections/{phone}", "Archive"), (f"{brain}/settings", "Archive this brain"))
    assert faults == []


def test_the_settings_switch_the_question_on_and_keep_its_texts(page: Page):
    address = take_sample(page, "provider", "internet-provider").partition("?")[0]
    page.goto(f"{address}/settings")
    box = page.get_by_label("Ask back when no command is sure of a message")
    expect(box).to_be_checked()
    expect(page.get_by_label("Last button")).to_have_value("Neither")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_label("Question", exact=True).fill("Which of these two?")
        page.get_by_label("Question", exact=True).blur()
    expect(page.locator("#state-general")).to_contain_text("Draft saved", timeout=10_000)
    faults: list[str] = []
    check_page(page, "did-you-mean-settings", faults)
    page.reload()
    expect(page.get_by_label("Question", exact=True)).to_have_value("Which of these two?")
    link = page.get_by_role("link", name="Export the draft").get_attribute("href")
    exported = page.request.get(str(link)).text()
    assert "Which of these two?" in exported
    assert "Sem conexão" in exported, exported[:600]
    put_away(page, (f"{address}/settings", "Archive this brain"))
    assert faults == []
