"""The failures page: twenty kinds of failures in their classes, the cause mended, all sent again, each exactly once."""

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from bench.fake_graph import ThreadedGraph
from tests.e2e.browser_steps import check_page
from tests.e2e.cloud_number import CloudNumber

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("operator")]

NUMBER, SECRET = "106540352249999", "desk-app-secret"
# Refused when it is sent: code, class and the one thing that helps.
REFUSED = [
    (131026, "Person cannot be reached", "Check the number"),
    (131047, "24-hour window closed", "Send a template"),
    (131050, "Person has opted out", "Send them no marketing"),
    (131049, "Withheld by Meta", "Send it again"),
    (131009, "Content refused", "Fix the command"),
    (131053, "File too large or of a wrong type", "Fix the command"),
    (131051, "Kind of message not supported", "Fix the command"),
    (132001, "Template not found", "Check the template in Meta"),
    (132015, "Template paused or disabled", "Change the template in Meta"),
    (132000, "Template filled in wrongly", "Fix the command"),
    (131030, "Person not on the test list", "Add the person in Meta"),
    (130497, "Country not allowed", "See Meta’s country rules"),
    (424242, "Other reasons", "Look at the chat"),
]
# Taken at first, failed by a receipt later.
FAILED = [
    (131042, "Payment problem", "Add funds in Meta"),
    (131031, "Account locked or restricted", "See Account quality in Meta"),
    (131048, "Stopped for low quality", "See the number’s quality in Meta"),
    (133010, "Number not registered", "Register the number again"),
    (130429, "Sent too fast", "Send it again"),
    (131056, "Too many messages to one person", "Send it again"),
]
META_DOWN = "WhatsApp was not available"


def post(address: str, value: dict[str, Any]) -> None:
    CloudNumber(address, NUMBER, SECRET).post_webhook(value)


def send_text(address: str, who: int, text: str) -> None:
    person = f"1555111{who:04}"
    post(
        address,
        {
            "contacts": [{"profile": {"name": f"Person {who}"}, "wa_id": person}],
            "messages": [
                {
                    "from": person, "id": f"wamid.desk{who}", "timestamp": str(int(time.time())), "type": "text",
                    "text": {"body": f"!echo {text}"},
                }
            ],
        },
    )  # fmt: skip


def fail_later(address: str, graph: ThreadedGraph, text: str, code: int) -> None:
    sent = wait_until(lambda: next((each for each in graph.log if each.text.endswith(text)), None))
    errors = [{"code": code, "title": "no", "message": "no"}]
    post(
        address,
        {
            "statuses": [
                {
                    "id": sent.send.wamid, "status": "failed", "timestamp": str(int(time.time())),
                    "recipient_id": sent.send.to, "errors": errors,
                    "biz_opaque_callback_data": sent.request["biz_opaque_callback_data"],
                }
            ]
        },
    )  # fmt: skip


def wait_until(found: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value


def refuse(graph: ThreadedGraph, code: int) -> None:
    graph.plan({"http_status": 400, "body": {"error": {"code": code, "message": f"(#{code}) no"}}})


def connect(page: Page) -> None:
    page.goto("/connections/")
    if page.get_by_text("Desk", exact=True).count():
        return
    page.goto("/connections/new?channel=cloud")
    page.get_by_label("Name", exact=True).fill("Desk")
    page.get_by_label("Phone number ID").fill(NUMBER)
    page.get_by_label("Access token").fill("EAAG-desk-token")
    page.get_by_label("App secret").fill(SECRET)
    page.get_by_label("Verify token").fill("desk-verify")
    page.get_by_label("Brain that answers").select_option(label="My first bot")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("button", name="Test the connection")).to_be_visible()


def get_cause(page: Page, title: str) -> Any:
    return page.locator("#failures .split-list").get_by_role("link", name=re.compile(f"^{re.escape(title)}"))


def inject_failures(page: Page, graph: ThreadedGraph, product: str) -> None:
    """Let one message fail for each kind, and 40 because WhatsApp was down."""
    # Another test's message may have failed before.
    count = page.locator("#failures-count")
    before = int((re.findall(r"\d+", count.inner_text()) or ["0"])[0])
    who = 0
    for code, _, _ in REFUSED:
        who += 1
        refuse(graph, code)
        requests = graph.counts["requests"]
        send_text(product, who, f"kind {code}")
        wait_until(lambda before=requests: graph.counts["requests"] > before)
    for code, _, _ in FAILED:
        who += 1
        send_text(product, who, f"kind {code}")
        fail_later(product, graph, f"kind {code}", code)
    for number in range(40):
        who += 1
        send_text(product, who, f"down {number:02}")
        fail_later(product, graph, f"down {number:02}", 131000)
    expect(count).to_contain_text(str(before + len(REFUSED) + len(FAILED) + 40), timeout=5000)


