"""The inbox in a browser: found, filtered, written, labelled, noted; and nothing typed is lost."""

import hashlib
import re
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from app.settings import ROOT
from bench.fake_graph import ThreadedGraph
from bench.graph_media import Medium
from tests.e2e.browser_steps import check_page
from tests.e2e.cloud_number import CloudNumber

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

NUMBER, SECRET, ACCOUNT = "206540352242922", "inbox-app-secret", "777000777"
PIXEL = ROOT / "docs" / "screenshots" / "chats.png"
_ids = count(1)

Write = Callable[..., str]


@pytest.fixture
def write(page: Page, product: str) -> Write:
    """Let a person write to a number on the Cloud API, which no brain answers."""
    number = CloudNumber(product, NUMBER, SECRET, ACCOUNT)
    page.goto("/connections/")
    if not page.get_by_text("Inbox shop").count():
        number.connect(page, "Inbox shop")

    def post(name: str, *texts: str, ago: int = 0, **more: Any) -> str:
        phone = "1555" + hashlib.sha256(name.encode()).hexdigest()[:4].translate(
            str.maketrans("abcdef", "123456")
        )
        bodies = [{"type": "text", "text": {"body": text}} for text in texts] or [more]
        stamp = str(int(time.time()) - ago)
        items = [
            {"from": phone, "id": f"wamid.inbox.{next(_ids)}", "timestamp": stamp, **body} for body in bodies
        ]
        number.post_webhook({"contacts": [{"profile": {"name": name}, "wa_id": phone}], "messages": items})
        return items[-1]["id"]

    return post


def open_chat(page: Page, name: str) -> None:
    page.goto(f"/chats/?q={name}")
    page.get_by_role("link", name=re.compile(name)).first.click()
    expect(page.locator("#thread .thread-name")).to_have_text(name)


def get_field(page: Page) -> Any:
    return page.locator("#writer textarea")


def test_a_search_opens_the_thread_at_the_message(page: Page, write: Write):
    write(
        "Inge",
        *(f"before {n}" for n in range(70)),
        "my zeppelin has landed",
        *(f"after {n}" for n in range(70)),
    )
    page.goto("/chats/")
    page.get_by_label("Search chats").fill("zepp")
    expect(page.locator("#rows mark")).to_have_text("zepp")
    page.get_by_role("link", name=re.compile("zeppelin")).click()
    hit = page.locator(".bubble-row", has_text="my zeppelin has landed")
    expect(hit).to_be_in_viewport()
    expect(page).to_have_url(re.compile("at="))
    page.get_by_role("link", name="Newest messages").click()
    expect(page.locator("#thread")).to_contain_text("after 69")
    expect(page.locator(".bubble-row").last).to_be_in_viewport()
    first = page.locator(".bubble-row").first
    before = first.get_attribute("id")
    page.locator(".thread-body").evaluate("(body) => (body.scrollTop = 0)")
    expect(page.locator(".bubble-row").first).not_to_have_attribute("id", before or "")
    # What the reader looked at has not jumped away.
    expect(page.locator(f"#{before}")).to_be_in_viewport()


def test_filters_and_labels_narrow_the_list(page: Page, write: Write):
    write("Ines", "hello")
    write("Ivo", "hello")
    open_chat(page, "Ines")
    page.keyboard.press("l")
    page.get_by_label("Name of a new label").last.fill("VIP guest")
    page.locator(".swatch.label-purple").click()
    page.get_by_role("button", name="Create and apply").click()
    expect(page.locator(".thread-sub .label")).to_have_text("VIP guest")
    page.goto("/chats/")
    page.locator(".filters-more summary").click()
    page.get_by_label("Label", exact=True).and_(page.locator("select")).select_option(label="VIP guest")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(page.locator(".filter-chip")).to_contain_text("VIP guest")
    expect(page).to_have_url(re.compile("label="))
    page.locator(".tab", has_text="Unread").click()
    page.wait_for_url("**state=unread**")
    expect(page).to_have_url(re.compile("label="))
    page.locator(".filter-chip").click()
    expect(page.locator(".filter-chip")).to_have_count(0)


