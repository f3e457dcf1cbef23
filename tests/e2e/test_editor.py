"""The editor as a newcomer meets it: what is typed is understood, nothing is lost, every gesture has a way back."""

import re
from contextlib import nullcontext

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser_steps import PageMonitor, change_text, check_page, create_brain, get_script_editor

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]


@pytest.fixture
def brain(operator: Page) -> str:
    return create_brain(operator)


def open_command(page: Page, brain: str, command: str) -> None:
    page.goto(f"{brain}/commands/{command}")
    expect(page.locator("#save-state")).to_contain_text(re.compile("Draft saved|Not saved yet"))


def wait_for_save(page: Page) -> None:
    expect(page.locator("#save-state")).to_have_attribute("data-state", "idle")
    expect(page.locator("#save-state .save-word-idle")).to_be_visible()


def say(page: Page, text: str) -> None:
    page.get_by_label("Say something").fill(text)
    page.get_by_label("Say something").press("Enter")


def get_row(page: Page, name: str):
    return page.locator("#commands .cmd").filter(
        has=page.locator(".cmd-word", has_text=re.compile(f"^{name}$"))
    )


def test_keywords_with_commas_match_each_by_itself_whatever_the_case(page: Page, brain: str):
    open_command(page, brain, "new")
    page.get_by_label("Name", exact=True).fill("Opening hours")
    page.get_by_label("Trigger").select_option("contains")
    expect(page.get_by_label("Whole words only")).to_be_checked()
    expect(page.get_by_label("Ignore case")).to_be_checked()
    page.get_by_label("Keywords").fill("hours, open, when do you open")
    expect(page.locator(".keywords .cmd-chip")).to_have_text(["hours", "open", "when do you open"])
    change_text(page, "Monday to Friday")
    expect(get_row(page, "Opening hours").locator(".cmd-chip").first).to_have_text("hours")
    say(page, "Are you OPEN?")
    expect(page.locator("#pg-screen")).to_contain_text("Monday to Friday")
    page.get_by_label("Trigger").select_option("exact")
    expect(page.get_by_label("Keywords")).to_have_value("hours\nopen\nwhen do you open")


def test_a_new_command_is_incomplete_in_grey_and_keeps_nobody_from_trying_the_others(page: Page, brain: str):
    open_command(page, brain, "new")
    page.keyboard.type("Delivery")
    wait_for_save(page)
    expect(page.locator("#save-state .todo")).to_have_text("Not finished: Add a keyword. Write an answer.")
    expect(page.locator("#save-state .fault")).to_have_count(0)
    expect(page.locator("[aria-invalid]")).to_have_count(0)
    expect(get_row(page, "Delivery")).to_contain_text("incomplete")
    expect(page.locator("#pg-bar")).to_contain_text("Not finished, left out here: Delivery")
    say(page, "!echo still here")
    expect(page.locator("#pg-screen")).to_contain_text("still here")
    expect(page.locator("#pg-screen .pg-refused")).to_have_count(0)
    page.locator("#pg-bar").get_by_role("link", name="Delivery").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Delivery")
    faults: list[str] = []
    check_page(page, "editor-incomplete", faults)
    assert faults == []


def test_a_click_in_the_middle_of_a_row_opens_it_and_its_menu_moves_it_with_a_way_back(
    page: Page, brain: str
):
    page.goto(brain)
    before = page.locator("#commands .cmd-word").all_inner_texts()
    row = get_row(page, "Menu")
    row.hover()
    box = row.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url("**/commands/menu")
    assert page.locator("#commands .cmd-word").all_inner_texts() == before
    get_row(page, "Menu").get_by_role("button", name="Switch off Menu").click()
    expect(page.locator("#notices")).to_contain_text("“Menu” is switched off.")
    get_row(page, "Menu").get_by_role("button", name="Switch on Menu").click()
    expect(page.locator("#notices")).to_contain_text("“Menu” is switched on.")
    get_row(page, "Menu").hover()
    get_row(page, "Menu").get_by_role("button", name="More for Menu").click()
    page.get_by_role("button", name="Move up Menu").click()
    expect(page.locator("#notices")).to_contain_text("“Menu” is moved up.")
    assert page.locator("#commands .cmd-word").all_inner_texts() != before
    page.locator("#notices .notice").last.get_by_role("button", name="Undo").click()
    expect(page.locator("#notices")).to_contain_text("Undone.")
    assert page.locator("#commands .cmd-word").all_inner_texts() == before


