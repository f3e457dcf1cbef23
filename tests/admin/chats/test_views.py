"""Chats: what the list and a thread show of what is stored."""

from collections.abc import Callable
from typing import Any

import pytest
from admin_browser import Browser
from flask import Flask

from app.accounts import Role
from app.bot import handoff
from app.bot.channels import simulator
from app.bot.channels.contract import Person
from app.bot.channels.simulator import Envelope
from app.bot.chats import ChatWish, list_chats, thread
from app.bot.figures import first_since
from app.bot.models import Connection, Message
from app.bot.threads import THREAD
from app.web import House

ADA, KOFI = Person(phone="15550100001", name="Ada"), Person(phone="15550100002", name="Kofi <b>")


@pytest.fixture
def take(app: Flask, house: House, phone: Connection) -> Callable[..., None]:
    """Let somebody write to the simulated phone."""

    def write(person: Person, *texts: str) -> None:
        at = house.clock()
        items = [
            simulator.text(Envelope(f"in.{person.phone}.{at}.{i}.{text[:20]}", person, at), text)
            for i, text in enumerate(texts)
        ]
        with app.app_context():
            app.extensions["bot"].accept_local(phone.id, items)

    return write


@pytest.fixture
def store(house: House, phone: Connection) -> Callable[..., int]:
    """Put an outbound message into the first chat."""

    def put(**values: Any) -> int:
        row = {
            "connection_id": phone.id, "chat_id": 1, "direction": "out", "kind": "text", "state": "sent", "text": "Hi",
            "payload": {"kind": "text", "text": "Hi"}, "created_at": house.clock(), "author": "brain", **values,
        }  # fmt: skip

        def insert(session: Any) -> int:
            message = Message(**row)
            session.add(message)
            session.flush()
            return message.id

        return house.database.write(insert)

    return put


def test_what_people_write_is_shown_and_never_run(owner: Browser, take: Callable[..., None]):
    take(KOFI, "<script>alert(1)</script>")
    page = owner.get("/chats/1").text
    assert "&lt;script&gt;alert(1)" in page
    assert "Kofi &lt;b&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("query", "found"), [("kofi", 1), ("0100001", 1), ("blue parcel", 1), ("5%", 0), ("", 2)]
)
def test_search_looks_in_names_numbers_and_texts(
    owner: Browser, take: Callable[..., None], query: str, found: int
):
    take(ADA, "where is my blue parcel")
    take(KOFI, "hello")
    assert owner.get("/chats/", htmx=True).text.count("data-row") == 2
    assert owner.client.get("/chats/", query_string={"q": query}).text.count("data-row") == found


@pytest.mark.parametrize("state", ["failed", "unknown", "held", "dead"])
def test_trouble_can_be_filtered_and_says_what_it_means(
    owner: Browser, take: Callable[..., None], store: Callable[..., int], state: str
):
    take(ADA, "hello")
    take(KOFI, "hello")
    store(state=state, error="The number is not on WhatsApp." if state == "failed" else None)
    assert owner.get(f"/chats/?state={state}").text.count("data-row") == 1
    assert owner.get("/chats/?state=trouble").text.count("data-row") == 1
    page = owner.get("/chats/1").text
    assert ("Send again" in page) == (state != "unknown")
    if state == "failed":
        assert "The number is not on WhatsApp." in page


def test_a_dead_message_is_sent_again_once(
    owner: Browser, house: House, take: Callable[..., None], store: Callable[..., int]
):
    take(ADA, "hello")
    message_id = store(state="dead", key="k" * 30, error="Too many tries")
    answer = owner.post(f"/chats/1/messages/{message_id}/retry", htmx=True)
    assert "queued to be sent again" in answer.text
    with house.database.read() as session:
        assert session.get_one(Message, message_id).state == "retry"
    assert "nothing to send again" in owner.post(f"/chats/1/messages/{message_id}/retry", htmx=True).text


def test_reactions_quotes_edits_and_deletions_belong_to_their_bubble(
    owner: Browser, house: House, take: Callable[..., None], store: Callable[..., int]
):
    take(ADA, "hello")
    now = house.clock()
    store(provider_id="p1", text="The answer", state="read", read_at=now)
    store(
        direction="in",
        kind="reaction",
        text="👍",
        quoted_id="p1",
        provider_id="r1",
        author="contact",
        state="stored",
    )
    store(direction="in", text="And now?", quoted_id="p1", provider_id="q1", author="contact", edited_at=now)
    store(direction="in", text="Oops", provider_id="d1", author="contact", revoked_at=now)
    store(direction="in", kind="something_new", text="", payload={}, provider_id="n1", author="contact")
    page = owner.get("/chats/1/thread", htmx=True).text
    assert page.count('class="bubble-row') == 5
    assert '<span class="bubble-reactions">👍</span>' in page
    assert "<strong>Brain</strong>The answer" in page
    assert "edited" in page
    assert "This message was deleted" in page
    assert "Something new" in page


