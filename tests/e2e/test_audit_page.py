"""The audit in the browser: what somebody changed appears, opens to a diff, is filtered, exported and checked."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import EMAIL, check_page, create_brain

pytestmark = pytest.mark.browser


def add_label(page: Page, name: str) -> None:
    page.goto("/chats/labels")
    page.get_by_label("Name of a new label").fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.locator(".labels-all")).to_contain_text(name)


def test_a_change_appears_by_itself_and_opens_to_what_it_changed(operator: Page):
    page = operator
    page.goto("/settings/audit/")
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    other = page.context.new_page()
    add_label(other, "Mitglied عضو")
    row = page.locator(".audit-row").first
    expect(row).to_contain_text("label created")
    expect(row).to_contain_text("Mitglied عضو")
    expect(row).to_contain_text(EMAIL)
    row.locator("summary").click()
    expect(row.locator(".audit-body")).to_contain_text("Created")
    expect(row.locator(".audit-value").first).to_contain_text("Mitglied عضو")
    add_label(other, "Second")
    page.wait_for_timeout(1500)
    # An entry that somebody reads stays where it is.
    expect(page.locator(".audit-row").first).to_contain_text("Mitglied عضو")
    other.close()


def test_a_changed_field_is_summed_up_and_shown_before_and_after(operator: Page):
    page = operator
    page.goto("/settings/account/")
    page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.locator("[data-notice]")).to_be_visible()
    page.goto("/settings/people/")
    page.get_by_role("link", name=re.compile("History")).click()
    page.wait_for_url(re.compile("kind=person"))
    row = page.locator(".audit-row").first
    expect(row.locator(".audit-few")).to_contain_text("name:")
    expect(row.locator(".audit-few")).to_contain_text("Ada Lovelace")
    row.locator("summary").click()
    expect(row.locator("ins").first).to_contain_text("Ada Lovelace")
    row.get_by_role("link", name="Link to this entry").click()
    expect(page.get_by_role("heading", name=re.compile("Entry"))).to_be_visible()


def test_filters_work_as_one_types_and_stand_in_the_address(operator: Page):
    page = operator
    add_label(page, "Findable")
    page.goto("/settings/audit/")
    page.get_by_label("Search names and actions").fill("findAB")
    expect(page.locator(".audit-row")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=findAB"))
    page.get_by_label("Action", exact=True).select_option("signed in")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.go_back()
    expect(page.locator(".audit-row")).to_have_count(1)
    page.get_by_label("From").fill("2020-01-02")
    page.get_by_label("to", exact=True).fill("2020-01-01")
    expect(page.get_by_role("alert")).to_contain_text("Choose days")


def test_what_is_filtered_is_exported(operator: Page):
    page = operator
    add_label(page, "Exported")
    page.goto("/settings/audit/?q=exported")
    texts = {}
    for name in ("CSV", "NDJSON"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        assert download.value.suggested_filename.startswith("audit-")
        texts[name] = Path(download.value.path()).read_text("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(texts["CSV"]))
    (entry,) = map(json.loads, texts["NDJSON"].splitlines())
    assert row["subject_name"] == entry["subject_name"] == "Exported"
    assert row["hash"] == entry["hash"]


def test_the_whole_chain_is_checked(operator: Page):
    page = operator
    page.goto("/settings/audit/")
    page.get_by_role("button", name="Check the whole chain").click()
    expect(page.locator("#audit-chain")).to_contain_text("The chain is whole")
    expect(page.locator(".audit-row").first).to_contain_text("audit checked")


def test_entries_are_walked_by_keys(operator: Page):
    page = operator
    add_label(page, "One")
    add_label(page, "Two")
    page.goto("/settings/audit/")
    summaries = page.locator(".audit-row summary")
    summaries.first.focus()
    page.keyboard.press("ArrowDown")
    expect(summaries.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".audit-row").nth(1).locator(".audit-value").first).to_be_visible()


def test_the_page_fits_every_screen_with_long_names_and_other_scripts(operator: Page):
    page, faults = operator, list[str]()
    create_brain(page)
    add_label(page, "W" * 40)
    add_label(page, "مرحبا بالعالم كيف الحال")
    page.goto("/settings/audit/")
    for row in page.locator(".audit-row").all()[:3]:
        row.locator("summary").click()
        expect(row.locator(".audit-facts")).to_be_visible()
    check_page(page, "audit-open", faults)
    page.goto("/settings/audit/?kind=brain")
    page.locator(".audit-row").first.locator("summary").click()
    expect(page.locator(".audit-facts").first).to_be_visible()
    check_page(page, "audit-brain", faults)
    assert faults == []
