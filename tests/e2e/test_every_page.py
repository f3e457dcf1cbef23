"""Every page: no accessibility violations in either theme, no sideways scroll on a phone, no CSP violation."""

import pytest
from browser_steps import Watched, picture, say, violations
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

PAGES = {
    "dashboard": "/dashboard",
    "brains": "/brains/",
    "brain": "/brains/my-first-bot",
    "command": "/brains/my-first-bot/commands/echo",
    "new-command": "/brains/my-first-bot/commands/new",
    "errors": "/brains/my-first-bot/errors/",
    "versions": "/brains/my-first-bot/versions",
    "compare": "/brains/my-first-bot/versions/compare?old=draft&new=1",
    "rehearsal": "/brains/my-first-bot/rehearsal/",
    "why": "/chats/1/messages/1/why",
    "settings": "/brains/my-first-bot/settings",
    "prompts": "/brains/my-first-bot/prompts/",
    "prompt": "/brains/my-first-bot/prompts/assistant",
    "prompt-command": "/brains/my-first-bot/commands/ask",
    "ai-providers": "/settings/ai/",
    "new-ai-provider": "/settings/ai/new",
    "tests": "/brains/my-first-bot/tests/",
    "new-test": "/brains/my-first-bot/tests/new",
    "gallery": "/brains/gallery/",
    "sample": "/brains/gallery/quiz",
    "record": "/chats/1/test/",
    "import": "/brains/import",
    "simulator": "/simulator/",
    "chats": "/chats/",
    "chat": "/chats/1",
    "connections": "/connections/",
    "connection": "/connections/1",
    "new-connection": "/connections/new",
    "new-cloud": "/connections/new?channel=cloud",
}


@pytest.fixture(autouse=True)
def _ready(operator: Page) -> None:
    page = operator
    if page.request.get("/chats/1").status == 404:
        page.goto("/simulator/")
        say(page, "!hello", "!menu")
        say(page, "!echo How are you?", "How are you?")
        say(page, "!menu", "Here is what")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_accessibility_violation(page: Page, name: str, theme: str):
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    page.goto(PAGES[name])
    page.wait_for_load_state("networkidle")
    picture(page, f"{name}-{theme}")
    assert violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_phone(page: Page, name: str):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(PAGES[name])
    page.wait_for_load_state("networkidle")
    picture(page, f"{name}-phone")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_door_and_the_error_page_have_no_accessibility_violation(
    page: Page, theme: str, watched: Watched
):
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto("/no/such/page")
    picture(page, f"missing-{theme}")
    assert violations(page) == []
    page.context.clear_cookies()
    page.goto("/login")
    picture(page, f"login-{theme}")
    assert violations(page) == []
    watched.faults = [fault for fault in watched.faults if "404" not in fault]


def test_the_first_run_pages_had_no_accessibility_violation(first_run: list[str]):
    assert first_run == []