def test_a_new_command_has_an_address_of_its_own_from_the_first_letter(page: Page, brain: str):
    open_command(page, brain, "new")
    page.get_by_label("Name", exact=True).fill("Parcel")
    page.keyboard.press("Control+s")
    wait_for_save(page)
    page.wait_for_url(re.compile(r"/commands/c[0-9a-f]+$"))
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Parcel")
    expect(page.get_by_role("button", name="Duplicate")).to_be_visible()


@pytest.mark.parametrize("command", ["echo", "new"])
def test_a_reload_while_typing_shows_the_last_words_and_no_conflict(page: Page, brain: str, command: str):
    open_command(page, brain, command)
    page.get_by_label("Name", exact=True).fill("Written in a hurry")
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Written in a hurry")
    expect(page.locator("#editor")).not_to_have_attribute("inert", "")
    page.get_by_label("Name", exact=True).fill("Written on")
    wait_for_save(page)
    expect(page.locator("#save-state")).not_to_contain_text("Somebody else")


def hold_first_save(page: Page) -> list[Route]:
    """Keep the first save from the server until the test lets it go on."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if held or route.request.method != "POST":
            route.continue_()
        else:
            held.append(route)

    page.route("**/commands/*", hold)
    return held


def test_words_typed_while_a_slow_save_is_under_way_are_saved_and_no_conflict(page: Page, brain: str):
    open_command(page, brain, "menu")
    held = hold_first_save(page)
    name = page.get_by_label("Name", exact=True)
    for words in ("First words", "Second words", "Third words"):
        with page.expect_request(lambda request: request.method == "POST") if not held else nullcontext():
            name.fill(words)
            page.keyboard.press("Control+s")
    with page.expect_response(lambda answer: "Third" in (answer.request.post_data or "")):
        held[0].continue_()
    for words in ("Fourth words", "Last words"):
        name.fill(words)
        with page.expect_response(lambda answer: answer.request.method == "POST") as saved:
            page.keyboard.press("Control+s")
        assert saved.value.status == 200
    wait_for_save(page)
    expect(page.locator("#save-state")).not_to_contain_text("Somebody else")
    # Publishing waits for saves that are under way: not for one that a later took the place of.
    page.get_by_role("button", name="Publish").first.click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 1 is live")
    open_command(page, brain, "menu")
    expect(name).to_have_value("Last words")


def test_who_leaves_while_a_save_is_under_way_and_comes_back_is_nobody_else(page: Page, brain: str):
    open_command(page, brain, "menu")
    name = page.get_by_label("Name", exact=True)
    name.fill("Before I left")
    page.goto("/notices/")
    page.go_back()
    expect(name).to_have_value("Before I left")
    expect(page.locator("#editor")).not_to_have_attribute("inert", "")
    name.fill("And back again")
    with page.expect_response(lambda answer: answer.request.method == "POST") as saved:
        page.keyboard.press("Control+s")
    assert saved.value.status == 200


def test_a_double_click_makes_one_brain(page: Page):
    page.goto("/brains/")
    page.get_by_role("button", name="New brain").click()
    page.get_by_label("Name", exact=True).fill("Only once")
    page.get_by_role("button", name="Create").dblclick()
    page.wait_for_url(re.compile("/brains/only-once"))
    page.goto("/brains/")
    expect(page.get_by_role("link", name="Only once")).to_have_count(1)


def test_a_choice_without_choices_is_unfinished_not_wrong(page: Page, brain: str):
    open_command(page, brain, "echo")
    page.get_by_role("button", name="Add an argument").click()
    page.get_by_label("Name of argument 2").fill("item")
    page.get_by_label("Type of argument 2").select_option(label="One of a list")
    wait_for_save(page)
    expect(page.locator("#save-state .todo")).to_contain_text("Add the choices.")
    expect(page.locator("#save-state .fault")).to_have_count(0)


def test_two_editors_of_a_command_see_both_texts_and_choose(page: Page, monitor: PageMonitor, brain: str):
    monitor.expect_status(409)
    faults: list[str] = []
    open_command(page, brain, "menu")
    other = page.context.new_page()
    open_command(other, brain, "menu")
    change_text(other, "We are open Monday to Saturday from 9 to 18.")
    change_text(page, "We are open Monday to Friday from 9 to 17.")
    box = page.locator(".conflict-box")
    expect(box.locator("del.diff-gone", has_text="Saturday")).to_be_visible()
    expect(box.locator("ins.diff-new", has_text="Friday")).to_be_visible()
    check_page(page, "editor-conflict", faults)
    page.get_by_role("button", name="Keep mine").click()
    wait_for_save(page)
    change_text(other, "We are closed.")
    other.get_by_role("link", name="Take theirs").click()
    expect(other.get_by_label("Text", exact=True)).to_contain_text("Monday to Friday")
    assert faults == []


def test_a_new_argument_has_the_focus_and_a_name_that_scripts_can_read(page: Page, brain: str):
    open_command(page, brain, "menu")
    page.get_by_role("button", name="Add an argument").click()
    expect(page.get_by_label("Name of argument 1")).to_be_focused()
    page.keyboard.type("Order no")
    expect(page.get_by_label("Name of argument 1")).to_have_value("order_no")
    expect(page.get_by_label("Minimum of argument 1")).to_have_count(0)
    page.get_by_label("Type of argument 1").select_option("int")
    expect(page.get_by_label("Minimum of argument 1")).to_be_visible()
    expect(page.get_by_label("Choices of argument 1")).to_have_count(0)
    page.get_by_label("Reply if it is missing or wrong").fill("What is your order number?")
    wait_for_save(page)
    say(page, "!menu")
    expect(page.locator("#pg-screen")).to_contain_text("What is your order number?")
    expect(page.locator("#pg-screen")).not_to_contain_text("Usage:")


def test_a_wrong_field_says_so_where_it_is_in_plain_words(page: Page, brain: str):
    open_command(page, brain, "echo")
    page.get_by_label("Keywords").fill("two words")
    error = page.locator("#t_words-error")
    expect(error).to_have_text("A keyword of a command is one word, without spaces.")
    expect(page.get_by_label("Keywords")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Keywords")).to_have_attribute("aria-describedby", re.compile("t_words-error"))
    expect(page.locator("#save-state")).not_to_contain_text("^")
    page.get_by_label("Keywords").fill("echo")
    expect(error).to_have_count(0)
    expect(page.locator("[aria-invalid]")).to_have_count(0)


def test_the_title_of_a_button_is_counted_and_never_cut(page: Page, brain: str):
    open_command(page, brain, "hello")
    page.get_by_label("Button 1", exact=True).fill("Talk to a human agent right now")
    expect(page.locator("#count-button-0")).to_have_text("31 / 20")
    expect(page.locator("#count-button-0")).to_have_class(re.compile("counter-over"))
    expect(page.locator("#button-0-error")).to_contain_text("20")


def test_a_button_leads_to_a_command_in_one_gesture(page: Page, brain: str):
    open_command(page, brain, "hello")
    page.get_by_label("Button 1", exact=True).fill("Track parcel")
    page.get_by_label("When pressed").first.select_option("new")
    expect(page.locator("#notices")).to_contain_text(
        "The command “Track parcel” was created for this button."
    )
    expect(page.get_by_label("When pressed").first.locator("option:checked")).to_have_text("Track parcel")
    wait_for_save(page)
    page.get_by_label("Button 2", exact=True).fill("See the menu")
    page.get_by_label("When pressed").nth(1).select_option(label="Surprise")
    expect(page.locator("#notices")).to_contain_text("“See the menu” now leads to “Surprise”.")
    wait_for_save(page)
    page.locator("#button-target-0").get_by_role("link", name="Open").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Track parcel")
    change_text(page, "It is on its way")
    expect(page.locator("#pg-bar")).not_to_contain_text("left out")
    say(page, "!hello")
    page.locator("#pg-screen").get_by_role("button", name="Track parcel").first.click()
    expect(page.locator("#pg-screen")).to_contain_text("It is on its way")


def test_the_result_of_a_script_comes_into_view(page: Page, brain: str):
    page.set_viewport_size({"width": 1280, "height": 620})
    open_command(page, brain, "count")
    get_script_editor(page).press("Control+Enter")
    expect(page.locator("#tried-out .try-outcome")).to_be_in_viewport()


def test_a_script_takes_the_whole_width_and_gives_it_back(page: Page, brain: str):
    page.set_viewport_size({"width": 1440, "height": 900})
    open_command(page, brain, "count")
    narrow = page.locator(".code-python").bounding_box()
    page.get_by_role("button", name="Full width").click()
    wide = page.locator(".code-python").bounding_box()
    assert narrow
    assert wide
    assert wide["width"] > 1.8 * narrow["width"]
    expect(page.locator(".workbench-list")).to_be_hidden()
    get_script_editor(page).press("Control+Enter")
    expect(page.locator("#tried-out .try-outcome")).to_be_in_viewport()
    faults: list[str] = []
    check_page(page, "editor-wide", faults)
    assert faults == []
    page.get_by_role("button", name="Full width").click()
    expect(page.locator(".workbench-list")).to_be_visible()
    page.get_by_role("button", name="Full width").click()
    script = get_script_editor(page)
    script.press("Control+End")
    script.press_sequentially("\nctx.")
    expect(page.locator(".cm-tooltip-autocomplete")).to_be_visible()
    script.press("Escape")
    expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
    expect(page.locator(".workbench-list")).to_be_hidden()
    script.press("Escape")
    expect(page.locator(".workbench-list")).to_be_visible()
    expect(page.get_by_role("button", name="Full width")).to_have_attribute("aria-pressed", "false")


def test_settings_are_saved_as_they_are_made_and_when_the_page_is_left(page: Page, brain: str):
    page.goto(f"{brain}/settings")
    page.get_by_label("Language").fill("fr")
    page.get_by_label("Time zone").focus()
    expect(page.locator("#state-general")).to_contain_text("Draft saved")
    page.get_by_label("Language").fill("not a language")
    page.get_by_label("Time zone").focus()
    expect(page.locator("#state-general .fault")).to_contain_text("Write a language code")
    page.get_by_label("Name of group 1").fill("Shop")
    page.get_by_label("Number alerted of errors in group 1").focus()
    expect(page.locator("#state-groups")).to_contain_text("Draft saved")
    page.get_by_label("Language").fill("de")
    page.get_by_role("link", name="Tests").click()
    page.wait_for_url("**/tests/")
    page.goto(f"{brain}/settings")
    expect(page.get_by_label("Language")).to_have_value("de")
    expect(page.get_by_label("Name of group 1")).to_have_value("Shop")


def test_a_refused_publish_keeps_its_note_and_names_the_failed_tests(page: Page):
    page.goto("/brains/gallery/quiz")
    page.get_by_role("button", name="Use this").first.click()
    page.wait_for_url(re.compile(r"/brains/quiz[^/]*$"))
    brain = page.url
    page.goto(f"{brain}/tests/1")
    page.locator("#steps > [data-step]").nth(1).get_by_label("Text").fill("Something else")
    expect(page.locator(".tests-failed")).to_be_visible()
    page.get_by_role("button", name="Publish").click()
    sheet = page.locator("#publish")
    sheet.get_by_label("What has changed?").fill("More questions")
    sheet.get_by_role("button", name="Publish", exact=True).click()
    page.wait_for_url("**/tests/")
    page.get_by_role("button", name="Publish").click()
    expect(sheet.get_by_label("What has changed?")).to_have_value("More questions")
    expect(sheet.locator("#publish-changes")).to_contain_text(
        "1 test failed: “asks, and counts a right answer”"
    )
    faults: list[str] = []
    check_page(page, "publish-refused", faults)
    assert faults == []
    page.set_viewport_size({"width": 1280, "height": 600})
    expect(sheet.get_by_role("button", name="Publish", exact=True)).to_be_in_viewport()
    sheet.get_by_role("button", name="Cancel").click()
    expect(sheet).to_be_hidden()


def test_a_rollback_can_be_undone(page: Page, brain: str):
    for note in ("One", "Two"):
        open_command(page, brain, "echo")
        change_text(page, f"{note}: {{{{ args.text }}}}")
        page.get_by_role("button", name="Publish").click()
        page.locator("#publish").get_by_role("button", name="Publish", exact=True).click()
        expect(page.locator("#notices")).to_contain_text("is live from the next message on")
    page.goto(f"{brain}/versions")
    page.get_by_role("button", name="Roll back to this version").first.click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 1 is live")
    page.locator("#notices").get_by_role("button", name="Undo").click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 2 is live")


def test_a_gradual_rollout_of_the_draft_counts_as_the_same(page: Page, brain: str):
    page.get_by_role("button", name="Publish").click()
    page.locator("#publish").get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 1 is live")
    open_command(page, brain, "echo")
    change_text(page, "Tried: {{ args.text }}")
    expect(page.locator("#workbench-state")).to_contain_text("Draft has changes")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label("Part of the contacts, always the same ones").check()
    page.locator("#publish").get_by_role("button", name="Publish", exact=True).click()
    page.wait_for_url("**/rollout/")
    expect(page.locator("#workbench-state")).to_contain_text("Draft is the same as version 2")
    page.goto(f"{brain}/versions")
    expect(page.get_by_role("link", name="See the rollout")).to_be_visible()
    expect(page.get_by_role("button", name="Roll back to this version")).to_have_count(0)
    page.get_by_role("link", name="See the rollout").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#workbench-state")).not_to_contain_text("Canary")
    expect(page.locator("#workbench-state")).to_contain_text("Draft is the same as version 2")
    page.goto(f"{brain}/versions")
    page.get_by_role("button", name="Make this version live").click()
    expect(page.locator("#notices")).to_contain_text("Version 2 is live. The draft is unchanged.")


def test_the_editor_without_a_command_says_what_to_do_next(page: Page, brain: str):
    page.goto(brain)
    steps = page.get_by_role("list", name="Next steps").get_by_role("listitem")
    expect(steps).to_have_count(4)
    faults: list[str] = []
    check_page(page, "editor-next-steps", faults)
    assert faults == []
    page.get_by_role("link", name=re.compile("^Edit “")).click()
    expect(page.locator("#editor")).to_be_visible()


def test_on_a_phone_the_button_of_the_phone_leaves_the_field_one_writes_in_alone(page: Page, brain: str):
    page.set_viewport_size({"width": 390, "height": 844})
    open_command(page, brain, "echo")
    button = page.get_by_role("link", name="Phone", exact=True)
    expect(button).to_be_visible()
    page.get_by_label("Name", exact=True).focus()
    expect(button).to_be_hidden()
    page.get_by_label("Name", exact=True).blur()
    expect(button).to_be_visible()


def test_texts_that_have_little_in_common_stand_side_by_side(page: Page, brain: str):
    page.get_by_role("button", name="Publish").click()
    page.locator("#publish").get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#workbench-state")).to_contain_text("Version 1 is live")
    open_command(page, brain, "echo")
    change_text(page, "We are open from Monday to Saturday")
    page.goto(f"{brain}/versions/compare?old=1&new=draft")
    expect(page.locator(".diff-pair .diff-word")).to_have_text(["Before", "After"])
    expect(page.locator(".diff-new-side .diff-text")).to_have_text("We are open from Monday to Saturday")


@pytest.mark.parametrize(
    "place",
    ["versions", "versions/compare", "tests/", "settings", "rehearsal/", "errors/", "prompts/"],
)
def test_pages_about_the_whole_brain_have_the_width_to_themselves(page: Page, brain: str, place: str):
    page.set_viewport_size({"width": 1366, "height": 800})
    page.goto(f"{brain}/{place}")
    expect(page.locator(".workbench-list, .workbench-side")).to_have_count(0)
    expect(page.locator(".workbench-tabs [aria-current=page]")).to_have_count(1)
    header = page.locator(".workbench-top").bounding_box()
    assert header
    assert header["height"] <= 110
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_the_list_is_one_stop_of_the_tab_key_and_arrows_move_in_it(page: Page, brain: str):
    open_command(page, brain, "echo")
    expect(page.locator("#editor-main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#editor') !== null")
    assert page.locator("#commands .cmd-link[tabindex='0']").count() == 1
    page.locator("#cmd-link-echo").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#cmd-link-menu")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Switch off Menu")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="More for Menu")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("checkbox", name="Choose Menu")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    expect(page.locator("#commands .cmd-link").first).to_be_focused()


def test_a_link_skips_to_the_editor(page: Page, brain: str):
    page.goto(f"{brain}/settings")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the editor")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#editor-main') !== null")


def test_the_editor_works_in_a_window_as_narrow_as_a_phone(page: Page, brain: str, monitor: PageMonitor):
    page.set_viewport_size({"width": 360, "height": 740})
    for place in (
        "commands/echo",
        "commands/count",
        "prompts/assistant",
        "settings",
        "versions",
        "tests/new",
    ):
        page.goto(f"{brain}/{place}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, place
    assert monitor.faults == []
