"""Every page of the product by its endpoint, with addresses that show it; whatever has none says why."""

import re
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.e2e.browser_steps import PageMonitor, send_message

BRAIN = "/brains/my-first-bot"
# Words in braces are found out by `prepare`.
PAGES: dict[str, tuple[str, ...]] = {
    "account.show_account": ("/settings/account/",),
    "ai.show_new": ("/settings/ai/new",),
    "ai.show_list": ("/settings/ai/",),
    "analytics.show_board": ("/analytics/", "/analytics/?range=custom", "/analytics/?range=hour&compare=yes"),
    "analytics.show_brain": ("/analytics" + BRAIN,),
    "analytics.show_command": ("/analytics" + BRAIN + "/commands/echo?compare=yes",),
    "audit.show_entries": (
        "/settings/audit/",
        "/settings/audit/?q=nothing+is+called+so",
        "/settings/audit/?kind=brain&from=2026-01-01",
    ),
    "audit.show_entry": ("/settings/audit/1", "/settings/audit/{entry}"),
    "brains.show_list": ("/brains/", "/brains/?q=nothing+is+called+so"),
    "brains.show_settings": (f"{BRAIN}/settings",),
    "brains.show_workbench": (BRAIN,),
    "labels.show_list": ("/chats/labels",),
    "compose.show_templates": ("/chats/{chat}/templates",),
    "chats.show_chat": ("/chats/{chat}",),
    "chats.show_inbox": ("/chats/", "/chats/?q=nobody+wrote+this"),
    "commands.show_command": (f"{BRAIN}/commands/echo", f"{BRAIN}/commands/ask", f"{BRAIN}/commands/count"),
    "commands.show_new": (f"{BRAIN}/commands/new",),
    "compare.compare": (f"{BRAIN}/versions/compare?old=draft&new=1",),
    "connections.edit": ("/connections/1",),
    "connections.show_new": ("/connections/new", "/connections/new?channel=cloud"),
    "connections.show_list": ("/connections/",),
    "dashboard.show_board": ("/dashboard",),
    "why.show_why": ("/chats/{chat}/messages/{message}/why",),
    "failures.list_causes": ("/failures/",),
    "command_errors.list_errors": (f"{BRAIN}/errors/",),
    "gallery.show_list": ("/brains/gallery/",),
    "gallery.show_sample": ("/brains/gallery/quiz",),
    "yaml_import.show_form": ("/brains/import",),
    "intent_effect.show_form": (f"{BRAIN}/learning/effect/",),
    "learning.list_clusters": (f"{BRAIN}/learning/", f"{BRAIN}/learning/?show=ignored"),
    "log_sinks.edit": ("{sink}",),
    "log_sinks.show_list": ("/logs/sinks/",),
    "log_sinks.show_new": ("/logs/sinks/new/syslog", "/logs/sinks/new/datadog"),
    "log_sources.show_list": ("/logs/sources/",),
    "logs.show_guide": ("/logs/send",),
    "logs.show_lines": (
        "/logs/",
        "/logs/?level=error&q=nothing+is+called+so",
        "/logs/?chat={chat}&source=shop",
    ),
    "notices.show_list": ("/notices/", "/notices/?new=yes"),
    "people.show_list": ("/settings/people/",),
    "second_factor.show_factor": ("/settings/account/second-factor/",),
    "palette.find": ("/palette", "/palette?q=echo"),
    "playground.show_phones": (f"{BRAIN}/playground/",),
    "privacy.show_overview": ("/settings/privacy/",),
    "privacy.review": ("/settings/privacy/erase?chat={chat}",),
    "intent_training.show_report": (
        f"{BRAIN}/intents/training/report",
        "/brains/{understood}/intents/training/report",
    ),
    "intents.list_intents": (f"{BRAIN}/intents/", "/brains/{understood}/intents/"),
    "intents.show_intent": ("/brains/{understood}/intents/order_status",),
    "prompts.list_prompts": (f"{BRAIN}/prompts/",),
    "prompts.show_prompt": (f"{BRAIN}/prompts/assistant",),
    "publish.list_versions": (f"{BRAIN}/versions",),
    "record_test.show_messages": ("/chats/{chat}/test/",),
    "rehearsal.show_form": (f"{BRAIN}/rehearsal/",),
    "rehearsal.show_job": ("{rehearsal}",),
    "rollouts.show_rollout": (f"{BRAIN}/rollout/",),
    "saved_replies.show_list": ("/chats/replies/",),
    "settings.show_pages": ("/settings/",),
    "simulator.show_phone": ("/simulator/",),
    "tests.show_test": ("/brains/{sample}/tests/1",),
    "tests.show_new_form": (f"{BRAIN}/tests/new",),
    "tests.list_tests": (f"{BRAIN}/tests/", "/brains/{sample}/tests/"),
}
NO_PAGES = {
    "ai.edit": "needs a provider with an address of the outside world; the form is that of ai.new",
    "analytics.get_data": "data for the charts",
    "access_links.show_invitation": "in the tests of people, with an invitation",
    "access_links.show_reset": "in the tests of people, with a link",
    "audit.export": "a download",
    "audit.show_check": "a part of audit.show_entries, for a check that runs",
    "auth.show_code": "in the tests of people, with a second factor",
    "auth.show_sign_in": "the door: visited on its own, signed out",
    "brains.export": "a download",
    "brains.try_text": "a part of the workbench; its page is the workbench",
    "chat_files.export": "a download",
    "chat_files.send_attachment": "a download",
    "chats.show_contact": "a part of chats.show_chat; alone it leads there",
    "chats.show_thread": "a part of chats.chat; alone it leads there",
    "chats.show_unread_count": "a part of the menu",
    "compare.show_publish_changes": "a part of the publish sheet",
    "completions.list_words": "data for the code editor",
    "failures.show_cause": "a part of failures.desk, in its own tests with failures to show",
    "failures.show_count": "a part of the menu",
    "intent_training.show_progress": "a part of the pages of intents",
    "intents.read_message": "a part of intents.list_intents, which it shows with the answer",
    "notices.show_count": "a part of the menu",
    "home": "leads on to the dashboard",
    "intent_effect.show_job": "in its own tests, with a draft to train",
    "playground.explain_answer": "a part of the playground",
    "health.check_liveness": "for machines",
    "health.check_readiness": "for machines",
    "saved_replies.find": "a part of the reply box",
    "setup.show_account": "the first run: visited when the installation is set up",
    "setup.show_first_brain": "the first run: visited when the installation is set up",
    "csv_export.export": "a download",
    "static": "files",
    "tests.show_state": "a part of the workbench; alone it leads to tests.overview",
}
ADDRESSES = [address for addresses in PAGES.values() for address in addresses]


