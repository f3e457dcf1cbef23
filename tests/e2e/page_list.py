"""Every page of the product by its endpoint, with addresses that show it; whatever has none says why."""

import re
from dataclasses import dataclass

from browser_steps import Watched, say
from playwright.sync_api import Page, expect

BRAIN = "/brains/my-first-bot"
# Words in braces are found out by `prepare`.
PAGES: dict[str, tuple[str, ...]] = {
    "ai.new": ("/settings/ai/new",),
    "ai.overview": ("/settings/ai/",),
    "analytics.board": ("/analytics/", "/analytics/?range=custom", "/analytics/?range=hour&compare=yes"),
    "analytics.brain": ("/analytics" + BRAIN,),
    "analytics.command": ("/analytics" + BRAIN + "/commands/echo?compare=yes",),
    "brains.overview": ("/brains/", "/brains/?q=nothing+is+called+so"),
    "brains.settings": (f"{BRAIN}/settings",),
    "brains.workbench": (BRAIN,),
    "chat_marks.overview": ("/chats/labels",),
    "chat_writing.templates": ("/chats/{chat}/templates",),
    "chats.chat": ("/chats/{chat}",),
    "chats.inbox": ("/chats/", "/chats/?q=nobody+wrote+this"),
    "commands.command": (f"{BRAIN}/commands/echo", f"{BRAIN}/commands/ask", f"{BRAIN}/commands/count"),
    "commands.new": (f"{BRAIN}/commands/new",),
    "comparing.compare": (f"{BRAIN}/versions/compare?old=draft&new=1",),
    "connections.edit": ("/connections/1",),
    "connections.new": ("/connections/new", "/connections/new?channel=cloud"),
    "connections.overview": ("/connections/",),
    "dashboard.board": ("/dashboard",),
    "explaining.why": ("/chats/{chat}/messages/{message}/why",),
    "failures.desk": ("/failures/",),
    "faults.overview": (f"{BRAIN}/errors/",),
    "gallery.overview": ("/brains/gallery/",),
    "gallery.sample": ("/brains/gallery/quiz",),
    "importing.take_in": ("/brains/import",),
    "palette.find": ("/palette", "/palette?q=echo"),
    "playground.phones": (f"{BRAIN}/playground/",),
    "privacy.overview": ("/settings/privacy/",),
    "privacy.review": ("/settings/privacy/erase?chat={chat}",),
    "prompts.overview": (f"{BRAIN}/prompts/",),
    "prompts.prompt": (f"{BRAIN}/prompts/assistant",),
    "publishing.history": (f"{BRAIN}/versions",),
    "recording.choose": ("/chats/{chat}/test/",),
    "rehearsing.begin": (f"{BRAIN}/rehearsal/",),
    "rehearsing.watch": ("{rehearsal}",),
    "rollouts.overview": (f"{BRAIN}/rollout/",),
    "simulator.phone": ("/simulator/",),
    "tests.case": ("/brains/{sample}/tests/1",),
    "tests.new": (f"{BRAIN}/tests/new",),
    "tests.overview": (f"{BRAIN}/tests/", "/brains/{sample}/tests/"),
}
NO_PAGES = {
    "ai.edit": "needs a provider with an address of the outside world; the form is that of ai.new",
    "analytics.data": "data for the charts",
    "auth.sign_in": "the door: visited on its own, signed out",
    "brains.export": "a download",
    "brains.try_text": "a part of the workbench; its page is the workbench",
    "chat_files.export": "a download",
    "chat_files.file": "a download",
    "chats.thread": "a part of chats.chat; alone it leads there",
    "chats.waiting": "a part of the menu",
    "comparing.publish_changes": "a part of the publish sheet",
    "completions.words": "data for the code editor",
    "failures.cause": "a part of failures.desk, in its own tests with failures to show",
    "failures.count": "a part of the menu",
    "home": "leads on to the dashboard",
    "playground.why": "a part of the playground",
    "probes.healthz": "for machines",
    "probes.readyz": "for machines",
    "setup.account": "the first run: visited when the installation is set up",
    "setup.first_brain": "the first run: visited when the installation is set up",
    "sheets.export": "a download",
    "static": "files",
    "tests.state": "a part of the workbench; alone it leads to tests.overview",
}
ADDRESSES = [address for addresses in PAGES.values() for address in addresses]


@dataclass(frozen=True)
class Visitor:
    """A tab that goes from page to page; `words` fill the addresses."""

    page: Page
    watched: Watched
    words: dict[str, str]

    def visit(self, address: str) -> Page:
        """Open a page and wait until it is quiet."""
        self.page.goto(address.format(**self.words))
        self.page.wait_for_selector(".htmx-request", state="detached")
        return self.page


def prepare(page: Page) -> dict[str, str]:
    """Make what the pages show: a chat, a rehearsal, a brain with tests; returns the words for their addresses."""
    page.goto("/simulator/")
    say(page, "!hello", "!menu")
    say(page, "!menu", "Here is what")
    page.goto("/chats/")
    chat = _number(page.locator("[data-row]").first.get_attribute("href"), r"/chats/(\d+)")
    page.goto(f"/chats/{chat}")
    message = _number(page.locator(".bubble-why").first.get_attribute("href"), r"/messages/(\d+)/")
    page.goto("/brains/gallery/quiz")
    page.get_by_role("button", name="Use this").first.click()
    page.wait_for_url(re.compile(r"/brains/quiz[^/]*$"))
    sample = _number(page.url, r"/brains/([^/?#]+)$")
    page.goto(f"{BRAIN}/rehearsal/")
    page.get_by_role("main").get_by_role("button", name="Rehearse", exact=True).first.click()
    page.wait_for_url(re.compile(r"/rehearsal/[^/]+$"))
    expect(page.locator("progress")).to_have_count(0, timeout=30_000)
    return {"chat": chat, "message": message, "sample": sample, "rehearsal": page.url}


def tidy(page: Page, words: dict[str, str]) -> None:
    """Put away what `prepare` made that other tests would stumble over."""
    page.goto(f"/brains/{words['sample']}/settings")
    page.get_by_role("button", name="Put this brain away").click()


def _number(text: str | None, pattern: str) -> str:
    found = re.search(pattern, text or "")
    assert found, (text, pattern)
    return found.group(1)