def test_twenty_kinds_of_failures_are_in_their_class_and_sent_again_once(
    page: Page, graph: ThreadedGraph, product: str
):
    connect(page)
    page.goto("/failures/")
    expect(page.locator("#live")).to_contain_text("Live")
    inject_failures(page, graph, product)
    faults: list[str] = []
    for _, title, action in [*REFUSED, *FAILED]:
        get_cause(page, title).click()
        expect(page.locator("#cause").get_by_role("heading", name=title)).to_be_visible()
        expect(page.locator(".failures-one")).to_have_count(1)
        expect(page.locator(".failures-acts")).to_contain_text(action)
    get_cause(page, META_DOWN).click()
    expect(page.locator(".failures-one")).to_have_count(30)
    page.get_by_role("link", name="Load more").click()
    expect(page.locator(".failures-one")).to_have_count(40)
    check_page(page, "failures", faults)

    # All of it, also what was not loaded: WhatsApp's own count is the page's.
    before = len(graph.log)
    page.get_by_role("button", name="Send all 40 again").click()
    expect(page.locator(".bulk-action").first).to_contain_text("40 accepted", timeout=20_000)
    texts = Counter(each.text for each in graph.log[before:])
    assert sum(texts.values()) == 40
    assert set(texts.values()) == {1}
    expect(get_cause(page, META_DOWN)).to_have_count(0)

    # Ticked one by one, with Shift for a range, and kept over live updates.
    get_cause(page, "Sent too fast").click()
    page.get_by_role("checkbox", name=re.compile("Person")).first.check()
    expect(page.locator("[data-tick-word]")).to_have_text("1 selected")
    refuse(graph, 131053)
    send_text(product, 900, "another file")
    expect(get_cause(page, "File too large")).to_contain_text("2", timeout=5000)
    expect(page.locator("[data-tick]").first).to_be_checked()
    page.locator(".failures-ticked").get_by_role("button", name="Send again").click()
    expect(page.locator("#failures")).to_contain_text("1 accepted", timeout=10_000)
    check_page(page, "failures-done", faults)
    dismiss_and_undo(page)
    assert faults == []


def dismiss_and_undo(page: Page) -> None:
    get_cause(page, "Country not allowed").click()
    page.get_by_role("button", name="Dismiss it").click()
    expect(get_cause(page, "Country not allowed")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(get_cause(page, "Country not allowed")).to_have_count(1)


def test_a_refresh_that_waited_for_the_next_page_does_not_lead_back(
    page: Page, graph: ThreadedGraph, product: str
):
    connect(page)
    refuse(graph, 131049)
    send_text(product, 940, "waits")
    page.goto("/failures/")
    held: list[Route] = []
    page.route(re.compile("/failures/[a-z]"), lambda route: held.append(route))  # noqa: PLW0108  it wants a function
    get_cause(page, "Withheld by Meta").click()
    while not held:
        page.wait_for_timeout(20)
    # News come while the cause is being fetched: the list is still the one on the page.
    page.evaluate("htmx.trigger('#failures', 'refresh')")
    page.wait_for_timeout(100)
    for each in held:
        each.continue_()
    page.unroute_all()
    detail = page.locator("#failures .split-detail")
    expect(detail.get_by_role("heading", name="Withheld by Meta")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(detail.get_by_role("heading", name="Withheld by Meta")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Send (it|all \\d+) again")).click()
    expect(detail).to_contain_text("None left")


def test_on_a_phone_the_list_comes_first_and_a_cause_takes_its_place(
    page: Page, graph: ThreadedGraph, product: str
):
    connect(page)
    for who, code in ((930, 131026), (931, 130497), (932, 131049)):
        refuse(graph, code)
        requests = graph.counts["requests"]
        send_text(product, who, f"phone {code}")
        wait_until(lambda before=requests: graph.counts["requests"] > before)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/failures/")
    causes, detail = page.locator("#failures .split-list"), page.locator("#failures .split-detail")
    expect(causes).to_be_visible()
    expect(page.get_by_text("Choose a cause")).to_be_hidden()
    get_cause(page, "Withheld by Meta").click()
    expect(detail.get_by_role("heading", name="Withheld by Meta")).to_be_visible()
    expect(causes).to_be_hidden()
    page.get_by_role("button", name=re.compile("^Send (it|all \\d+) again")).click()
    expect(detail).to_contain_text("None left")
    detail.get_by_role("link", name="All causes").click()
    # What has just been sent again stands below the list, without a word about choosing.
    expect(causes.get_by_role("link", name=re.compile("Person cannot be reached"))).to_be_visible()
    expect(page.locator(".bulk-action").first).to_be_visible()
    expect(page.get_by_text("Choose a cause")).to_be_hidden()
    faults: list[str] = []
    check_page(page, "failures-phone", faults)
    # Other tests count their failures: these are left to none of them.
    for title in ("Country not allowed", "Person cannot be reached"):
        get_cause(page, title).click()
        expect(causes).to_be_hidden()
        page.get_by_role("button", name=re.compile("^Dismiss (it|all)")).click()
        expect(detail).to_contain_text("None left")
        detail.get_by_role("link", name="Back to the causes").click()
        expect(causes).to_be_visible()
    assert faults == []


def test_a_renewed_token_lets_everything_go(page: Page, graph: ThreadedGraph, product: str):
    page.goto("/connections/")
    if page.get_by_role("link", name="Desk").count() == 0:
        connect(page)
    refuse(graph, 190)
    send_text(product, 950, "token gone")
    page.goto("/failures/token")
    expect(page.locator(".failures-one")).to_have_count(1, timeout=10_000)
    page.locator(".failures-acts").get_by_role("link", name="Renew the token").click()
    page.get_by_label("Access token").fill("EAAG-new-token")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator("#notices")).to_contain_text("What waited is sent now.")
    page.goto("/failures/token")
    expect(page.locator("#failures")).to_contain_text("None left", timeout=10_000)
    assert [each.text for each in graph.log if each.text.endswith("token gone")] == ["You said token gone"]


def test_the_page_without_failures_says_since_when(page: Page):
    page.goto("/failures/?age=hour&connection=1")
    expect(page.locator("#failures")).to_contain_text(re.compile("(Nothing matches|No failed messages)"))
    faults: list[str] = []
    check_page(page, "failures-none", faults)
    assert faults == []
