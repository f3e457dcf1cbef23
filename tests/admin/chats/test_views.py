"""Chats: what the list and a thread show of what is stored."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection as Db
from sqlalchemy import update

from app.accounts.roles import Role
from app.bot import full_text, handoff
from app.bot.chats.listing import ChatQuery, list_chats
from app.bot.chats.thread import PAGE_SIZE, load_thread
from app.bot.models import Connection, Message
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.db.lookups import find_first_since
from app.services import Services
from tests.admin.browser import Browser

ADA, KOFI = Person(phone="15550100001", name="Ada"), Person(phone="15550100002", name="Kofi <b>")


@pytest.fixture
def receive_texts(app: Flask, services: Services, simulated_connection: Connection) -> Callable[..., None]:
    """Let somebody write to the simulated phone."""

    def write(person: Person, *texts: str) -> None:
        at = services.clock()
        items = [
            channel.build_text(Envelope(f"in.{person.phone}.{at}.{i}.{text[:20]}", person, at), text)
            for i, text in enumerate(texts)
        ]
        with app.app_context():
            app.extensions["services"].receive_local(simulated_connection.id, items)

    return write


@pytest.fixture
def insert_outbound(services: Services, simulated_connection: Connection) -> Callable[..., int]:
    """Put an outbound message into the first chat."""

    def put(**values: Any) -> int:
        row = {
            "connection_id": simulated_connection.id, "chat_id": 1, "direction": "out",
            "kind": "text", "state": "sent", "text": "Hi",
            "payload": {"kind": "text", "text": "Hi"}, "created_at": services.clock(), "author": "brain", **values,
        }  # fmt: skip

        def insert(session: Any) -> int:
            message = Message(**row)
            session.add(message)
            session.flush()
            return message.id

        return services.database.write(insert)

    return put


def test_what_people_write_is_shown_and_never_run(owner: Browser, receive_texts: Callable[..., None]):
    receive_texts(KOFI, "<script>alert(1)</script>")
    page = owner.get("/chats/1").text
    assert "&lt;script&gt;alert(1)" in page
    assert "Kofi &lt;b&gt;" in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ({"document": {"filename": "invoice\u202efdp.exe"}}, "invoicefdp.exe"),
        ({"document": {"filename": "\u2067a\u2069\u200f.pdf"}}, "a.pdf"),
        ({"contacts": [{"name": {"formatted_name": "Ada\u202eabd"}}]}, "Adaabd"),
    ],
)
def test_marks_of_direction_in_names_of_strangers_do_not_rule_the_page(
    owner: Browser,
    receive_texts: Callable[..., None],
    insert_outbound: Callable[..., int],
    content: dict[str, Any],
    shown: str,
):
    receive_texts(ADA, "hello")
    (kind,) = content
    payload = {"type": kind, **content}
    insert_outbound(direction="in", kind=kind, text="", payload=payload, provider_id="x", author="contact")
    for address in ("/chats/1", "/chats/"):
        page = owner.get(address).text
        assert shown in page, address
        assert not {"\u202e", "\u2067"} & set(page), address


@pytest.mark.parametrize(
    ("query", "found"), [("kofi", 1), ("0100001", 1), ("blue parcel", 1), ("5%", 0), ("", 2)]
)
def test_search_looks_in_names_numbers_and_texts(
    owner: Browser, receive_texts: Callable[..., None], query: str, found: int
):
    receive_texts(ADA, "where is my blue parcel")
    receive_texts(KOFI, "hello")
    assert owner.get("/chats/", htmx=True).text.count("data-row") == 2
    assert owner.client.get("/chats/", query_string={"q": query}).text.count("data-row") == found


def test_a_search_that_finds_nothing_yet_says_what_is_still_indexed_and_goes_on(
    owner: Browser, receive_texts: Callable[..., None], services: Services
):
    receive_texts(ADA, "where is my blue parcel")

    def rebuild(db: Db) -> None:
        full_text.drop_index(db)
        full_text.create_index(db)

    services.database.writer.run(rebuild)
    page = owner.get("/chats/?q=parcel").text
    assert "Nothing matches" not in page
    assert "still being added to the search: 0 % are in" in page
    assert 'data-topic="search_index"' in page
    services.database.writer.submit(full_text.index_new_messages, None).result()
    page = owner.get("/chats/?q=parcel").text
    assert page.count("data-row ") == 1
    assert "still being added" not in page
    assert 'data-topic="search_index"' not in page
    assert "Nothing matches" in owner.get("/chats/?q=nobody").text


@pytest.mark.parametrize("state", ["failed", "unknown", "held", "dead"])
def test_failed_messages_can_be_filtered_and_say_what_it_means(
    owner: Browser, receive_texts: Callable[..., None], insert_outbound: Callable[..., int], state: str
):
    receive_texts(ADA, "hello")
    receive_texts(KOFI, "hello")
    insert_outbound(state=state, error="The number is not on WhatsApp." if state == "failed" else None)
    assert owner.get(f"/chats/?state={state}").text.count("data-row") == 1
    assert owner.get("/chats/?state=trouble").text.count("data-row") == 1
    page = owner.get("/chats/1").text
    assert ("Send again" in page) == (state != "unknown")
    if state == "failed":
        assert "The number is not on WhatsApp." in page


def test_a_dead_message_is_sent_again_once(
    owner: Browser,
    services: Services,
    receive_texts: Callable[..., None],
    insert_outbound: Callable[..., int],
):
    receive_texts(ADA, "hello")
    message_id = insert_outbound(state="dead", key="k" * 30, error="Too many tries")
    answer = owner.post(f"/chats/1/messages/{message_id}/retry", htmx=True)
    assert "queued to be sent again" in answer.text
    with services.database.read() as session:
        assert session.get_one(Message, message_id).state == "retry"
    assert "nothing to send again" in owner.post(f"/chats/1/messages/{message_id}/retry", htmx=True).text


def test_reactions_quotes_edits_and_deletions_belong_to_their_bubble(
    owner: Browser,
    services: Services,
    receive_texts: Callable[..., None],
    insert_outbound: Callable[..., int],
):
    receive_texts(ADA, "hello")
    now = services.clock()
    insert_outbound(provider_id="p1", text="The answer", state="read", read_at=now)
    insert_outbound(
        direction="in",
        kind="reaction",
        text="👍",
        quoted_id="p1",
        provider_id="r1",
        author="contact",
        state="stored",
    )
    insert_outbound(
        direction="in", text="And now?", quoted_id="p1", provider_id="q1", author="contact", edited_at=now
    )
    insert_outbound(direction="in", text="Oops", provider_id="d1", author="contact", revoked_at=now)
    insert_outbound(
        direction="in", kind="something_new", text="", payload={}, provider_id="n1", author="contact"
    )
    page = owner.get("/chats/1/thread", htmx=True).text
    assert page.count('class="bubble-row') == 5
    assert '<span class="bubble-reactions">👍</span>' in page
    assert "<strong>Brain</strong>The answer" in page
    assert "edited" in page
    assert "This message was deleted" in page
    assert "Something new" in page


def test_a_long_thread_is_read_back_page_by_page_without_gaps(
    services: Services, receive_texts: Callable[..., None]
):
    receive_texts(ADA, *(f"message {n}" for n in range(PAGE_SIZE * 2 + 5)))
    with services.database.read() as session:
        first = load_thread(session, 1)
        assert [b.message.text for b in first.bubbles][-1] == f"message {PAGE_SIZE * 2 + 4}"
        assert first.earlier
        second = load_thread(session, 1, first.earlier.start, first.earlier.end)
        assert second.earlier
        third = load_thread(session, 1, second.earlier.start, second.earlier.end)
        assert len(third.bubbles) == PAGE_SIZE * 2 + 5
        assert third.earlier is None


def test_chats_are_paged_by_key_without_gaps_or_repeats(
    services: Services, receive_texts: Callable[..., None]
):
    for n in range(7):
        receive_texts(Person(phone=f"1555010{n:04d}", name=f"Person {n}"), "hello")
    seen: list[int] = []
    after = None
    with services.database.read() as session:
        for _ in range(4):
            page = list_chats(session, ChatQuery(after=after, limit=2))
            seen += [line.chat.id for line in page.items]
            after = page.after
    assert sorted(seen) == list(range(1, 8))
    assert len(seen) == 7
    assert after is None


def test_the_first_message_of_today_is_found_without_an_index_on_time(
    services: Services, receive_texts: Callable[..., None]
):
    receive_texts(ADA, *"abcdefgh")

    def spread(session: Any) -> None:
        for message in session.query(Message):
            message.created_at = message.id * 100

    services.database.write(spread)
    with services.database.read() as session:
        assert [find_first_since(session, ms, Message) for ms in (0, 100, 101, 450, 800, 801)] == [
            1,
            1,
            2,
            5,
            8,
            9,
        ]


def test_the_dashboard_counts_what_came_and_what_needs_a_look(
    owner: Browser,
    receive_texts: Callable[..., None],
    insert_outbound: Callable[..., int],
    services: Services,
):
    assert "No messages yet" in owner.get("/dashboard").text
    receive_texts(ADA, "one", "two")
    insert_outbound(state="dead")
    # What is tried in the simulator is not counted.
    services.database.write(lambda session: session.execute(update(Connection).values(channel="cloud")))
    board = owner.get("/dashboard", htmx=True).text
    assert "<html" not in board
    assert '<span class="figure-word">Received today</span><span class="figure-value">2</span>' in board
    assert '<span class="figure-word">Failures</span><span class="figure-value">1</span>' in board
    assert "No worker has reported yet" in board


def test_a_bot_is_paused_says_why_and_is_resumed(owner: Browser, receive_texts: Callable[..., None]):
    receive_texts(ADA, "hello")
    paused = owner.post("/chats/1/pause", htmx=True).text
    assert "The bot is paused here since" in paused
    assert "owner@example.com has paused it." in paused
    assert "Paused" in owner.get("/chats/").text
    assert "Pause the bot" not in owner.get("/chats/1").text
    resumed = owner.post("/chats/1/resume", htmx=True).text
    assert "The bot answers here again" in resumed
    assert "Pause the bot" in resumed


def test_a_handoff_gives_its_reason_and_viewers_cannot_end_it(
    sign_in: Callable[[Role], Browser], receive_texts: Callable[..., None], services: Services
):
    receive_texts(ADA, "hello")
    handoff.pause(services.database, 1, "Wants <b>Ama</b>", services.clock())
    viewer = sign_in(Role.VIEWER)
    page = viewer.get("/chats/1").text
    assert "Wants &lt;b&gt;Ama&lt;/b&gt;" in page
    assert "/chats/1/resume" not in page
    for path in ("/chats/1/pause", "/chats/1/resume"):
        assert viewer.post(path).status_code == 403
    assert viewer.client.post("/chats/1/resume").status_code == 419
    assert viewer.get("/chats/1").text.count("is paused here") == 1


def test_media_by_link_lists_and_scheduled_runs_are_drawn(
    owner: Browser, receive_texts: Callable[..., None], insert_outbound: Callable[..., int]
):
    receive_texts(ADA, "hello")
    insert_outbound(
        kind="image",
        text="Soup",
        payload={"kind": "image", "link": "https://example.com/a.jpg", "caption": "Soup"},
    )
    rows = [{"id": "1", "title": "Soup", "description": "With beans"}]
    menu = {"kind": "list", "body": "Choose", "button": "Menu", "sections": [{"title": "Warm", "rows": rows}]}
    insert_outbound(kind="list", text="Choose", payload=menu)
    insert_outbound(direction="in", kind="schedule", state="done", text="", provider_id="schedule:1",
          payload={"command": "Reminder", "command_id": "c1"})  # fmt: skip
    page = owner.get("/chats/1").text
    assert 'href="https://example.com/a.jpg"' in page
    for words in ("Menu", "Warm", "With beans", "“Reminder” ran by schedule"):
        assert words in page
    phone = owner.get("/simulator/").text
    assert "ran by schedule" not in phone
    assert "With beans" in phone
