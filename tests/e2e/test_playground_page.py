"""The phones beside the editor in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import change_text, check_page, create_brain

pytestmark = pytest.mark.browser

REMIND = """\
ctx.memory.set("asked", 1)
ctx.schedule("Echo", after=90000, text="milk")
ctx.reply("I will remind you")
"""


@pytest.fixture
def page(operator: Page) -> Page:
    """Open the workbench of a brain of one's own."""
    create_brain(operator)
    return operator


def send_text(page: Page, text: str) -> None:
    """Write on the phone and wait until it was drawn."""
    field = page.get_by_label("Say something")
    field.fill(text)
    field.press("Enter")
    expect(page.locator("#pg-screen .bubble-own .bubble-text").last).to_have_text(text)


def open_command(page: Page, name: str) -> None:
    """Open a command of the brain on the page."""
    page.goto(f"{page.url.split('/commands')[0].split('?')[0]}/commands/{name}")
    expect(page.locator("#editor")).to_be_visible()


def make_script(page: Page, name: str, source: str) -> None:
    """Make a command with a script, as its editor's form would."""
    form: dict[str, str | float | bool] = {
        "csrf_token": page.locator("[name=csrf_token]").first.input_value(),
        "name": name,
        "enabled": "on",
        "trigger_kind": "command",
        "t_words": name,
        "action_kind": "script",
        "source": source,
        "force": "yes",
    }
    answer = page.request.post(f"{page.url.split('?')[0]}/commands/{name}", form=form)
    assert answer.ok
    open_command(page, name)


def publish(page: Page) -> None:
    page.get_by_role("button", name="Publish").click()
    page.locator("#publish").get_by_role("button", name="Publish").click()
    expect(page.locator("#workbench-state")).to_contain_text("is live")


def open_tool(page: Page, name: str) -> None:
    """Open a tool beneath the phone, unless it is."""
    tool = page.locator(".pg-tool").filter(has_text=name)
    if tool.get_attribute("open") is None:
        tool.locator("summary").click()


def test_draft_and_live_answer_side_by_side_and_a_replay_marks_what_changed(page: Page):
    faults: list[str] = []
    publish(page)
    open_command(page, "echo")
    expect(page.locator("#editor")).to_be_visible()
    send_text(page, "!echo hi")
    expect(page.locator("#pg-screen .pg-arm")).to_have_text(re.compile(r"Draft and live\s*Same"))
    change_text(page, "The draft heard {{ args.text }}")
    page.get_by_role("button", name="Replay the conversation").click()
    expect(page.locator("#pg-screen .pg-arm").first).to_contain_text("Changed")
    expect(page.locator("#pg-screen")).to_contain_text("The draft heard hi")
    expect(page.locator("#notices")).to_contain_text("1 answer changed")
    send_text(page, "!echo you")
    arms = [r"Draft\s*Differs\s*Changed", "Live", r"Draft\s*Differs", "Live"]
    expect(page.locator("#pg-screen .pg-arm")).to_have_text([re.compile(rf"^\s*{each}\s*$") for each in arms])
    check_page(page, "playground-beside", faults)
    page.get_by_role("button", name=re.compile("^Wide")).click()
    draft, live = page.locator(".pg-pair").last.locator(".pg-column").all()
    sides = draft.bounding_box(), live.bounding_box()
    assert sides[0]
    assert sides[1]
    assert sides[0]["y"] == sides[1]["y"]
    check_page(page, "playground-wide", faults)
    page.get_by_role("button", name=re.compile("^Wide")).click()
    page.locator("#pg-screen").get_by_role("link", name="Why?").last.click()
    expect(page.locator("#pg-why")).to_contain_text("Commands checked")
    check_page(page, "playground-why", faults)
    assert faults == []


def test_what_is_typed_is_asked_before_it_is_saved(page: Page):
    open_command(page, "echo")
    text = page.get_by_label("Text", exact=True)
    text.fill("Typed just now")
    send_text(page, "!echo hi")
    expect(page.locator("#pg-screen")).to_contain_text("Typed just now")


def test_what_is_scheduled_comes_due_where_whatsapp_would_refuse_it(page: Page):
    faults: list[str] = []
    make_script(page, "remind", REMIND)
    send_text(page, "!remind")
    expect(page.locator("#pg-screen")).to_contain_text("I will remind you")
    open_tool(page, "Simulated time")
    expect(page.locator("#pg-clock")).to_contain_text("“Echo” runs in 1 d")
    page.get_by_role("button", name="+25 h").click()
    expect(page.locator("#pg-screen")).to_contain_text("You said milk")
    expect(page.locator("#pg-screen .pg-refused")).to_contain_text(
        "Not delivered: the 24-hour window is closed"
    )
    check_page(page, "playground-closed", faults)
    assert faults == []