def test_what_is_typed_survives_refreshes_other_chats_and_a_reload(page: Page, write: Write):
    write("Isa", "hello")
    write("Jan", "hello")
    open_chat(page, "Isa")
    get_field(page).fill("half a sent")
    get_field(page).press_sequentially("ence")
    write("Isa", "are you there?")
    expect(page.locator("#thread")).to_contain_text("are you there?")
    expect(get_field(page)).to_have_value("half a sentence")
    expect(get_field(page)).to_be_focused()
    open_chat(page, "Jan")
    expect(get_field(page)).to_have_value("")
    open_chat(page, "Isa")
    expect(get_field(page)).to_have_value("half a sentence")
    page.reload()
    expect(get_field(page)).to_have_value("half a sentence")


def test_an_answer_goes_out_once_with_its_quote(page: Page, write: Write, graph: ThreadedGraph):
    quoted = write("Kim", "which size?")
    open_chat(page, "Kim")
    asked = page.locator(".bubble-row", has=page.locator(".bubble", has_text="which size?"))
    asked.get_by_role("button", name="Reply to this message").click()
    expect(page.locator(".writer-quote")).to_contain_text("which size?")
    get_field(page).fill("Size 42")
    get_field(page).press("Shift+Enter")
    get_field(page).press_sequentially("or 43")
    get_field(page).press("Enter")
    expect(get_field(page)).to_have_value("")
    bubble = page.locator("#thread .bubble-own").last
    expect(bubble).to_contain_text("Size 42")
    expect(bubble.get_by_role("img", name="Sent")).to_be_visible()
    (sent,) = [each for each in graph.log if each.text == "Size 42\nor 43"]
    assert sent.request["context"] == {"message_id": quoted}
    bubble.locator(".tick").hover()
    expect(page.locator(".way:popover-open")).to_contain_text("It was accepted for delivery.")
    page.locator(".thread-who").hover()
    expect(page.locator(".way:popover-open")).to_have_count(0)
    bubble.locator(".bubble-quote").click()
    expect(page.locator(".bubble-found")).to_contain_text("which size?")


def test_a_file_goes_out_and_comes_in(page: Page, write: Write, graph: ThreadedGraph):
    write("Lea", "a picture please")
    open_chat(page, "Lea")
    with page.expect_file_chooser() as chooser:
        page.locator(".writer-attach").click()
    chooser.value.set_files(PIXEL)
    expect(page.locator(".writer-file")).to_contain_text("chats.png")
    get_field(page).fill("Here it is")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(
        page.locator("#thread .bubble-own img.media-image, #thread .bubble-own .media-image img")
    ).to_be_visible()
    expect(page.locator("#thread .bubble-own").last.get_by_role("img", name="Sent")).to_be_visible(
        timeout=10_000
    )
    assert any(each.request.get("image", {}).get("caption") == "Here it is" for each in graph.log)
    media_id = graph.media.add(Medium("image/png", PIXEL.read_bytes()))
    write("Lea", type="image", image={"id": media_id, "mime_type": "image/png", "caption": "And mine"})
    expect(page.locator("#thread .bubble:not(.bubble-own) .media-image img")).to_be_visible(timeout=10_000)


def test_a_closed_window_takes_a_template_or_a_note(page: Page, write: Write, graph: ThreadedGraph):
    write("Mia", "hello yesterday", ago=26 * 3600)
    open_chat(page, "Mia")
    expect(page.locator(".thread-top")).to_contain_text("24-hour window closed: templates only")
    page.get_by_role("link", name="Template").click()
    page.get_by_label("Template", exact=True).select_option(label="order_update · en · utility")
    for label, value in (("Header {{1}}", "17"), ("Body {{1}}", "Mia"), ("Body {{2}}", "Monday")):
        page.get_by_label(label).fill(value)
    expect(page.locator("#template-preview")).to_contain_text("Hello Mia, your order leaves us on Monday.")
    page.get_by_label(re.compile("URL suffix")).fill("t17")
    page.get_by_role("button", name="Send the template").click()
    expect(page.locator("#picker")).to_have_count(0)
    bubble = page.locator("#thread .bubble-own").last
    expect(bubble).to_contain_text("your order leaves us on Monday")
    expect(bubble.get_by_role("img", name="Sent")).to_be_visible()
    # That the chat is open may mark its message as read a moment later.
    assert [each.request["template"]["name"] for each in graph.log if "template" in each.request][-1:] == [
        "order_update"
    ]
    get_field(page).fill("Called her, all is well")
    get_field(page).press("Enter")
    expect(page.locator("#thread .note")).to_contain_text("Called her, all is well")
    page.get_by_role("button", name="Delete this note").click()
    expect(page.locator("#thread .note")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#thread .note")).to_contain_text("Called her, all is well")


def test_unread_chats_are_counted_live_and_marked_by_hand(page: Page, write: Write):
    write("Nora", "one")
    page.goto("/chats/")
    expect(page.locator("#live")).to_contain_text("Live")
    row = page.locator("[data-row]", has_text="Nora")
    expect(row.locator(".row-count")).to_contain_text("1")
    write("Nora", "two")
    expect(row.locator(".row-count")).to_contain_text("2")
    expect(page.locator("#chats-waiting")).not_to_be_empty()
    row.click()
    expect(row.locator(".row-count")).to_have_count(0)
    page.locator(".thread-who").click()
    page.keyboard.press("u")
    page.wait_for_url("**/chats/")
    expect(page.locator("[data-row]", has_text="Nora").locator(".row-count")).to_contain_text("1")
    page.locator(".row", has_text="Nora").locator(".row-pick").click()
    expect(page.locator("#bulk")).to_contain_text("1 chosen")
    page.locator("#bulk").get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("[data-row]", has_text="Nora").locator(".row-count")).to_have_count(0)
    expect(page.locator("#bulk")).to_be_hidden()