def test_a_long_thread_is_read_back_page_by_page_without_gaps(house: House, take: Callable[..., None]):
    take(ADA, *(f"message {n}" for n in range(THREAD * 2 + 5)))
    with house.database.read() as session:
        first = thread(session, 1)
        assert [b.message.text for b in first.bubbles][-1] == f"message {THREAD * 2 + 4}"
        assert first.earlier
        second = thread(session, 1, first.earlier.start, first.earlier.end)
        assert second.earlier
        third = thread(session, 1, second.earlier.start, second.earlier.end)
        assert len(third.bubbles) == THREAD * 2 + 5
        assert third.earlier is None


def test_chats_are_paged_by_key_without_gaps_or_repeats(house: House, take: Callable[..., None]):
    for n in range(7):
        take(Person(phone=f"1555010{n:04d}", name=f"Person {n}"), "hello")
    seen: list[int] = []
    after = None
    with house.database.read() as session:
        for _ in range(4):
            page = list_chats(session, ChatWish(after=after, limit=2))
            seen += [line.chat.id for line in page.lines]
            after = page.after
    assert sorted(seen) == list(range(1, 8))
    assert len(seen) == 7
    assert after is None


def test_the_first_message_of_today_is_found_without_an_index_on_time(
    house: House, take: Callable[..., None]
):
    take(ADA, *"abcdefgh")

    def spread(session: Any) -> None:
        for message in session.query(Message):
            message.created_at = message.id * 100

    house.database.write(spread)
    with house.database.read() as session:
        assert [first_since(session, ms) for ms in (0, 100, 101, 450, 800, 801)] == [1, 1, 2, 5, 8, 9]


def test_the_dashboard_counts_what_came_and_what_needs_a_look(
    owner: Browser, take: Callable[..., None], store: Callable[..., int]
):
    assert "No messages yet" in owner.get("/dashboard").text
    take(ADA, "one", "two")
    store(state="dead")
    board = owner.get("/dashboard", htmx=True).text
    assert "<html" not in board
    assert '<span class="figure-word">Received today</span><span class="figure-value">2</span>' in board
    assert '<span class="figure-word">Dead or failed</span><span class="figure-value">1</span>' in board
    assert "No worker has reported yet" in board


def test_a_bot_is_paused_says_why_and_is_resumed(owner: Browser, take: Callable[..., None]):
    take(ADA, "hello")
    paused = owner.post("/chats/1/pause", htmx=True).text
    assert "The bot is paused here since" in paused
    assert "owner@example.com has paused it." in paused
    assert "Paused" in owner.get("/chats/").text
    assert "Pause the bot" not in owner.get("/chats/1").text
    resumed = owner.post("/chats/1/resume", htmx=True).text
    assert "The bot answers here again" in resumed
    assert "Pause the bot" in resumed


def test_a_handoff_gives_its_reason_and_viewers_cannot_end_it(
    sign_in: Callable[[Role], Browser], take: Callable[..., None], house: House
):
    take(ADA, "hello")
    handoff.pause(house.database, 1, "Wants <b>Ama</b>", house.clock())
    viewer = sign_in(Role.VIEWER)
    page = viewer.get("/chats/1").text
    assert "Wants &lt;b&gt;Ama&lt;/b&gt;" in page
    assert "/chats/1/resume" not in page
    for path in ("/chats/1/pause", "/chats/1/resume"):
        assert viewer.post(path).status_code == 403
    assert viewer.client.post("/chats/1/resume").status_code == 419
    assert viewer.get("/chats/1").text.count("is paused here") == 1


def test_media_by_link_lists_and_scheduled_runs_are_drawn(
    owner: Browser, take: Callable[..., None], store: Callable[..., int]
):
    take(ADA, "hello")
    store(
        kind="image",
        text="Soup",
        payload={"kind": "image", "link": "https://example.com/a.jpg", "caption": "Soup"},
    )
    rows = [{"id": "1", "title": "Soup", "description": "With beans"}]
    menu = {"kind": "list", "body": "Choose", "button": "Menu", "sections": [{"title": "Warm", "rows": rows}]}
    store(kind="list", text="Choose", payload=menu)
    store(direction="in", kind="schedule", state="done", text="", provider_id="schedule:1",
          payload={"command": "Reminder", "command_id": "c1"})  # fmt: skip
    page = owner.get("/chats/1").text
    assert 'href="https://example.com/a.jpg"' in page
    for words in ("Menu", "Warm", "With beans", "“Reminder” ran by schedule"):
        assert words in page
    phone = owner.get("/simulator/").text
    assert "ran by schedule" not in phone
    assert "With beans" in phone
