"""What every browser test does, and what it watches for."""

import os
from pathlib import Path

from playwright.sync_api import Page, expect

AXE = Path(__file__).resolve().parent / "vendor/axe-4.14.1.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Where pictures of every page are kept, for people to look at; unset = nowhere.
PICTURES = os.environ.get("BRAINBOX_PICTURES", "")


class Watched:
    """What went wrong in the browser: script errors, CSP violations and failed requests."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))


def own_brain(page: Page) -> str:
    """Make a brain for one test from the demo; returns its address."""
    page.goto("/brains/")
    page.get_by_role("button", name="New brain").click()
    page.get_by_label("Name", exact=True).fill("A brain of its own")
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url("**/brains/a-brain-of-its-own*")
    return page.url


def change_text(page: Page, text: str) -> None:
    """Write an answer into the open command, and wait until the draft has it."""
    with page.expect_response(lambda answer: "/commands/" in answer.url and answer.request.method == "POST"):
        page.get_by_label("Text", exact=True).fill(text)


def say(page: Page, text: str, answer: str) -> None:
    """Write on the phone and wait for the answer."""
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text(answer)


def violations(page: Page) -> list[str]:
    """Return what axe finds: rule, place and why."""
    # Its source runs through the debugger, which the page's own policy does not bind.
    page.evaluate(AXE.read_text() + "; true")
    found = page.evaluate("(rules) => axe.run(document, {runOnly: rules})", RULES)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def look_at(page: Page, name: str, faults: list[str]) -> None:
    """Take pictures of a page in both themes and on a phone, and add what axe finds to `faults`."""
    for theme in ("light", "dark"):
        # Colours that are still changing would be judged halfway.
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
        picture(page, f"{name}-{theme}")
        faults += violations(page)
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, f"{name}-phone")
    if page.evaluate("document.documentElement.scrollWidth") > 390:
        faults.append(f"{name}: wider than a phone")
    if before:
        page.set_viewport_size(before)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
