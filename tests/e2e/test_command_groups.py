"""The list of commands in the browser: dragged, moved by keys, found, and changed many at once."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.brains.document import yaml_format
from tests.e2e.browser_steps import PageMonitor, check_page, create_brain

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]


@pytest.fixture
def brain(operator: Page) -> str:
    return create_brain(operator)


def list_names(page: Page) -> list[str]:
    return page.locator("#commands .cmd-word").all_inner_texts()


def choose(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("checkbox", name=f"Choose {name}", exact=True).check()


def get_row(page: Page, name: str):
    return page.locator("#commands .cmd").filter(has=page.get_by_text(name, exact=True))


def drag(page: Page, name: str, onto: str, *, lower: bool = False) -> None:
    page.set_viewport_size({"width": 1280, "height": 1000})
    start, end = get_row(page, name).bounding_box(), get_row(page, onto).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 90, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(start["x"] + 90, start["y"] + 40, steps=3)
    page.mouse.move(end["x"] + 90, end["y"] + (end["height"] - 6 if lower else 6), steps=5)
    with page.expect_response(lambda answer: "/bulk/" in answer.url):
        page.mouse.up()


@pytest.mark.usefixtures("brain")
def test_a_command_is_dragged_to_another_place_and_undone(page: Page):
    before = list_names(page)
    drag(page, "Menu", "Hello")
    expect(page.locator("#notices")).to_contain_text("“Menu” is moved.")
    assert list_names(page)[:3] == ["Menu", "Hello", "Echo"]
    page.reload()
    assert list_names(page)[:3] == ["Menu", "Hello", "Echo"]
    drag(page, "Menu", "Echo", lower=True)
    expect(page.locator("#notices")).to_contain_text("“Menu” is moved.")
    assert list_names(page) == before
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#notices")).to_contain_text("Undone.")
    assert list_names(page)[:3] == ["Menu", "Hello", "Echo"]


@pytest.mark.usefixtures("brain")
def test_a_drag_goes_with_all_that_are_chosen_into_the_group_it_ends_in_and_escape_stops_it(page: Page):
    choose(page, "Thanks", "Count")
    page.get_by_role("button", name="Move to…").click()
    page.get_by_label("or a new one").fill("Small talk")
    page.keyboard.press("Enter")
    expect(page.locator(".sect[data-group='Small talk'] .cmd")).to_have_count(2)
    page.keyboard.press("Escape")
    choose(page, "Hello", "Echo")
    drag(page, "Echo", "Thanks", lower=True)
    expect(page.locator(".sect[data-group='Small talk'] .cmd-word")).to_have_text(
        ["Count", "Thanks", "Hello", "Echo"]
    )
    kept = list_names(page)
    box = get_row(page, "Menu").bounding_box()
    assert box
    page.mouse.move(box["x"] + 90, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 90, box["y"] + 200, steps=4)
    expect(page.locator(".cmd-note")).to_have_text("Menu")
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".cmd-note")).to_have_count(0)
    assert list_names(page) == kept


@pytest.mark.usefixtures("brain")
def test_keys_move_a_command_and_say_where_it_is(page: Page):
    page.locator("#cmd-link-echo").focus()
    page.keyboard.press("Alt+ArrowUp")
    said = page.locator("[data-status]")
    expect(said).to_have_text("Echo: 1 of 10")
    expect(page.locator("#cmd-link-echo")).to_be_focused()
    page.keyboard.press("Alt+ArrowUp")
    expect(said).to_have_text("Echo is first already")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    expect(said).to_have_text("Echo: 3 of 10")
    page.reload()
    assert list_names(page)[:3] == ["Hello", "Menu", "Echo"]


def test_many_are_switched_off_at_once_and_back_with_the_open_command_following(page: Page, brain: str):
    page.goto(f"{brain}/commands/echo")
    page.get_by_role("checkbox", name="Choose Hello", exact=True).click()
    page.get_by_role("checkbox", name="Choose Menu", exact=True).click(modifiers=["Shift"])
    expect(page.locator("[data-count]")).to_have_text("3 chosen")
    page.get_by_role("button", name="Switch off", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("3 commands are switched off.")
    expect(page.locator("#commands .cmd-off")).to_have_count(3)
    expect(page.locator("#editor-on input")).not_to_be_checked()
    # The form goes on from what the list has changed: this is nobody's conflict.
    with page.expect_response(lambda answer: "/commands/echo" in answer.url):
        page.get_by_label("Name", exact=True).fill("Parrot")
    expect(page.locator("#save-state")).to_contain_text("Draft saved")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#commands .cmd-off")).to_have_count(1)
    expect(page.locator("#notices")).to_contain_text("except what was changed since: “Parrot”")


@pytest.mark.usefixtures("brain")
def test_the_chosen_are_exported_with_what_they_need(page: Page):
    choose(page, "Ask the AI", "Count")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    document = yaml_format.load_yaml(download.value.path().read_text())
    assert [each["name"] for each in document["commands"]] == ["Count", "Ask the AI"]
    assert [each["name"] for each in document["prompts"]] == ["assistant"]
    assert download.value.suggested_filename.endswith("-2-commands.yaml")


@pytest.mark.usefixtures("brain")
def test_finding_choosing_all_and_deleting_what_was_found_with_undo(page: Page):
    page.keyboard.press("/")
    expect(page.get_by_label("Find a command")).to_be_focused()
    page.keyboard.type("button or")
    expect(page.locator("#commands .cmd:visible .cmd-word")).to_have_text(["Surprise", "Time"])
    page.locator("#cmd-link-time").focus()
    page.keyboard.press("Control+a")
    expect(page.locator("[data-count]")).to_have_text("2 chosen")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("2 commands are deleted from the draft.")
    page.get_by_label("Find a command").fill("")
    assert len(list_names(page)) == 8
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#notices")).to_contain_text("Undone.")
    assert list_names(page)[3:5] == ["Surprise", "Time"]


@pytest.mark.usefixtures("brain")
def test_a_group_is_renamed_moved_folded_and_dissolved_and_looks_right(page: Page):
    faults: list[str] = []
    page.get_by_role("button", name="New group", exact=True).click()
    page.get_by_label("Name of the group").and_(page.locator(":focus")).fill("Fun")
    page.keyboard.press("Enter")
    expect(page.locator(".sect[data-group=Fun]")).to_contain_text("Empty")
    choose(page, "Surprise", "Count")
    check_page(page, "commands-chosen", faults)
    page.get_by_role("button", name="Move to…").click()
    check_page(page, "commands-move", faults)
    page.locator("#bulk-move").get_by_role("button", name="Fun").click()
    expect(page.locator(".sect[data-group=Fun] .cmd")).to_have_count(2)
    page.get_by_role("button", name="Change the group Fun").click()
    check_page(page, "commands-group", faults)
    page.get_by_label("Name of the group").and_(page.locator(":focus")).fill("Games")
    page.keyboard.press("Enter")
    games = page.locator(".sect[data-group=Games]")
    expect(games.locator(".cmd")).to_have_count(2)
    games.locator("summary").click()
    expect(games.locator(".cmd").first).to_be_hidden()
    page.reload()
    expect(games.locator(".cmd").first).to_be_hidden()
    page.get_by_role("button", name="Change the group Games").click()
    page.locator(":popover-open").get_by_role("button", name="Dissolve the group").click()
    expect(games).to_have_count(0)
    expect(page.locator("#commands .cmd")).to_have_count(10)
    assert faults == []


def test_a_list_that_somebody_changed_meanwhile_is_shown_anew_and_the_choice_is_kept(
    page: Page, brain: str, monitor: PageMonitor
):
    monitor.expect_status(409)
    other = page.context.new_page()
    other.goto(brain)
    other.locator("#cmd-hello").hover()
    with other.expect_response(lambda answer: "/bulk/row" in answer.url):
        other.get_by_role("button", name="Switch off Hello").click()
    choose(page, "Echo", "Menu")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("Nothing was changed")
    expect(page.locator("#commands .cmd-off")).to_have_text(re.compile("Hello"))
    expect(page.locator("[data-count]")).to_have_text("2 chosen")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("2 commands are deleted")
