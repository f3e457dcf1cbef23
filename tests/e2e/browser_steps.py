"""What every browser test does, and what it watches for."""

from playwright.sync_api import Page, expect


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


def say(page: Page, text: str, answer: str) -> None:
    """Write on the phone and wait for the answer."""
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(page.locator(".bubble:not(.bubble-own)").last).to_contain_text(answer)
