"""The code editor: it completes, explains, marks and mends, keeps what is typed, and works by keys alone."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser_steps import check_page, create_brain, get_script_editor, replace_text

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

COUNT = "commands/count"


@pytest.fixture
def script(page: Page) -> Locator:
    """Open a script of a brain for this test alone, with an empty editor."""
    brain = create_brain(page)
    with page.expect_response(lambda answer: "completions.json" in answer.url):
        page.goto(f"{brain}/{COUNT}")
    editor = get_script_editor(page)
    editor.press("Control+a")
    page.keyboard.press("Delete")
    return editor


def get_completions(page: Page) -> Locator:
    """Return the labels of the list of completions; one that came while it was typed stands until the next is ready."""
    return page.locator(".cm-tooltip-autocomplete .cm-completionLabel")


def test_ctx_is_completed_with_signature_words_and_example(page: Page, script: Locator):
    script.press_sequentially("ctx.re")
    expect(get_completions(page)).to_have_text(["reply", "react", "result"])
    card = page.locator(".cm-completionInfo")
    expect(card).to_contain_text("reply(text, buttons=None, list=None, quote=False, **more)")
    expect(card).to_contain_text("Sends a text")
    expect(card).to_contain_text('ctx.reply("Hello")')
    faults: list[str] = []
    check_page(page, "editor-completing", faults)
    assert faults == []
    script.press("Control+Space")
    expect(get_completions(page)).to_have_text(["reply", "react", "result"])
    page.wait_for_timeout(100)  # the library takes no choice that is quicker than a person's
    script.press("Enter")
    page.keyboard.type('"Hello')
    expect(page.locator("#source")).to_have_value('ctx.reply("Hello")')


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ('ctx.memory.get("', "counted"),
        ('kept = ctx.memory\nkept.incr("', "counted"),
        ('ctx.call("', "Echo"),
        ('ctx.ai("', "assistant"),
        ('ctx.memory.get("x", scope="', "brain"),
        ("ctx.message.", "text"),
        ('ctx.http.get("https://example.com").', "status"),
        ('name = "Ada"\nprint(f"{name.', "upper"),
        ("visitors = 3\nprint(visi", "visitors"),
    ],
)
def test_what_is_offered_follows_from_what_stands_before(
    page: Page, script: Locator, typed: str, wanted: str
):
    script.press_sequentially(typed)
    expect(get_completions(page).filter(has_text=re.compile(f"^{wanted}$"))).to_be_visible()


def test_templates_are_completed_within_their_marks_only(page: Page):
    page.goto(f"{create_brain(page)}/commands/echo")
    text = page.get_by_role("textbox", name="Text", exact=True)
    text.press("Control+a")
    page.keyboard.press("Delete")
    text.press_sequentially("The args.te")
    expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
    text.press_sequentially("xt {{ args.")
    expect(get_completions(page)).to_have_text(["text"])
    text.press_sequentially("text|up")
    expect(get_completions(page).first).to_have_text("upper")
    page.keyboard.press("Escape")
    page.goto(f"{page.url.partition('/commands')[0]}/prompts/assistant")
    page.get_by_role("textbox", name="System prompt").press("Control+End")
    page.keyboard.type(" {{ mess")
    expect(get_completions(page).filter(has_text=re.compile("^message$"))).to_be_visible()


def test_the_mouse_on_a_word_tells_what_it_does(page: Page, script: Locator):
    script.press_sequentially("ctx.handoff()")
    page.keyboard.press("Escape")
    page.locator(".cm-line .tok-propertyName", has_text="handoff").hover()
    card = page.locator(".cm-tooltip-hover")
    expect(card).to_contain_text('handoff(reason="")')
    expect(card).to_contain_text("Pauses the bot in this chat")


def test_a_problem_is_marked_at_its_place_and_mended_with_a_press(page: Page, script: Locator):
    script.fill('name = ctx.sender.name\nctx.repyl("Hello")\n')
    mark = page.locator(".cm-lintRange-error")
    expect(mark).to_have_text("repyl")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    mark.hover()
    told = page.locator(".cm-tooltip .cm-diagnostic")
    expect(told).to_contain_text("“ctx” has no “repyl”")
    faults: list[str] = []
    check_page(page, "editor-problem", faults)
    assert faults == []
    mark.hover()
    told.get_by_role("button", name="Write reply").click()
    expect(page.locator("#source")).to_have_value('name = ctx.sender.name\nctx.reply("Hello")\n')
    expect(mark).to_have_count(0)
    expect(page.locator("#save-state")).to_contain_text("Draft saved")


def test_a_mark_stays_with_its_word_while_more_is_typed_above(page: Page, script: Locator):
    script.fill("ctx.repyl(1)")
    mark = page.locator(".cm-lintRange-error")
    expect(mark).to_have_text("repyl")
    script.press("Control+Home")
    page.keyboard.type("x = 1\n")
    with page.expect_response(lambda answer: answer.url.endswith(COUNT)):
        pass
    expect(mark).to_have_text("repyl")
    page.locator("#save-state").get_by_role("link", name=re.compile("Line 2")).click()
    expect(script).to_be_focused()
    expect(page.locator(".code-pointed")).to_have_text("ctx.repyl(1)")


def test_what_is_typed_is_saved_by_itself_and_never_refused_for_its_syntax(page: Page, script: Locator):
    with page.expect_response(lambda answer: answer.url.endswith(COUNT)):
        script.press_sequentially("if")
    expect(page.locator("#save-state")).to_contain_text("Line 1")
    expect(page.locator("#count-source")).to_contain_text("2 / 16,384")
    page.reload()
    expect(page.locator("#source")).to_have_value("if")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)


def test_text_focus_cursor_and_undo_outlive_what_is_drawn_around_them(page: Page, script: Locator):
    script.press_sequentially("abc")
    page.keyboard.press("ArrowLeft")
    page.evaluate(
        "document.querySelectorAll('[data-topic]').forEach((part) => htmx.trigger(part, 'refresh'))"
    )
    page.locator("#action-reply").evaluate("(button) => button.click()")
    expect(page.get_by_role("textbox", name="Text", exact=True)).to_be_visible()
    page.locator("#action-script").evaluate("(button) => button.click()")
    expect(script).to_be_visible()
    script.focus()
    page.keyboard.type("X")
    expect(page.locator("#source")).to_have_value("abXc")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator("#source")).not_to_have_value(re.compile("X"))


def test_a_text_that_is_removed_leaves_the_others_to_their_editors(page: Page):
    page.goto(f"{create_brain(page)}/commands/echo")
    page.get_by_role("button", name="Add another text").click()
    page.get_by_role("textbox", name="Text 2").fill("The second")
    page.get_by_role("button", name="Remove text 1").click()
    expect(page.get_by_role("textbox", name="Text", exact=True)).to_have_text("The second")
    expect(page.locator("#text-1")).to_have_value("The second")


def test_the_editor_is_worked_and_left_by_keys_alone(page: Page, script: Locator):
    script.press_sequentially("ctx.reply(1)")
    script.press("Control+/")
    expect(page.locator("#source")).to_have_value("# ctx.reply(1)")
    script.press("Control+/")
    script.press("Control+Enter")
    expect(page.locator("#tried-out .bubble").last).to_have_text("1")
    expect(page.locator("#source")).to_have_value("ctx.reply(1)")
    with page.expect_response(lambda answer: answer.url.endswith(COUNT)):
        script.press("Control+s")
    script.press("Control+f")
    find = page.get_by_role("textbox", name="Find")
    expect(find).to_be_focused()
    page.keyboard.type("reply")
    expect(page.locator(".cm-searchMatch")).to_have_text("reply")
    faults: list[str] = []
    check_page(page, "editor-search", faults)
    assert faults == []
    page.keyboard.press("Escape")
    expect(script).to_be_focused()
    script.press("Tab")
    expect(page.locator("#source")).to_have_value(re.compile("    "))
    script.press("Escape")
    script.press("Tab")
    expect(script).not_to_be_focused()


def test_a_press_in_the_reference_writes_where_the_cursor_is(page: Page, script: Locator):
    script.press_sequentially("x = ")
    page.get_by_text("What a script can use").click()
    page.locator('[data-insert="ctx.message.text"]').click()
    expect(script).to_be_focused()
    expect(page.locator("#source")).to_have_value("x = ctx.message.text")


def test_without_scripts_of_its_own_the_page_is_a_form(page: Page):
    address = f"{create_brain(page)}/{COUNT}"
    browser = page.context.browser
    assert browser
    plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    form = plain.new_page()
    form.goto(address)
    replace_text(get_script_editor(form), "ctx.reply(7)")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(get_script_editor(form)).to_have_value("ctx.reply(7)")
    plain.close()
