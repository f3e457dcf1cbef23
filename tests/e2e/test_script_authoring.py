"""A script from the first keystroke to the answer on the phone, and a chat handed over to a person and back."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import check_page, create_brain, get_script_editor, replace_text

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

POINTS = """\
points = ctx.memory.incr("points")
ctx.reply(f"You have {points} points", buttons=["More", "Enough"])
if points == 2:
    ctx.handoff("Has two points")
"""


def new_script(page: Page, brain: str) -> None:
    page.goto(f"{brain}/commands/new")
    page.get_by_label("Name", exact=True).fill("Points")
    page.get_by_label("Keywords").fill("points")
    page.get_by_role("radio", name="Script").check()
    expect(page.locator("#source")).to_have_value(re.compile("visit number"))


def publish(page: Page) -> None:
    page.get_by_role("button", name="Publish").click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#notices")).to_contain_text("is live from the next message on")


def create_brain_called(page: Page, title: str) -> str:
    """Make a brain with a name that no other test uses; returns its address."""
    page.goto("/brains/")
    page.get_by_role("button", name="New brain").click()
    page.get_by_label("Name", exact=True).fill(title)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/brains/{title.lower()}")
    return page.url


def create_phone(page: Page, brain_title: str) -> str:
    """Make a simulated phone that a brain answers, and take it up; returns its address."""
    page.goto("/connections/new?channel=simulator")
    page.get_by_label("Name", exact=True).fill(f"Phone of {brain_title}")
    page.get_by_label("Brain that answers").select_option(label=brain_title)
    page.get_by_role("button", name="Connect").click()
    page.wait_for_url(re.compile(r"/connections/\d+|/simulator/"))
    page.goto("/simulator/")
    page.get_by_label("Number").select_option(label=f"Phone of {brain_title}")
    page.wait_for_url("**connection=**")
    return page.url


def send_text(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_a_script_is_written_mended_tried_published_and_answers(page: Page):
    brain = create_brain_called(page, "Scripted")
    new_script(page, brain)
    source = get_script_editor(page)
    source.fill('name = ctx.sender.name\nctx.repyl("Hello")\n')
    source.press("Control+Enter")
    tried = page.locator("#tried-out")
    expect(tried).to_contain_text("Failed")
    expect(tried.locator(".lines-bad")).to_contain_text('ctx.repyl("Hello")')
    expect(page.locator("#try-status")).to_contain_text("Line 2")
    tried.get_by_role("link", name=re.compile("Line 2")).click()
    expect(source).to_be_focused()
    expect(page.locator(".code-pointed")).to_contain_text('ctx.repyl("Hello")')
    source.fill(POINTS)
    page.get_by_text("From contact, and variables").click()
    page.get_by_label("Variables of this contact").fill('{"points": 40}')
    page.get_by_role("button", name="Try", exact=True).click()
    expect(tried).to_contain_text("You have 41 points")
    expect(tried).to_contain_text("Adds 1 to points for this contact")
    expect(tried.get_by_role("row", name=re.compile("Time"))).to_contain_text("/ 250 ms")
    faults: list[str] = []
    check_page(page, "script-tried", faults)
    assert faults == []
    expect(page.locator("#save-state")).to_contain_text("Draft saved")
    publish(page)
    create_phone(page, "Scripted")
    send_text(page, "!points")
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text("You have 1 points")


def test_a_wrong_script_is_kept_and_not_published(page: Page):
    brain = create_brain(page)
    new_script(page, brain)
    replace_text(get_script_editor(page), "x = 1\nclass Bot:\n    pass\n")
    place = page.locator("#save-state").get_by_role("link", name=re.compile("Line 2"))
    expect(place).to_be_visible()
    place.click()
    expect(get_script_editor(page)).to_be_focused()
    page.get_by_role("button", name="Publish").click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#notices")).to_contain_text("Repair 1 problem")
    page.locator("#problems").get_by_role("link", name="Points").click()
    expect(get_script_editor(page)).to_be_focused()
    expect(page.locator("#source")).to_have_value("x = 1\nclass Bot:\n    pass\n")


def test_the_script_is_typed_and_left_with_the_keyboard_alone(page: Page):
    new_script(page, create_brain(page))
    source = get_script_editor(page)
    source.fill("")
    source.press("Tab")
    page.keyboard.type("x = 1")
    source.press("Shift+Tab")
    source.press("End")
    source.press("Enter")
    page.keyboard.type("if x:")
    source.press("Enter")
    page.keyboard.type("ctx.reply(x)")
    written = page.locator("#source")
    expect(written).to_have_value("x = 1\nif x:\n    ctx.reply(x)")
    expect(page.locator(".cm-line").filter(visible=True)).to_have_count(3)
    source.press("Control+z")
    expect(written).not_to_have_value("x = 1\nif x:\n    ctx.reply(x)")
    source.press("Escape")
    source.press("Tab")
    expect(source).not_to_be_focused()


def test_a_look_at_the_other_kind_of_answer_loses_nothing(page: Page):
    brain = create_brain(page)
    page.goto(f"{brain}/commands/echo")
    replace_text(page.get_by_label("Text", exact=True), "Typed by hand")
    page.get_by_role("radio", name="Script").check()
    expect(get_script_editor(page)).to_be_visible()
    replace_text(get_script_editor(page), "ctx.reply(1)")
    page.get_by_role("radio", name="Text answer").check()
    expect(page.get_by_label("Text", exact=True)).to_have_text("Typed by hand")
    page.get_by_role("radio", name="Script").check()
    expect(page.locator("#source")).to_have_value("ctx.reply(1)")


def test_a_failing_command_is_listed_settled_and_taken_back(page: Page):
    brain = create_brain_called(page, "Failing")
    new_script(page, brain)
    replace_text(get_script_editor(page), 'ctx.reply("before")\nnumber = int(ctx.message.text)\n')
    expect(page.locator("#save-state")).to_contain_text("Draft saved")
    publish(page)
    create_phone(page, "Failing")
    send_text(page, "!points")
    expect(page.locator("#runs")).to_contain_text("Failed")
    page.goto(f"{brain}/errors/")
    error = page.locator(".error-one")
    expect(error).to_contain_text("Line 2")
    page.goto(brain)
    expect(page.locator("#commands")).to_contain_text("1 error in live chats")
    page.goto(f"{brain}/errors/")
    error.get_by_role("button", name="Mark resolved").click()
    expect(page.locator("#errors-page")).to_contain_text("No errors")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".error-one")).to_contain_text("Line 2")
    faults: list[str] = []
    check_page(page, "errors-open", faults)
    assert faults == []


def test_a_chat_is_handed_over_and_the_bot_resumed(page: Page):
    brain = create_brain_called(page, "Handed")
    new_script(page, brain)
    replace_text(get_script_editor(page), POINTS)
    expect(page.locator("#save-state")).to_contain_text("Draft saved")
    publish(page)
    phone = create_phone(page, "Handed")
    for n in (1, 2):
        send_text(page, "!points")
        expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text(f"You have {n} points")
    send_text(page, "!points")
    expect(page.locator("#runs")).to_contain_text("A person answers in this chat")
    page.goto("/chats/")
    page.locator(".row-link", has_text="Paused").first.click()
    banner = page.locator(".paused")
    expect(banner).to_contain_text("Has two points")
    faults: list[str] = []
    check_page(page, "chat-paused", faults)
    assert faults == []
    banner.get_by_role("button", name="Resume").click()
    expect(banner).to_have_count(0)
    page.goto(phone)
    send_text(page, "!points")
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text("You have 3 points")