@dataclass(frozen=True)
class Visitor:
    """A tab that goes from page to page; `words` fill the addresses."""

    page: Page
    watched: PageMonitor
    words: dict[str, str]

    def visit(self, address: str) -> Page:
        """Open a page and wait until it is quiet."""
        self.page.goto(address.format(**self.words))
        self.page.wait_for_selector(".htmx-request", state="detached")
        return self.page


def create_sample_data(page: Page) -> dict[str, str]:
    """Make what the pages show: a chat, a rehearsal, a brain with tests; returns the words for their addresses."""
    page.goto("/simulator/")
    send_message(page, "!hello", "!menu")
    send_message(page, "!menu", "Here is what")
    page.goto("/chats/")
    chat = _find_number(page.locator("[data-row]").first.get_attribute("href"), r"/chats/(\d+)")
    page.goto(f"/chats/{chat}")
    message = _find_number(page.locator(".bubble-why").first.get_attribute("href"), r"/messages/(\d+)/")
    page.goto("/brains/gallery/quiz")
    page.get_by_role("button", name="Use this").first.click()
    page.wait_for_url(re.compile(r"/brains/quiz[^/]*$"))
    sample = _find_number(page.url, r"/brains/([^/?#]+)$")
    page.goto(f"{BRAIN}/rehearsal/")
    page.get_by_role("main").get_by_role("button", name="Test on past messages", exact=True).first.click()
    page.wait_for_url(re.compile(r"/rehearsal/[^/]+$"))
    expect(page.locator("progress")).to_have_count(0, timeout=30_000)
    words = {"chat": chat, "message": message, "sample": sample, "rehearsal": page.url}
    create_lines(page, chat)
    return {
        **words,
        "understood": create_trained_brain(page),
        "sink": create_sink(page),
        "entry": find_entry(page, "brain"),
    }


def create_trained_brain(page: Page) -> str:
    """Make a brain with intents and train them; returns its short name."""
    page.goto("/brains/gallery/shop-intents")
    page.get_by_role("button", name="Use this").first.click()
    page.wait_for_url(re.compile(r"/brains/shop[^/]*$"))
    slug = _find_number(page.url, r"/brains/([^/?#]+)$")
    page.goto(f"/brains/{slug}/intents/")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#training")).to_contain_text("See the report", timeout=90_000)
    return slug


def find_entry(page: Page, kind: str) -> str:
    """Return the number of the newest entry of the audit about a kind of thing."""
    page.goto(f"/settings/audit/?kind={kind}")
    return _find_number(page.locator(".audit-row details").first.get_attribute("id"), r"audit-(\d+)")


def create_sink(page: Page) -> str:
    """Make a log sink that cannot be reached; returns its address."""
    page.goto("/logs/sinks/new/webhook")
    page.get_by_label("Address", exact=True).fill("https://logs.invalid/in")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/logs/sinks/\d+$"))
    return page.url


def create_lines(page: Page, chat: str, source: str = "shop") -> str:
    """Make a log source and lines of several levels; returns its token."""
    page.goto("/logs/sources/")
    page.get_by_label("Name", exact=True).fill(source)
    page.get_by_role("button", name="Make the source").click()
    token = page.locator("#token").input_value()
    levels = ("debug", "info", "notice", "warning", "error", "critical")
    lines = [
        {"text": f"order {n} was {word}", "level": word, "chat_id": chat, "n": n}
        for n, word in enumerate(levels)
    ]
    trace = {"exception": "Traceback\n  at pay()", "chat_id": chat}
    lines.append({"text": "payment failed\nwith two lines", "level": "error", **trace})
    answer = page.request.post("/api/logs", headers={"Authorization": f"Bearer {token}"}, data=lines)
    assert answer.status == 202
    return token


def _find_number(text: str | None, pattern: str) -> str:
    found = re.search(pattern, text or "")
    assert found, (text, pattern)
    return found.group(1)
