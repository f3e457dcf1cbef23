"""Upgrade from the version before: no row is lost, and every page, trace and “Why?” reads as it did."""

import json
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import create_engine, func, select, text, update

from app import create_app
from app.accounts.users import Passwords
from app.bot import full_text, notices
from app.bot.models import Chat, Counter, Message
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.clock import DAY_MS
from app.services import Services
from app.settings import Settings
from app.web import init_migrations, limiter
from tests.admin.browser import PASSWORD, Browser
from tests.bot.simulated_bot import wait_until
from tests.upgrade import installation
from tests.upgrade.page_text import PageText
from tests.upgrade.renamed_words import rename

EXPECTED = installation.read_expected()
# Chats whose texts are more than their kind's name today.
SUMMARIZED = {"location", "contacts", "order", "flow", "unsupported", "button", "list"}
ARGUMENTS = {
    "slug": "shop", "command_id": "c_hello", "name": "assistant", "number": "1", "chat_id": "1", "message_id": "1",
    "connection_id": "1", "provider_id": "1", "label_id": "1", "cause_id": "brain", "form": "json", "what": "commands",
    "sample": "quiz", "place": "1", "filename": "nothing.css",
}  # fmt: skip

Sample = Callable[[Sequence[Any]], Sequence[Any]]


def close(app: Flask) -> None:
    services: Services = app.extensions["services"]
    services.close()
    services.database.writer.close()
    services.database.engine.dispose()
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def open_app(url: str, folder: Path) -> Flask:
    app = create_app(
        Settings(
            brainbox_data=folder, secret_key="a secret key for tests", database_url=url, redis_url="",
            log_level="error", sandbox_children=2, ai_allow_private=True,
        )
    )  # fmt: skip
    init_migrations(app)
    app.extensions["services"].put(Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    return app


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def unpack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Flask]:
    """Make the installation as the version before left it, under a name; it is not upgraded yet."""

    def make(name: str) -> Flask:
        folder = tmp_path_factory.mktemp(f"{request.param}-{name}")
        if request.param == "sqlite":
            installation.write_sqlite(folder / "brainbox.db")
            return open_app("", folder)
        server = request.getfixturevalue("postgres_url")
        admin = create_engine(server, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE before_{name}"))
        admin.dispose()
        installation.write_sqlite(folder / "source.db")
        app = open_app(server.rsplit("/", 1)[0] + f"/before_{name}", folder)
        with app.app_context():
            upgrade(revision=installation.BEFORE)
        installation.copy_rows(folder / "source.db", app.extensions["services"].database.engine)
        return app

    return make


@pytest.fixture(scope="module")
def upgraded(unpack: Callable[[str], Flask]) -> Iterator[Flask]:
    """The installation at the newest migration, its words indexed, at the moment the version before showed it."""
    app = unpack("read")
    with app.app_context():
        upgrade()
    services: Services = app.extensions["services"]
    backlog = select(func.sum(Counter.n)).where(Counter.name.in_(full_text.BACKLOG_COUNTERS))
    while True:
        services.database.writer.submit(full_text.index_new_messages, None).result()
        with services.database.read() as session:
            if not session.scalar(backlog):
                break
    services.clock = lambda: EXPECTED["now"]
    limiter.enabled = False
    yield app
    limiter.enabled = True
    close(app)


@pytest.fixture(scope="module")
def owner(upgraded: Flask) -> Browser:
    browser = Browser(upgraded.test_client())
    answer = browser.post("/login", email="owner@example.com", password=PASSWORD)
    assert answer.status_code == 302
    return browser


@pytest.fixture(scope="module")
def sample(upgraded: Flask) -> Sample:
    """Choose all on SQLite, every fourth on PostgreSQL: there the same views read the same rows."""
    step = 1 if upgraded.extensions["services"].settings.sqlite_path else 4
    return lambda items: items[::step]


def find_missing(before: Sequence[str], now: Sequence[str]) -> list[str]:
    """Return the lines that do not stand in a page in their order; what was added since is nothing missing."""
    rest = iter(now)
    return [line for line in map(rename, before) if line and line not in rest]


def get(owner: Browser, path: str) -> Any:
    """Open a page; analytics counted simulated connections too."""
    more = "connection=all" if path.startswith("/analytics") else ""
    return owner.get(f"{path}{'&' if '?' in path else '?'}{more}" if more else path)


def read_messages(app: Flask) -> list[Message]:
    with app.extensions["services"].database.read() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def test_no_row_is_lost_or_changed_on_the_way_up_down_and_up_again(unpack: Callable[[str], Flask]):
    app = unpack("rows")
    engine = app.extensions["services"].database.engine
    columns = installation.list_columns(engine)
    before = installation.list_rows(engine, columns)
    assert {table: len(rows) for table, rows in before.items()} == EXPECTED["counts"]
    with app.app_context():
        upgrade()
        assert installation.list_rows(engine, columns) == before
        downgrade(revision=installation.BEFORE)
        assert installation.list_columns(engine) == columns
        assert installation.list_rows(engine, columns) == before
        upgrade()
    assert installation.list_rows(engine, columns) == before
    close(app)


def test_every_message_stands_in_its_chat_as_before(upgraded: Flask, owner: Browser):
    chats = sorted({message.chat_id for message in read_messages(upgraded)})
    shown: dict[str, list[str]] = {}
    for chat_id in chats:
        shown |= PageText(owner.get(f"/chats/{chat_id}").text).items
    missing = {
        item: found
        for item, lines in EXPECTED["bubbles"].items()
        if (found := find_missing(lines, shown.get(item, ())))
    }
    assert missing == {}


def test_every_trace_and_why_says_what_it_said(upgraded: Flask, owner: Browser, sample: Sample):
    missing = {}
    for message in sample([each for each in read_messages(upgraded) if str(each.id) in EXPECTED["why"]]):
        page = owner.get(f"/chats/{message.chat_id}/messages/{message.id}/why", htmx=True).text
        if found := find_missing(EXPECTED["why"][str(message.id)], PageText(page).lines):
            missing[message.id] = found
    assert missing == {}


def test_every_run_comes_to_the_same_when_it_is_run_again(upgraded: Flask, owner: Browser, sample: Sample):
    chats = {str(message.id): message.chat_id for message in read_messages(upgraded)}
    again = {}
    for message_id, said in sample(list(EXPECTED["again"].items())):
        page = owner.post(f"/chats/{chats[message_id]}/messages/{message_id}/again", htmx=True).text
        if said not in PageText(page).lines:
            again[message_id] = PageText(page).lines[:3]
    assert again == {}


def test_every_page_shows_the_numbers_and_names_it_showed(owner: Browser, sample: Sample):
    missing: dict[str, Mapping[str, int]] = {}
    for path, lines in sample(list(EXPECTED["pages"].items())):
        answer = get(owner, path)
        assert answer.status_code == 200, path
        if gone := Tally(lines) - Tally(PageText(answer.text).lines):
            missing[path] = gone
    assert missing == {}


def test_notices_of_then_have_their_level_and_their_person(upgraded: Flask, owner: Browser):
    with upgraded.extensions["services"].database.read() as session:
        assert notices.count_unseen(session) == 7
        assert notices.find_marketing_stop(session, 2, ["1234567890"])
        assert notices.find_marketing_stop(session, 2, ["16505551234"]) is None
    assert "Account banned" in owner.get("/notices/?new=yes", htmx=True).text


def test_brains_and_analytics_export_the_same(owner: Browser):
    for path, before in EXPECTED["exports"].items():
        assert get(owner, path).text == before, path


def test_chats_export_the_same_and_more(owner: Browser):
    for path, before in EXPECTED["chats"].items():
        now = json.loads(owner.get(path).text)
        assert (now["chat"], now["notes"]) == (before["chat"], before["notes"])
        for old, new in zip(before["messages"], now["messages"], strict=True):
            if old["kind"] in SUMMARIZED and not old["text"]:
                old["text"] = new["text"]
            assert {name: new[name] for name in old} == old


def test_every_page_opens(upgraded: Flask, owner: Browser):
    for rule in upgraded.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "static":
            values: dict[str, Any] = {name: ARGUMENTS.get(name, "1") for name in rule.arguments}
            with upgraded.test_request_context():
                _, path = rule.build({**values}, append_unknown=False) or ("", "")
            if path:
                assert owner.get(path).status_code < 500, path


def test_the_doctor_finds_the_newest_migration(upgraded: Flask):
    said = upgraded.test_cli_runner().invoke(args=["doctor"]).output
    assert "ok   migrations" in said
    assert "ok   connection   Shop number: ready" in said


def open_windows(services: Services) -> None:
    """Let the contacts who wait have written just now: the installation is older than WhatsApp's 24-hour window."""
    until = services.clock() + DAY_MS
    waiting = select(Message.chat_id).where(Message.direction == "in", Message.state == "new")
    services.database.write(
        lambda session: session.execute(update(Chat).where(Chat.id.in_(waiting)).values(window_until=until))
    )


def test_new_messages_are_answered_and_what_waited_too(unpack: Callable[[str], Flask]):
    app = unpack("live")
    with app.app_context():
        upgrade()
    services: Services = app.extensions["services"]
    open_windows(services)
    person = Person(phone="15557770001", name="New")
    connection_id = 1
    item = channel.build_text(Envelope("sim.after", person, services.clock()), "count")
    worker = services.build_worker()
    worker.start()
    services.receive_local(connection_id, [item])
    waiting = [
        message.id for message in read_messages(app) if message.text == "hello" and message.state == "new"
    ]

    def find_answers() -> list[str]:
        with services.database.read() as session:
            asked = select(Message.id).where(Message.provider_id == "sim.after")
            query = select(Message).where(Message.direction == "out", Message.state == "sent")
            new = session.scalars(query.where(Message.parent_id.in_(asked))).all()
            old = session.scalars(query.where(Message.parent_id.in_(waiting))).all()
            return [message.text for message in new] if len(old) == len(waiting) else []

    assert wait_until(find_answers) == ["1 so far"]
    worker.stop()
    close(app)
