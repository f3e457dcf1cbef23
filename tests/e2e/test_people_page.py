"""People in the browser: invited, with a second factor, locked out and not, and thrown out live."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pyotp.totp import TOTP

from tests.e2e.browser_steps import EMAIL, PASSWORD, PageMonitor, check_page

pytestmark = pytest.mark.browser

AGENT = "ben@example.com"


@pytest.fixture
def open_tab(browser: Browser, product: str) -> Iterator[Callable[[], Page]]:
    """Return a function that opens a page in another browser, with cookies of its own."""
    contexts: list[BrowserContext] = []

    def new_page() -> Page:
        contexts.append(browser.new_context(base_url=product, reduced_motion="reduce"))
        return contexts[-1].new_page()

    yield new_page
    for each in contexts:
        each.close()


def give_password(page: Page, email: str = EMAIL, password: str = PASSWORD) -> None:
    page.goto("/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def give_code(page: Page, code: str) -> None:
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Sign in").click()


def invite(operator: Page, email: str, role: str = "Agent") -> str:
    operator.goto("/settings/people/")
    operator.get_by_label("E-mail address").fill(email)
    operator.get_by_role("radio", name=role).check()
    operator.get_by_role("button", name="Make an invitation link").click()
    return operator.locator("#link").input_value()


def accept(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Name").fill("Ben")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()


def test_an_invitation_is_accepted_in_another_browser(operator: Page, open_tab: Callable[[], Page]):
    faults: list[str] = []
    link = invite(operator, AGENT)
    check_page(operator, "people-link", faults)
    page = open_tab()
    monitor = PageMonitor(page)
    page.goto(link)
    check_page(page, "invitation", faults)
    accept(page, link)
    expect(page).to_have_url(re.compile("/chats/"))
    expect(page.locator(".side-nav")).not_to_contain_text("Brains")
    expect(page.locator(".live")).to_contain_text("Live")
    check_page(page, "agent-chats", faults)
    page.goto("/settings/account/")
    check_page(page, "account", faults)
    assert monitor.faults == []
    page.goto("/brains/")
    expect(page.get_by_role("heading", name="You may not do this")).to_be_visible()
    check_page(page, "forbidden", faults)
    page.goto(link)
    expect(page.get_by_role("heading", name="This link no longer works")).to_be_visible()
    check_page(page, "link-gone", faults)
    operator.goto("/settings/people/")
    expect(operator.get_by_role("list").filter(has_text=AGENT)).to_contain_text("Ben")
    check_page(operator, "people", faults)
    assert faults == []


def test_a_second_factor_is_set_up_and_a_recovery_code_signs_in(operator: Page, open_tab: Callable[[], Page]):
    faults: list[str] = []
    page = open_tab()
    accept(page, invite(operator, "cleo@example.com"))
    page.goto("/settings/account/")
    page.get_by_role("link", name="Set up").click()
    check_page(page, "factor-begin", faults)
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    key = page.locator(".factor-key").inner_text().replace(" ", "")
    check_page(page, "factor-set-up", faults)
    page.get_by_label("Code").fill(TOTP(key).now())
    page.get_by_role("button", name="Turn on").click()
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    check_page(page, "recovery-codes", faults)
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_role("link", name="Manage").click()
    check_page(page, "factor-on", faults)

    other = open_tab()
    give_password(other, "cleo@example.com")
    check_page(other, "code", faults)
    give_code(other, codes[0])
    expect(other).to_have_url(re.compile("/chats/"))
    third = open_tab()
    give_password(third, "cleo@example.com")
    give_code(third, codes[0])
    expect(third.get_by_role("alert")).to_contain_text("wrong, too old or used")
    assert faults == []


def test_a_locked_door_says_until_when_and_opens_for_the_owner_on_their_own_device(
    operator: Page, open_tab: Callable[[], Page]
):
    # All tests come from one address, which is known of the owner: a person nobody has signed in as is not.
    faults: list[str] = []
    invite(operator, "dora@example.com")
    stranger = open_tab()
    for _ in range(6):
        give_password(stranger, "dora@example.com", "a wrong password")
    expect(stranger.get_by_role("alert")).to_contain_text("Too many failed attempts. Try again in")
    expect(stranger.get_by_role("alert")).to_contain_text("UTC")
    check_page(stranger, "locked", faults)

    for _ in range(11):
        give_password(stranger, EMAIL, "a wrong password")
    expect(stranger.get_by_role("alert")).to_contain_text("Too many failed attempts")
    # The stranger sits in the owner's network and has used its budget up; the owner's device has one of its own.
    own = open_tab()
    own.context.add_cookies(
        [each for each in operator.context.cookies() if each.get("name", "").endswith("_device")]  # type: ignore[misc]
    )
    give_password(own)
    expect(own).to_have_url(re.compile("/(dashboard|setup)"))
    assert faults == []


def test_a_revoked_session_is_thrown_out_while_its_page_is_open(operator: Page, open_tab: Callable[[], Page]):
    page = open_tab()
    accept(page, invite(operator, "emil@example.com"))
    expect(page.locator(".live")).to_contain_text("Live")
    second = open_tab()
    give_password(second, "emil@example.com")
    expect(second.locator(".live")).to_contain_text("Live")
    page.goto("/settings/account/")
    expect(page.locator(".session")).to_have_count(2)
    page.get_by_role("button", name="Sign out all other devices").click()
    expect(second).to_have_url(re.compile("/login"), timeout=2_000)
    expect(page.locator(".session")).to_have_count(1)

    operator.goto("/settings/people/")
    person = operator.locator(".person").filter(has_text="emil@example.com")
    person.get_by_role("button", name="Deactivate").click()
    expect(page).to_have_url(re.compile("/login"), timeout=2_000)
    expect(operator.locator(".notices")).to_contain_text("is signed out and cannot sign in")
    operator.locator(".notices").get_by_role("button", name="Undo").click()
    expect(person.get_by_role("button", name="Deactivate")).to_be_visible()
