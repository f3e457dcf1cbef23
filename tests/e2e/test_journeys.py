"""What an operator does in the browser, from nothing to a published answer."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import PageMonitor, change_text, create_brain, replace_text, send_message

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]


def test_the_phone_takes_text_buttons_and_the_last_message_again(page: Page):
    page.goto("/simulator/")
    send_message(page, "!echo one two", "You said one two")
    send_message(page, "!menu", "Here is what I understand")
    page.get_by_role("button", name="What time is it?").last.click()
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text("It is ")
    page.get_by_label("Message", exact=True).press("ArrowUp")
    expect(page.get_by_label("Message", exact=True)).to_have_value("What time is it?")


def test_an_answer_the_phone_has_opened_shows_as_read_in_the_inbox(page: Page):
    page.goto("/simulator/")
    # The phone reports once the answer is on its screen; leaving sooner is a phone that was closed.
    with page.expect_response(lambda response: "/seen" in response.url):
        send_message(page, "!echo ticks", "You said ticks")
    page.goto("/chats/")
    page.get_by_role("link", name=re.compile("Ada")).first.click()
    last = page.locator("#thread .bubble-own").last
    expect(last).to_contain_text("You said ticks")
    expect(last.get_by_role("img", name="Read")).to_be_visible()


def test_a_message_appears_in_an_open_chat_without_a_reload(page: Page):
    page.goto("/simulator/")
    send_message(page, "!echo before", "You said before")
    watching = page.context.new_page()
    watching.goto("/chats/")
    watching.get_by_role("link", name=re.compile("Ada")).first.click()
    expect(watching.locator("#live")).to_contain_text("Live")
    send_message(page, "!echo after", "You said after")
    expect(watching.locator("#thread")).to_contain_text("You said after", timeout=3000)


def test_a_changed_command_answers_after_publishing(page: Page):
    page.goto("/brains/my-first-bot/commands/echo")
    text = page.get_by_label("Text", exact=True)
    before = page.locator("#text-1").input_value()
    text.fill("Echo: {{ args.text }}!")
    expect(page.locator("#workbench-state")).to_contain_text("Draft has changes")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label(re.compile("What has changed")).fill("Shorter echo")
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#notices")).to_contain_text("is live from the next message on")
    page.goto("/simulator/")
    send_message(page, "!echo hi", "Echo: hi!")
    page.goto("/brains/my-first-bot/versions")
    page.get_by_role("button", name="Roll back to this version").first.click()
    expect(page.locator("#notices")).to_contain_text("is live again")
    page.goto("/simulator/")
    send_message(page, "!echo hi", "You said hi")
    # Other tests share this brain: they find it as it was.
    page.goto("/brains/my-first-bot/commands/echo")
    change_text(page, before)


def test_a_broken_template_is_named_with_its_line_and_blocks_publishing(page: Page):
    brain = create_brain(page)
    page.goto(f"{brain}/commands/time")
    replace_text(page.get_by_label("Text", exact=True), "Fine\n{{ now.time }")
    expect(page.locator("#save-state .fault")).to_contain_text("Line 2")
    expect(page.locator("#problems")).to_contain_text("Time")
    page.get_by_role("button", name="Publish").click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#notices")).to_contain_text("Repair 1 problem")
    page.goto(f"{brain}/commands/time")
    replace_text(page.get_by_label("Text", exact=True), "It is {{ now.time }}.")
    expect(page.locator("#problems")).to_contain_text("No problems")


def test_a_new_command_takes_another_trigger_arguments_and_texts(page: Page):
    brain = create_brain(page)
    page.goto(f"{brain}/commands/new")
    page.get_by_label("Name", exact=True).fill("Dice")
    page.get_by_label(re.compile("Keywords")).fill("roll")
    page.get_by_role("button", name="Add an argument").click()
    page.get_by_label("Name of argument 1").fill("sides")
    page.get_by_label("Type of argument 1").select_option("int")
    page.get_by_role("button", name="Add another text").click()
    page.get_by_role("textbox", name="Text 1").fill("You rolled {{ args.sides }}")
    page.get_by_role("textbox", name="Text 2").fill("A {{ args.sides }} it is")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Dice")
    expect(page.locator("#commands")).to_contain_text("Dice")
    expect(page.locator("#problems")).to_contain_text("No problems")
    page.get_by_label("Trigger").select_option("regex")
    expect(page.get_by_label("Pattern")).to_be_visible()


def test_a_deleted_command_comes_back(page: Page):
    brain = create_brain(page)
    page.goto(f"{brain}/commands/hi")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("#commands")).not_to_contain_text("Exact text: hi")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#commands")).to_contain_text("Exact text: hi")


def test_two_people_in_one_command_are_both_asked(page: Page, monitor: PageMonitor):
    monitor.expect_status(409)
    brain = create_brain(page)
    page.goto(f"{brain}/commands/thanks")
    other = page.context.new_page()
    other.goto(f"{brain}/commands/thanks")
    replace_text(other.get_by_label("Text", exact=True), "Theirs")
    expect(other.locator("#problems")).to_contain_text("No problems")
    other.get_by_role("button", name="Save").click()
    other.wait_for_timeout(1500)
    replace_text(page.get_by_label("Text", exact=True), "Mine")
    expect(page.locator("#save-state")).to_contain_text("Somebody else has changed this command")
    expect(page.get_by_label("Text", exact=True)).to_have_text("Mine")
    page.get_by_role("button", name="Keep mine").click()
    expect(page.locator("#save-state")).to_contain_text("Draft saved")


def test_trying_a_text_says_which_command_would_answer(page: Page):
    brain = create_brain(page)
    page.goto(brain)
    page.get_by_label("Message to check on the draft").fill("good morning")
    expect(page.locator("#tried")).to_contain_text("answers")
    expect(page.locator("#tried")).to_contain_text("Hi")


def test_typed_text_survives_a_live_refresh(page: Page):
    page.goto("/chats/")
    page.get_by_label("Search chats").fill("Ad")
    page.evaluate(
        "document.querySelectorAll('[data-topic]').forEach((part) => htmx.trigger(part, 'refresh'))"
    )
    page.wait_for_timeout(600)
    expect(page.get_by_label("Search chats")).to_have_value("Ad")