def test_the_inbox_is_accessible_dark_and_fits_a_phone(page: Page, write: Write):
    quoted = write("Olga Example", "Where is my order? It was promised for last Monday.")
    write("Olga Example", type="text", text={"body": "And this too"}, context={"id": quoted})
    write("Olga Example", type="reaction", reaction={"message_id": quoted, "emoji": "👍"})
    open_chat(page, "Olga Example")
    page.locator(".writer-tab", has_text="Note").click()
    get_field(page).fill("She called on Friday.")
    get_field(page).press("Enter")
    expect(page.locator("#thread .note")).to_be_visible()
    page.locator(".writer-tab", has_text="Message").click()
    get_field(page).fill("It leaves us today.")
    get_field(page).press("Enter")
    expect(page.locator("#thread .bubble-own").last.get_by_role("img", name="Sent")).to_be_visible()
    faults: list[str] = []
    check_page(page, "inbox-thread", faults)
    page.goto("/chats/?q=order")
    check_page(page, "inbox-search", faults)
    page.goto("/chats/?state=unread")
    check_page(page, "inbox-unread", faults)
    page.goto("/chats/labels")
    check_page(page, "inbox-labels", faults)
    write("Mia", "hello yesterday", ago=26 * 3600)
    open_chat(page, "Mia")
    page.get_by_role("link", name="Template").click()
    page.get_by_label("Template", exact=True).select_option(index=1)
    expect(page.locator("#template-preview")).to_be_visible()
    check_page(page, "inbox-template", faults)
    assert "\n".join(faults) == ""


def test_reading_on_keeps_the_place_while_the_chat_goes_on(page: Page, write: Write):
    write("Ingrid", *(f"before {n}" for n in range(70)), "my balloon", *(f"after {n}" for n in range(70)))
    page.goto("/chats/?q=balloon")
    page.get_by_role("link", name=re.compile("balloon")).click()
    expect(page.locator(".bubble-row", has_text="my balloon")).to_be_in_viewport()
    # A look at the chat is under way, and slow, when the reader comes to the beginning of what is shown.
    slow: list[Route] = []
    first = page.locator(".bubble-row").first.get_attribute("id") or ""

    def hold(route: Route) -> None:
        slow.append(route)

    page.route(re.compile(r"/thread\?start="), hold, times=1)
    page.locator("#thread").evaluate("(thread) => htmx.trigger(thread, 'refresh')")
    while not slow:  # or one that the page has just begun by itself
        page.wait_for_timeout(20)
    page.locator(".thread-body").evaluate("(body) => (body.scrollTop = 0)")
    expect(page.locator(".bubble-row").first).to_contain_text("before 0")
    slow[0].continue_()
    # Messages come in: what is shown stays, and where the reader is.
    with page.expect_response(re.compile(r"/thread\?start=")):
        write("Ingrid", *(f"more {n}" for n in range(40)))
    expect(page.locator(".bubble-row").first).to_contain_text("before 0")
    expect(page.locator(f"#{first}")).to_be_in_viewport()
    # Reading on to the end of what was there does not jump past what is unread.
    last = page.locator(".bubble-row").last.get_attribute("id") or ""
    page.locator(".thread-body").evaluate("(body) => (body.scrollTop = body.scrollHeight)")
    expect(page.locator(f"#{last} ~ .bubble-row").first).to_be_attached()
    expect(page.locator(f"#{last}")).to_be_in_viewport()
