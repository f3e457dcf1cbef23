"""A file brought in: what it changes and asks for is seen first, given only what is ticked, and taken back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import PageMonitor, check_page, create_brain

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

WEATHER = """\
  - id: weather
    name: Weather
    trigger: {kind: command, words: [weather]}
    action: {kind: script, source: 'ctx.reply(ctx.http.get("https://api.example.com/").text)'}
"""


@pytest.fixture
def brain(operator: Page) -> str:
    return create_brain(operator)


def export_brain(page: Page, brain: str) -> str:
    return page.request.get(f"{brain}/export.yaml").text()


def change_document(text: str) -> str:
    """Return the demo with another echo, without “Thanks”, with “Weather”, and with more permission requests."""
    text = text.replace("You said {{ args.text }}", "You wrote {{ args.text }}")
    text = re.sub(r"  - id: thanks\n(?:    .*\n)+", WEATHER, text)
    return re.sub(r"  ai:\n", "  http: {allow: [api.example.com, other.example.com]}\n  ai:\n", text)


def preview(page: Page, brain: str, text: str, name: str = "shop.yaml") -> None:
    page.goto(f"/brains/import?into={brain.rsplit('/', 1)[1]}" if brain else "/brains/import")
    page.get_by_label("File").set_input_files(
        {"name": name, "mimeType": "text/yaml", "buffer": text.encode()}
    )
    page.get_by_role("button", name="Preview import").click()
    expect(page.get_by_text("Nothing has changed yet.")).to_be_visible()


def test_a_draft_is_replaced_after_a_look_with_only_the_ticked_permission_and_comes_back(
    page: Page, brain: str
):
    before = export_brain(page, brain)
    faults: list[str] = []
    preview(page, brain, change_document(before))
    expect(page.get_by_text("shop.yaml")).to_be_visible()
    parts = page.locator(".part-top")
    expect(parts.filter(has_text="Added")).to_contain_text("Weather")
    expect(parts.filter(has_text="Removed")).to_contain_text("Thanks")
    parts.filter(has_text="Changed").click()
    expect(page.locator(".part[open] .diff-new")).to_contain_text("wrote")
    api = page.get_by_label(re.compile("External requests to api.example.com"))
    expect(api).not_to_be_checked()
    expect(page.get_by_label(re.compile("Ask the AI"))).to_have_count(0)
    expect(page.get_by_text("No problems")).to_be_visible()
    check_page(page, "import-review", faults)
    assert export_brain(page, brain) == before
    api.check()
    page.get_by_role("button", name="Replace the draft").last.click()
    expect(page.locator("#notices")).to_contain_text("Nothing is live until you publish")
    after = export_brain(page, brain)
    assert "api.example.com" in after
    assert "other.example.com" not in after
    assert "monthly_tokens" in after
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#notices")).to_contain_text("Undone.")
    assert export_brain(page, brain) == before
    assert faults == []


def test_the_same_file_with_all_it_asks_for_gives_the_same_file_back(page: Page, brain: str):
    text = change_document(export_brain(page, brain))
    preview(page, "", text)
    for box in page.locator("[name=permit]").all():
        box.check()
    page.get_by_role("button", name="Create this brain").click()
    expect(page.locator("#notices")).to_contain_text("The brain is created.")
    once = export_brain(page, page.url)
    preview(page, page.url, once)
    expect(page.get_by_text("Nothing: the draft is the same already.")).to_be_visible()
    page.get_by_role("button", name="Replace the draft").last.click()
    expect(page.locator("#notices")).to_contain_text("Nothing is live until you publish")
    assert export_brain(page, page.url) == once


def test_commands_are_added_to_what_is_there_and_clashes_are_told(page: Page, brain: str):
    before = export_brain(page, brain)
    faults: list[str] = []
    preview(page, brain, change_document(before))
    page.get_by_role("button", name=re.compile("Add the commands")).click()
    expect(page.get_by_text("the new one becomes “Echo 2”")).to_be_visible()
    expect(page.get_by_text("There already, word for word")).to_contain_text("“Hello”")
    expect(page.locator(".part-top").filter(has_text="Removed")).to_have_count(0)
    check_page(page, "import-add", faults)
    page.get_by_role("button", name="Add 2 commands").click()
    expect(page.locator("#notices")).to_contain_text("2 commands are added to the draft.")
    words = page.locator("#commands .cmd-word")
    expect(words).to_have_count(12)
    assert words.all_inner_texts()[-2:] == ["Echo 2", "Weather"]
    assert "example.com]" not in export_brain(page, brain)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#notices")).to_contain_text("Undone.")
    assert export_brain(page, brain) == before
    assert faults == []


def test_a_file_that_cannot_be_read_is_shown_at_its_line_and_kept(page: Page, monitor: PageMonitor):
    monitor.expect_status(422)
    page.goto("/brains/import")
    page.get_by_label("or its text").fill("brain: shop\ntitle: Shop\ncommands: [oh\nno: 1\n")
    page.get_by_role("button", name="Preview import").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 4, column 3")
    expect(page.locator(".lines-bad")).to_contain_text("no: 1")
    expect(page.get_by_label("or its text")).to_have_value("brain: shop\ntitle: Shop\ncommands: [oh\nno: 1\n")
