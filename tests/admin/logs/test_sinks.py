"""Pages of log sinks: forms drawn by their kinds, a real test, secrets never shown, backlog and troubles in words."""

from collections.abc import Iterator

import pytest

from app.logs.sinks.registry import load_kinds
from app.logs.store import cursors
from app.logs.store.cursors import SinkCursor
from app.services import Services
from app.settings import Settings
from tests.admin.browser import Browser
from tests.logs.conftest import make_event
from tests.logs.sinks.servers import LineServer, running

HOOK = {
    "sink_name": "Hook",
    "url": "https://hooks.example.com/x",
    "secret": "never shown",
    "level": "9",
    "enabled": "on",
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"log_allow_private": True})


@pytest.fixture
def server() -> Iterator[LineServer]:
    with running(LineServer()) as made:
        yield made


def test_every_kind_has_a_form(owner: Browser):
    page = owner.get("/logs/sinks/").text
    assert "No sink yet" in page
    for kind in load_kinds().values():
        assert kind.title in page
        form = owner.get(f"/logs/sinks/new/{kind.kind}").text
        for name in kind.Config.model_fields:
            assert f'name="{name}"' in form
    assert owner.get("/logs/sinks/new/none").status_code == 404


def test_the_test_button_says_what_it_waits_for(owner: Browser):
    line = {**HOOK, "host": "logs.example.com", "port": "5000", "tls": "on"}
    for kind, is_waiting in (("json_lines", True), ("syslog", True), ("webhook", False)):
        made = owner.post(f"/logs/sinks/new/{kind}", **{**line, "sink_name": kind})
        page = owner.get(made.location).text
        assert ("waits up to 5 s for the server to close" in page) == is_waiting


def test_a_secret_is_kept_and_never_shown(owner: Browser, services: Services):
    assert owner.post("/logs/sinks/new/webhook", **HOOK).status_code == 302
    page = owner.get("/logs/sinks/1").text
    assert "never shown" not in page
    assert "Stored. Leave empty to keep it." in page
    owner.post("/logs/sinks/1", **{**HOOK, "secret": "", "sink_name": "Hook 2"})
    from app.logs.forwarding import sink_store  # noqa: PLC0415

    with services.database.read() as session:
        row = sink_store.get_sink(session, 1)
        assert services.logs.sinks.load_config(row).model_dump()["secret"] == "never shown"
        assert row.name == "Hook 2"


def test_a_wrong_field_is_told_beside_it(owner: Browser):
    page = owner.post("/logs/sinks/new/webhook", **{**HOOK, "url": "nonsense", "sink_name": ""})
    assert page.status_code == 422
    assert "Write an address such as" in page.text
    assert "Give the sink a name" in page.text


def test_a_test_sends_an_event_and_says_what_came_of_it(owner: Browser, server: LineServer):
    fields = {
        "sink_name": "Lines",
        "host": "127.0.0.1",
        "port": str(server.port),
        "level": "9",
        "enabled": "on",
    }
    owner.post("/logs/sinks/new/json_lines", **fields)
    assert "was sent and taken" in owner.post("/logs/sinks/1/check", htmx=True).text
    assert server.read_objects()[0]["text"] == "Test from Brainbox"
    server.stop()
    assert "nobody listens there" in owner.post("/logs/sinks/1/check").text


def test_backlog_and_troubles_are_shown_in_words(owner: Browser, services: Services):
    owner.post("/logs/sinks/new/webhook", **HOOK)
    store = services.logs.store
    assert "Starting" in owner.get("/logs/sinks/").text
    cursors.begin_cursor(store, 1)
    assert "Nothing is waiting" in owner.get("/logs/sinks/").text
    store.insert([make_event(n, received_at=services.clock()) for n in range(3)])
    cursors.claim_lease(store, "me", services.clock())
    now = services.clock()
    cursors.save_cursor(
        store, "me", 1,
        SinkCursor(0, 5, 2, failures=3, failing_since=now - 60_000, retry_at=now + 90_000, problem="Gone."),
    )  # fmt: skip
    page = owner.get("/logs/sinks/").text
    for words in (
        "3 waiting",
        "5 sent",
        "2 refused",
        "Gone.",
        "3 tries",
        "the next in 1 min",
        "Try now",
        "Failing",
    ):
        assert words in page
    owner.post("/logs/sinks/1/retry")
    assert cursors.load_cursors(store)[1].retry_at == 0


def test_a_sink_is_switched_and_deleted(owner: Browser):
    owner.post("/logs/sinks/new/webhook", **HOOK)
    assert (
        "events wait for it"
        in owner.post("/logs/sinks/1/switch", enabled="no").text + owner.get("/logs/sinks/").text
    )
    owner.post("/logs/sinks/1/delete")
    assert "No sink yet" in owner.get("/logs/sinks/").text
    assert owner.post("/logs/sinks/1/switch", enabled="no").status_code == 404
    assert owner.get("/logs/sinks/1").status_code == 404
