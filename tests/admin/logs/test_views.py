"""The page of log lines: filters of its address, pages, what a line shows, and who may see it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.accounts.roles import Role
from app.clock import DAY_MS
from app.services import Services
from app.settings import Settings
from tests.admin.browser import Browser
from tests.logs.conftest import make_event

ROOT = Path(__file__).parents[3]


def test_without_lines_the_page_says_what_to_do(owner: Browser):
    page = owner.get("/logs/").text
    assert "No log lines yet" in page
    assert "/logs/send" in page


@pytest.fixture
def lines(services: Services) -> None:
    services.logs.store.insert([
        make_event(n, level=17 if n == 7 else 9, source="shop" if n % 2 else "web", text=f"line <{n}>", data={"n": n},
                   chat_id=str(n), message_id=str(n % 3), at=services.clock(), received_at=services.clock())
        for n in range(1, 251)
    ])  # fmt: skip


@pytest.mark.usefixtures("lines")
def test_the_newest_lines_stand_first_and_older_ones_a_page_later(owner: Browser):
    page = owner.get("/logs/").text
    assert page.index("line &lt;250&gt;") < page.index("line &lt;151&gt;")
    assert "line &lt;150&gt;" not in page
    assert "before=151" in page
    older = owner.get("/logs/?before=151").text
    assert "line &lt;150&gt;" in older
    assert "Older lines" in older
    assert 'data-topic="logs"' not in older


@pytest.mark.usefixtures("lines")
@pytest.mark.parametrize(
    ("address", "shown", "hidden"),
    [
        ("level=error", "&lt;7&gt;", "&lt;8&gt;"), ("source=web", "&lt;250&gt;", "&lt;249&gt;"),
        ("q=%3C42%3E", "&lt;42&gt;", "&lt;43&gt;"), ("chat=42", "&lt;42&gt;", "&lt;43&gt;"),
        ("event=e9", "&lt;9&gt;", "&lt;10&gt;"), ("message=0", "&lt;249&gt;", "&lt;250&gt;"),
        ("age=hour", "&lt;250&gt;", "nothing"), ("level=nonsense", "&lt;250&gt;", "nothing"),
        ("from=nonsense", "Write times as", "nothing"),
    ],
)  # fmt: skip
def test_every_filter_stands_in_the_address(owner: Browser, address: str, shown: str, hidden: str):
    page = owner.get(f"/logs/?{address}").text
    assert shown in page
    assert hidden not in page


@pytest.mark.usefixtures("lines")
def test_a_search_without_a_match_leads_back(owner: Browser):
    page = owner.get("/logs/?q=nothing+is+called+so").text
    assert "Nothing matches" in page
    assert "Show all lines" in page


@pytest.mark.usefixtures("lines")
def test_a_line_leads_to_its_chat_and_to_lines_that_share_its_ids(owner: Browser):
    page = owner.get("/logs/?event=e8").text
    assert "/chats/8?start=2" in page
    assert 'href="/logs/?message=2"' in page


def test_an_event_is_found_and_shown_by_the_id_its_sender_gave(owner: Browser, services: Services):
    services.logs.store.insert([replace(make_event(1), event_id="s1:dup-1")])
    page = owner.get("/logs/?event=dup-1").text
    assert 'href="/logs/?event=s1:dup-1">dup-1</a>' in page


def test_a_line_of_another_day_shows_its_date(owner: Browser, services: Services):
    now = services.clock()
    services.logs.store.insert([
        make_event(1, at=now - 9 * DAY_MS, received_at=now), make_event(2, at=now, received_at=now)
    ])  # fmt: skip
    newest, older = re.findall(r'class="log-time".*?>([^<]*)</time>', owner.get("/logs/").text)
    clock = r"\d\d:\d\d:\d\d\.\d{3}"
    assert re.fullmatch(clock, newest)
    assert re.fullmatch(rf"\d+ \w{{3}}( \d{{4}})? {clock}", older)


@pytest.mark.usefixtures("lines")
def test_the_newest_lines_are_live_until_somebody_pauses(owner: Browser):
    assert 'data-topic="logs"' in owner.get("/logs/").text
    assert 'data-topic="logs"' not in owner.get("/logs/?live=no").text
    fragment = owner.get("/logs/", htmx=True).text
    assert "log-page" in fragment
    assert "<html" not in fragment


@pytest.mark.usefixtures("lines")
def test_viewers_read_lines_and_the_guide_and_nobody_else_does(sign_in: Callable[[Role], Browser], app):
    viewer = sign_in(Role.VIEWER)
    assert "line &lt;250&gt;" in viewer.get("/logs/").text
    assert "curl" in viewer.get("/logs/send").text
    for path in ("/logs/sources/", "/logs/sinks/", "/logs/sinks/new/syslog"):
        assert viewer.get(path).status_code == 403
    assert app.test_client().get("/logs/").status_code == 302


def test_the_guide_names_the_address_and_waits_for_nobody(owner: Browser):
    page = owner.get("/logs/send").text
    assert "http://localhost/api/logs" in page
    assert "waitUntil(" in page
    assert "AbortSignal.timeout" in page


def test_the_guide_and_the_docs_name_the_same_units_and_limits(owner: Browser):
    words = (
        "seconds, milliseconds, microseconds or nanoseconds since 1970; from the year 2000 to a day from now"
    )
    assert words in owner.get("/logs/send").text
    assert words in (ROOT / "docs/logging.md").read_text()


def test_what_was_dropped_is_shown(owner: Browser, services: Services):
    from app.logs.store.event_store import ProcessCounts  # noqa: PLC0415

    services.logs.store.insert([make_event(1)], ProcessCounts("p", "web", 0, 1, 13, 1, 12))
    assert "12 dropped" in owner.get("/logs/").text


def test_where_lines_are_not_kept_the_page_says_so(owner: Browser, services: Services, settings: Settings):
    services.logs.settings = settings.model_copy(update={"log_store": False})
    assert "Log lines are not kept" in owner.get("/logs/").text
