"""What operators work with in the chats: who needs a human, keys, saved replies, files, a lost connection."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from bench.fake_graph import ThreadedGraph
from tests.e2e.browser_steps import PageMonitor, check_page, find_violations
from tests.e2e.cloud_number import CloudNumber

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

DROP = """([selector, type]) => {
  const data = new DataTransfer();
  for (const name of ["menu.txt", "other.txt"]) data.items.add(new File(["soup"], name, { type: "text/plain" }));
  const event = new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector(selector).dispatchEvent(event);
  return event.defaultPrevented;
}"""


@pytest.fixture
def number(page: Page, product: str) -> CloudNumber:
    """Have a number on the Cloud API, which no brain answers."""
    found = CloudNumber(product, "506540352242922", "tools-secret", "555000555")
    page.goto("/connections/")
    if not page.get_by_text("Tools shop").count():
        found.connect(page, "Tools shop")
    return found


def open_chat(page: Page, person: str) -> None:
    page.goto(f"/chats/?q={person}")
    page.locator("[data-row]", has_text=person).first.click()
    expect(page.locator("#thread .thread-name")).to_have_text(person)


def pause(page: Page) -> None:
    page.locator("#take-over summary").click()
    page.get_by_role("button", name="Pause the bot until I resume it").click()
    expect(page.locator("#thread .paused")).to_be_visible()


def get_field(page: Page) -> Any:
    return page.locator("#reply")


def test_a_chat_that_needs_a_human_has_its_own_view_badge_title_and_alert(page: Page, number: CloudNumber):
    number.send_text("15557770001", "I want a human")
    open_chat(page, "15557770001")
    pause(page)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    expect(page.locator("#chats-waiting")).to_contain_text("chats need a human")
    page.goto("/settings/account/")
    sound = page.get_by_label("Play a sound")
    sound.check()
    page.reload()
    expect(sound).to_be_checked()
    before = page.evaluate("localStorage.getItem('alerts-seen')")
    number.send_text("15557770001", "Still there?")
    page.wait_for_function("(before) => localStorage.getItem('alerts-seen') !== before", arg=before)
    page.goto("/chats/")
    page.get_by_role("link", name="Needs a human").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    page.locator("[data-row]").click()
    get_field(page).fill("I am here")
    get_field(page).press("Enter")
    expect(page.locator("#thread .bubble-own").last).to_contain_text("I am here")
    expect(page.locator("#thread .bubble-sender").last).to_contain_text("Team")
    expect(page).not_to_have_title(re.compile(r"^\(\d+\) "))
    page.goto("/chats/?state=waiting")
    expect(page.locator("#rows")).to_contain_text("Nobody waits for a human")


def test_a_notice_leaves_when_the_chat_no_longer_shows_what_it_says(page: Page, number: CloudNumber):
    number.send_text("15557770002", "hello")
    open_chat(page, "15557770002")
    pause(page)
    expect(page.locator("[data-notice]")).to_contain_text("The bot is silent in this chat")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("[data-notice]")).to_have_count(1)
    expect(page.locator("[data-notice]")).to_contain_text("The bot answers here again")
    notice, field = page.locator("[data-notice]").bounding_box(), get_field(page).bounding_box()
    assert notice
    assert field
    assert notice["y"] + notice["height"] < field["y"]
    pause(page)
    expect(page.get_by_text("The bot answers here again")).to_have_count(0)
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("#thread .paused")).to_have_count(0)


def test_keys_reply_take_over_finish_and_go_to_the_next_unread_chat(page: Page, number: CloudNumber):
    for person in ("15557770003", "15557770004"):
        number.send_text(person, "hello")
    open_chat(page, "15557770003")
    page.locator(".thread-who").click()
    page.keyboard.press("?")
    for words in ("Reply", "Take over", "Next unread chat"):
        expect(page.locator("#keys-list")).to_contain_text(words)
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(get_field(page)).to_be_focused()
    get_field(page).blur()
    page.keyboard.press("t")
    page.get_by_role("button", name="Pause the bot until I resume it").click()
    expect(page.locator("#thread .paused")).to_be_visible()
    page.keyboard.press("e")
    expect(page.locator("#thread .paused")).to_have_count(0)
    page.goto("/chats/")
    open_first = page.locator(".row-unread").first
    name = open_first.locator(".row-name").inner_text()
    page.keyboard.press("n")
    expect(page.locator("#thread .thread-name")).to_have_text(name)


def test_the_list_is_one_stop_of_the_tab_key_and_a_link_skips_to_the_reply_box(
    page: Page, number: CloudNumber
):
    number.send_text("15557770005", "hello")
    number.send_text("15557770006", "hello")
    page.goto("/chats/")
    rows = page.locator("[data-roving] [data-row]")
    assert rows.evaluate_all("(rows) => rows.filter((row) => row.tabIndex === 0).length") == 1
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("End")
    expect(rows.last).to_be_focused()
    page.keyboard.press("Home")
    expect(rows.first).to_be_focused()
    open_chat(page, "15557770005")
    page.reload()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the reply box").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(get_field(page)).to_be_focused()


def test_a_message_without_connection_says_so_and_goes_out_once_when_it_is_back(
    page: Page, number: CloudNumber, graph: ThreadedGraph, monitor: PageMonitor
):
    number.send_text("15557770007", "hello")
    open_chat(page, "15557770007")
    page.context.set_offline(True)
    get_field(page).fill("sent while offline")
    get_field(page).press("Enter")
    expect(page.locator("#offline")).to_contain_text("No connection")
    expect(page.locator("[data-unsent]")).to_contain_text("Not sent yet")
    expect(get_field(page)).to_have_value("sent while offline")
    page.context.set_offline(False)
    expect(page.locator("#thread .bubble-own").last).to_contain_text("sent while offline")
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("[data-unsent]")).to_be_hidden()
    expect(get_field(page)).to_have_value("")
    expect(page.locator("#thread .bubble-own").last.get_by_role("img", name="Sent")).to_be_visible()
    assert len([each for each in graph.log if each.text == "sent while offline"]) == 1
    monitor.faults = [
        fault for fault in monitor.faults if not re.search("DISCONNECTED|Failed to fetch", fault)
    ]


def test_a_changed_message_waits_for_send_now(page: Page, number: CloudNumber, monitor: PageMonitor):
    number.send_text("15557770008", "hello")
    open_chat(page, "15557770008")
    page.context.set_offline(True)
    get_field(page).fill("half")
    get_field(page).press("Enter")
    expect(page.locator("[data-unsent]")).to_contain_text("as soon as the connection is back")
    get_field(page).press_sequentially(" a sentence")
    expect(page.locator("[data-unsent-words]")).to_have_text("Not sent yet.")
    page.context.set_offline(False)
    expect(page.locator("#offline")).to_be_hidden()
    expect(get_field(page)).to_have_value("half a sentence")
    page.get_by_role("button", name="Send now").click()
    expect(page.locator("#thread .bubble-own").last).to_contain_text("half a sentence")
    monitor.faults = [
        fault for fault in monitor.faults if not re.search("DISCONNECTED|Failed to fetch", fault)
    ]


def test_a_file_dropped_on_the_thread_is_attached_and_elsewhere_it_does_not_leave_the_page(
    page: Page, number: CloudNumber
):
    number.send_text("15557770009", "hello")
    open_chat(page, "15557770009")
    assert page.evaluate(DROP, [".split-list", "dragover"])
    assert page.evaluate(DROP, [".thread-body", "dragover"])
    expect(page.locator(".dropping")).to_have_count(1)
    assert page.evaluate(DROP, [".split-list", "drop"])
    expect(page.locator(".writer-file")).to_be_hidden()
    page.locator(".writer-tab", has_text="Note").click()
    assert page.evaluate(DROP, [".thread-body", "drop"])
    expect(page.locator(".dropping")).to_have_count(0)
    expect(page.locator(".writer-file")).to_contain_text("menu.txt")
    expect(page.locator(".writer-file")).to_contain_text("the first of 2")
    expect(page.get_by_role("radio", name="Message")).to_be_checked()


def test_a_slash_inserts_a_saved_reply_by_keys_and_by_click(page: Page, number: CloudNumber):
    faults: list[str] = []
    page.goto("/chats/replies/")
    expect(page.get_by_role("heading", name="No saved replies yet")).to_be_visible()
    for name, text in (("hours", "We are open from 9 to 18."), ("return", "Print the label first.")):
        page.get_by_label("Name").last.fill(name)
        page.get_by_label("Text").last.fill(text)
        page.get_by_role("button", name="Create").click()
        expect(page.locator("summary", has_text=f"/{name}")).to_be_visible()
    check_page(page, "saved-replies", faults)
    number.send_text("15557770010", "hello")
    open_chat(page, "15557770010")
    get_field(page).press_sequentially("/")
    expect(page.locator("#replies [role=option]")).to_have_count(2)
    faults += find_violations(page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(get_field(page)).to_have_value("Print the label first.")
    expect(page.locator("#replies")).to_be_hidden()
    get_field(page).fill("")
    get_field(page).press_sequentially("/9 to")
    page.locator("#replies").get_by_role("option", name="/hours").click()
    expect(get_field(page)).to_have_value("We are open from 9 to 18.")
    get_field(page).fill("")
    get_field(page).press_sequentially("/zzz")
    expect(page.locator("#replies")).to_contain_text("No saved reply matches")
    page.keyboard.press("Escape")
    expect(page.locator("#replies")).to_be_hidden()
    insert_before_the_list_has_come(page)
    leave_before_the_list_has_come(page)
    page.goto("/chats/replies/")
    page.locator("summary", has_text="/hours").click()
    page.get_by_role("button", name="Delete").first.click()
    expect(page.locator("summary", has_text="/hours")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("summary", has_text="/hours")).to_be_visible()
    assert faults == []


def insert_before_the_list_has_come(page: Page) -> None:
    """Press Enter while the list is on its way: the search goes to nobody."""
    held: list[Route] = []
    page.route("**/chats/replies/find*", lambda route: held.append(route), times=1)  # noqa: PLW0108  Playwright marks it
    get_field(page).fill("")
    get_field(page).press_sequentially("/ho")
    get_field(page).press("Enter")
    expect(get_field(page)).to_have_value("/ho")
    held[0].continue_()
    expect(get_field(page)).to_have_value("We are open from 9 to 18.")
    expect(page.locator("#thread")).not_to_contain_text("/ho")


def leave_before_the_list_has_come(page: Page) -> None:
    """Press Escape while the list is on its way: it does not open any more, until something else is typed."""
    held: list[Route] = []
    page.route("**/chats/replies/find*", lambda route: held.append(route), times=1)  # noqa: PLW0108  Playwright marks it
    get_field(page).fill("")
    with page.expect_request("**/chats/replies/find*"):
        get_field(page).press_sequentially("/")
    get_field(page).press("Escape")
    with page.expect_response("**/chats/replies/find*"):
        held[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator("#replies")).to_be_hidden()
    get_field(page).press_sequentially("h")
    expect(page.locator("#replies [role=option]")).not_to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#replies")).to_be_hidden()
    get_field(page).fill("")


def test_a_phone_reaches_every_page_of_the_menu_by_more(page: Page):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/dashboard")
    faults: list[str] = []
    for name in ("Failures", "Notices", "Analytics", "Connections", "Settings"):
        page.get_by_role("button", name="More", exact=True).click()
        if name == "Failures":
            faults += find_violations(page)
        page.locator("#side-rest").get_by_role("link", name=name).click()
        expect(page.locator("#side-rest [aria-current=page]")).to_have_attribute("title", name)
    assert faults == []
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator("#side-rest").get_by_role("link", name="Settings")).to_be_visible()


def test_the_simulator_offers_the_editor_and_lets_a_paused_bot_go_on(page: Page):
    page.goto("/simulator/?person=15559990077&name=Gus")
    page.get_by_label("Message", exact=True).fill("!hello")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text("!menu")
    expect(page.locator("#runs").get_by_role("link", name="Edit this brain")).to_have_attribute(
        "href", re.compile("/brains/")
    )
    page.goto("/chats/?q=Gus")
    page.locator("[data-row]").first.click()
    pause(page)
    page.goto("/simulator/?person=15559990077&name=Gus")
    strip = page.locator(".phone-paused")
    expect(strip).to_contain_text("The bot is paused in this chat")
    assert find_violations(page) == []
    strip.get_by_role("button", name="Resume").click()
    expect(strip).to_have_count(0)
    page.get_by_label("Message", exact=True).fill("!echo again")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text("again")