def test_buttons_new_people_arrows_and_memory(page: Page):
    faults: list[str] = []
    send_text(page, "!menu")
    page.locator("#pg-screen .choice").first.click()
    expect(page.locator("#pg-screen .bubble-own")).to_have_count(2)
    send_text(page, "!count")
    field = page.get_by_label("Say something")
    field.press("ArrowUp")
    expect(field).to_have_value("!count")
    field.press("ArrowUp")
    expect(field).to_have_value("!menu")
    field.press("ArrowDown")
    field.press("ArrowDown")
    expect(field).to_have_value("")
    open_tool(page, "Variables")
    expect(page.locator("#pg-memory .pg-changed")).to_have_count(1)
    page.get_by_label("Key", exact=True).fill("points")
    page.get_by_label("Value", exact=True).fill("41")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#pg-memory")).to_contain_text("points")
    check_page(page, "playground-memory", faults)
    page.get_by_role("button", name="New person").click()
    expect(page.get_by_role("button", name="Kofi")).to_have_attribute("aria-current", "true")
    expect(page.locator("#pg-memory")).to_contain_text("No variables")
    expect(page.locator("#pg-screen .bubble-own")).to_have_count(0)
    page.get_by_role("button", name="New group chat").click()
    page.get_by_label("Who writes").select_option("Mei")
    send_text(page, "!echo all")
    expect(page.locator(".pg-author")).to_have_text("Mei")
    expect(page.get_by_role("button", name="Group", exact=True)).to_have_attribute("aria-current", "true")
    expect(page.locator("#pg-screen .bubble-own")).to_have_count(1)
    page.locator(".pg-attach summary").click()
    page.get_by_role("button", name="Voice note").click()
    expect(page.locator("#pg-screen .bubble-kind")).to_contain_text("Voice")
    open_tool(page, "Simulated time")
    page.get_by_role("button", name="+25 h").click()
    expect(page.locator("#pg-clock")).to_contain_text("Window closed")
    expect(page.locator("#pg-bar")).to_contain_text("WhatsApp would refuse")
    check_page(page, "playground-clock", faults)
    assert faults == []


def test_the_phone_is_a_sheet_on_a_small_screen(page: Page):
    faults: list[str] = []
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#playground")).to_be_hidden()
    page.get_by_role("link", name="Phone", exact=True).click()
    send_text(page, "!echo small")
    expect(page.locator("#pg-screen")).to_contain_text("You said small")
    check_page(page, "playground-sheet", faults)
    open_tool(page, "Simulated time")
    check_page(page, "playground-sheet-clock", faults)
    page.get_by_role("link", name="Close the phone").click()
    expect(page.locator("#playground")).to_be_hidden()
    assert faults == []


def test_the_conversation_is_saved_as_a_test(page: Page):
    send_text(page, "!echo kept")
    page.get_by_role("region", name="Phone").locator(".pg-menu summary").click()
    page.get_by_role("button", name="Save as a test").click()
    page.wait_for_url("**/tests/1")
    expect(page.locator(".workbench-main")).to_contain_text("Passed")
    expect(page.locator("#pg-screen")).to_contain_text("You said kept")


def test_a_message_quotes_an_earlier_one_and_held_texts_are_sent_with_it(page: Page):
    open_command(page, "echo")
    send_text(page, "!echo hi")
    page.locator("#pg-screen .bubble").filter(has_text="You said hi").get_by_role(
        "button", name="Quote"
    ).click()
    expect(page.locator("#pg-quoting")).to_have_text("You said hi")
    field = page.get_by_label("Say something")
    expect(field).to_be_focused()
    for text in ("!echo one", "dropped"):
        field.fill(text)
        field.press("Shift+Enter")
    expect(page.locator("#pg-held li")).to_have_count(2)
    expect(field).to_have_value("")
    page.locator("#pg-held li").filter(has_text="dropped").get_by_role("button", name="Remove").click()
    field.fill("!echo two")
    field.press("Enter")
    own = page.locator("#pg-screen .bubble-own")
    expect(own.locator(".bubble-text")).to_have_text(["!echo hi", "!echo one", "!echo two"])
    expect(own.last.locator(".bubble-quote")).to_have_text("You said hi")
    expect(page.locator("#pg-screen")).to_contain_text("You said one")
    expect(page.locator("#pg-screen")).to_contain_text("You said two")
    expect(page.locator("#pg-quoting")).to_be_hidden()
    expect(page.locator("#pg-held li")).to_have_count(0)


def test_quote_and_held_texts_fit_a_small_dark_screen(page: Page):
    faults: list[str] = []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("link", name="Phone", exact=True).click()
    send_text(page, "!echo hi")
    page.locator("#pg-screen .pg-quote").last.click()
    field = page.get_by_label("Say something")
    field.fill("a long message that is held back until the next one is written and sent")
    page.get_by_role("button", name="Send together with the next one").click()
    expect(field).to_be_focused()
    check_page(page, "playground-quote", faults)
    assert faults == []
