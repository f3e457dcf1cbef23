"""What every browser test does, and what it watches for."""

import os
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

AXE = Path(__file__).resolve().parent / "vendor/axe-4.14.1.min.js"
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
EMAIL, PASSWORD = "ada@example.com", "a long enough password"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Where pictures of every page are kept, for people to look at; unset = nowhere.
PICTURES = os.environ.get("BRAINBOX_PICTURES", "")


class PageMonitor:
    """What went wrong in the browser: script errors, CSP violations and failed requests."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        self.expected: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def expect_status(self, status: int) -> None:
        """Leave out answers with this HTTP status: Chromium writes refusals on purpose to the console too."""
        self.expected.append(f"status of {status} ")

    def _note(self, message: ConsoleMessage) -> None:
        if message.type != "error" or any(each in message.text for each in self.expected):
            return
        self.faults.append(f"{message.text} {message.location['url']}")


def sign_in(page: Page, session_cookies: list[Any]) -> None:
    """Be signed in as the owner; the first who comes sets the installation up."""
    if session_cookies:
        page.context.add_cookies(session_cookies)
        return
    page.goto("/")
    create_account(page)
    page.get_by_role("button", name="Create and try it").click()
    expect(page.get_by_label("Message", exact=True)).to_be_visible()
    session_cookies += page.context.cookies()


def create_account(page: Page) -> None:
    """Fill the first page of a new installation and go on."""
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_role("button", name="Create and try it")).to_be_visible()


def create_brain(page: Page) -> str:
    """Make a brain for one test from the demo; returns its address."""
    page.goto("/brains/")
    page.get_by_role("button", name="New brain").click()
    page.get_by_label("Name", exact=True).fill("A brain of its own")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/brains/a-brain-of-its-own*")
    return page.url


def get_script_editor(page: Page) -> Locator:
    """Return the editor of the open command's script; its text is that of the field #source."""
    return page.get_by_role("textbox", name="Script", exact=True)


def replace_text(editor: Locator, text: str) -> None:
    """Write a text over that of a code editor, by keys: it may not have heard yet what the page selected."""
    editor.press("Control+a")
    editor.page.keyboard.insert_text(text)


def change_text(page: Page, text: str) -> None:
    """Write an answer into the open command, and wait until the draft has it."""
    with page.expect_response(lambda answer: "/commands/" in answer.url and answer.request.method == "POST"):
        replace_text(page.get_by_label("Text", exact=True), text)


def send_message(page: Page, text: str, answer: str) -> None:
    """Write on the phone and wait for the answer."""
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text(answer)


# The theme follows the system by an event of the page's own.
THEME_SHOWN = "(theme) => document.documentElement.dataset.bsTheme === theme"
# Resolves once colours and places have come to rest; what turns for ever is not waited for.
AT_REST = """() => Promise.all(
  document.getAnimations()
    .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
    .map((each) => each.finished.catch(() => null)),
)"""


def find_violations(page: Page, *, colours: bool = False) -> list[str]:
    """Return what axe finds: rule, place and why; `colours`: only what a theme can change."""
    page.evaluate(AT_REST)
    if not page.evaluate("Boolean(window.axe)"):
        # Its source runs through the debugger, which the page's own policy does not bind.
        page.evaluate(AXE.read_text() + "; true")
    wanted = {"runOnly": ["color-contrast"] if colours else RULES, "resultTypes": ["violations"]}
    found = page.evaluate("(wanted) => axe.run(document, wanted)", wanted)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def use_theme(page: Page, theme: Theme) -> None:
    """Let the system's theme be light or dark, and wait until the open page shows it."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function(THEME_SHOWN, arg=theme)


def take_screenshot(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def check_page(page: Page, name: str, faults: list[str]) -> None:
    """Take pictures of a page in both themes and on a phone, and add what axe finds to `faults`."""
    for theme in THEMES:
        use_theme(page, theme)
        take_screenshot(page, f"{name}-{theme}")
        faults += find_violations(page)
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    take_screenshot(page, f"{name}-phone")
    if page.evaluate("document.documentElement.scrollWidth") > 390:
        faults.append(f"{name}: wider than a phone")
    if before:
        page.set_viewport_size(before)
    use_theme(page, "light")
