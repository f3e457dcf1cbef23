"""Every door is walked as each role and signed out, and answers as the table of docs/security.md says."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import MethodNotAllowed, NotFound

from app.accounts.roles import ROLE_DESCRIPTIONS, Role
from app.accounts.users import Passwords, create_user
from app.bot.models import Connection
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.browser import PASSWORD
from tools.doors import PAGE, Door, build_tables, list_doors, replace_tables

SIGNED_OUT = "signed out"
LINE = re.compile(r"\| (page|event|topic|webhook) `([^`]+)` \| (?:`\w+`|none) \| (.+) \|")
HTMX = {"HX-Request": "true"}
# What an address names: things that are there for what only reads, none for what would change or remove them.
THERE = {
    "slug": "demo", "command_id": "echo", "name": "assistant", "sample": "quiz", "chat_id": "1",
    "message_id": "1", "connection_id": "1", "cause_id": "other", "form": "json", "what": "overview",
    "filename": "mark.svg", "number": "1", "user_id": "1", "place": "live-1", "job_id": "x", "token": "x",
    "provider_id": "1",
}  # fmt: skip


class Row(NamedTuple):
    """A line of the table: a door, and who may use it."""

    kind: str
    name: str
    open_to: dict[str, bool]


def read_table() -> list[Row]:
    visitors = [*Role, SIGNED_OUT]
    return [
        Row(kind, name, {who: mark == "yes" for who, mark in zip(visitors, marks.split(" | "), strict=True)})
        for kind, name, marks in LINE.findall(PAGE.read_text())
    ]


ROWS = read_table()


@pytest.fixture
def app(open_installation: Flask) -> Flask:
    return open_installation


@pytest.fixture
def enter(app: Flask, services: Services, simulated_connection: Connection) -> Callable[[str], FlaskClient]:
    """Return a function that comes as a role, or signed out, to an installation with a chat and a brain."""
    person = Person(phone="15550100001", name="Ada")
    services.receive_local(
        simulated_connection.id, [channel.build_text(Envelope("in.1", person, services.clock()), "hi")]
    )
    hashing: Passwords = services.get(Passwords)
    for role in Role:
        services.database.write(
            lambda s, role=role: create_user(
                s, hashing, email=f"{role}@example.com", password=PASSWORD, now=1, role=role
            )
        )

    def come(who: str) -> FlaskClient:
        client = app.test_client()
        if who != SIGNED_OUT:
            form = {"email": f"{who}@example.com", "password": PASSWORD}
            assert client.post("/login", data=form).status_code == 302
        return client

    return come


def build_address(name: str) -> tuple[str, str]:
    """Return method and address of a page."""
    method, rule = name.split(" ")
    words = THERE if method == "GET" else {}
    return method, re.sub(r"<(\w+:)?(\w+)>", lambda found: words.get(found[2], "987654321"), rule)


def describe(answer: Any) -> str:
    """Return what an answer means: open, forbidden, or sign in first."""
    leads_to = answer.headers.get("HX-Redirect") or answer.headers.get("Location") or ""
    if leads_to.startswith("/login") and answer.status_code in {204, 302} and "/login/" not in leads_to:
        return "sign in"
    if answer.status_code == 403:
        return "forbidden"
    # 503: ready or not, as a monitor asks.
    return (
        "open" if answer.status_code < 500 or answer.status_code == 503 else f"broken ({answer.status_code})"
    )


# These lead on to the sign-in by themselves: nobody is there, or not any more.
LEAD_TO_SIGN_IN = {
    "POST /logout", "GET /login/code", "POST /login/code", "POST /settings/account/sessions/end", "GET /",
}  # fmt: skip


def expect_answer(row: Row, who: str) -> set[str]:
    if not row.open_to[who]:
        return {"sign in"} if who == SIGNED_OUT else {"forbidden"}
    return {"open", "sign in"} if row.name in LEAD_TO_SIGN_IN else {"open"}


def test_the_table_is_what_make_doors_writes(app: Flask):
    text = PAGE.read_text()
    assert text == replace_tables(text, build_tables(app)), "run `make doors`"
    assert [(row.kind, row.name) for row in ROWS] == [door[:2] for door in list_doors(app)]
    assert all(f"**{role.capitalize()}**" in text for role in ROLE_DESCRIPTIONS)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", [*Role, SIGNED_OUT])
def test_every_page_opens_for_whom_the_table_says(enter: Callable[[str], FlaskClient], who: str):
    wrong, client = [], enter(who)
    for row in ROWS:
        if row.kind != "page":
            continue
        method, address = build_address(row.name)
        for headers in ({}, HTMX):
            if row.name in LEAD_TO_SIGN_IN:
                client = enter(who)
            answer = client.open(address, method=method, headers=headers)
            if describe(answer) not in expect_answer(row, who):
                wrong.append(f"{row.name} {headers}: {answer.status_code} {describe(answer)}")
            if row.name in LEAD_TO_SIGN_IN:
                client = enter(who)
    assert wrong == []


@pytest.mark.parametrize("who", [*Role, SIGNED_OUT])
def test_every_live_event_and_topic_is_for_whom_the_table_says(
    app: Flask, enter: Callable[[str], FlaskClient], who: str
):
    client = enter(who)
    live = app.extensions["socketio"].test_client(app, flask_test_client=client)
    expected = {(row.kind, row.name): row.open_to[who] for row in ROWS if row.kind in {"event", "topic"}}
    assert live.is_connected() == expected["event", "connect"]
    assert client.get("/socket.io/?EIO=4&transport=polling").status_code == (
        401 if who == SIGNED_OUT else 200
    )
    if not live.is_connected():
        assert True not in expected.values()
        return
    names = {
        name.replace("<id>", "7"): is_open for (kind, name), is_open in expected.items() if kind == "topic"
    }
    granted = live.emit("watch", {"topics": [*names, "session:1"]}, callback=True)
    assert set(granted) == {name for name, is_open in names.items() if is_open}


def test_every_change_needs_the_token_of_its_page(app: Flask, enter: Callable[[str], FlaskClient]):
    client = enter(Role.OWNER)
    app.config["WTF_CSRF_ENABLED"] = True
    changes = [row.name for row in ROWS if row.kind == "page" and not row.name.startswith("GET ")]
    assert {client.post(build_address(name)[1]).status_code for name in changes} == {419}


def find_offers(html: str) -> set[tuple[str, str]]:
    """Return the addresses that a page leads to, each with its method; a form that is disabled leads nowhere."""
    html = re.sub(r"<form(?:(?!</form>).)*?<fieldset[^>]* disabled>.*?</form>", "", html, flags=re.DOTALL)
    offers = {("GET", to) for to in re.findall(r'(?:href|hx-get)="(/[^"#?]*)', html)}
    offers |= {("POST", to) for to in re.findall(r'(?:hx-post|formaction)="(/[^"#?]*)', html)}
    for form in re.findall(r"<form[^>]*>", html):
        action = re.search(r' action="(/[^"#?]*)', form)
        if action:
            offers.add(("POST" if 'method="post"' in form else "GET", action[1]))
    return offers


@pytest.mark.timeout(600)
@pytest.mark.parametrize("who", list(Role))
def test_no_page_offers_what_its_reader_may_not_do(app: Flask, enter: Callable[[str], FlaskClient], who: str):
    client, ways = enter(who), app.url_map.bind("localhost")
    open_doors = {Door(row.kind, row.name, "")[:2] for row in ROWS if row.open_to[who]}
    wrong, seen = set(), 0
    for row in ROWS:
        if row.kind != "page" or not row.name.startswith("GET ") or not row.open_to[who]:
            continue
        answer = client.get(build_address(row.name)[1])
        if answer.mimetype != "text/html" or answer.status_code != 200:
            continue
        seen += 1
        for method, address in find_offers(answer.text):
            try:
                rule, _ = ways.match(address, method=method, return_rule=True)
            except (NotFound, MethodNotAllowed):
                wrong.add(f"{row.name}: {method} {address} is nowhere")
                continue
            if ("page", f"{method} {rule.rule}") not in open_doors:
                wrong.add(f"{row.name}: {method} {rule.rule}")
    assert sorted(wrong) == []
    assert seen > 8


def test_a_forbidden_page_says_which_roles_may(enter: Callable[[str], FlaskClient]):
    agent = enter(Role.AGENT)
    page = agent.get("/brains/")
    assert page.status_code == 403
    assert "This is for owners, editors and viewers. You are an agent" in page.text
    assert "Go to the chats" in page.text
    assert "This is for owners. You are an agent" in agent.get("/settings/people/").text
    assert agent.get("/").location.endswith("/chats/")


def test_an_agent_finds_no_brains_in_the_palette(enter: Callable[[str], FlaskClient]):
    for words in ("demo", "echo", "quiz", ""):
        found = enter(Role.AGENT).get(f"/palette?q={words}").text
        assert "/brains/" not in found
