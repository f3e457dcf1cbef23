"""The inbox's pages: found at the message, written once, labelled, noted, fetched and taken away."""

import io
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.roles import Role
from app.bot.chats.thread import PAGE_SIZE
from app.bot.connections.store import ConnectionInput
from app.bot.models import Chat, Connection, Label, MediaFile, Message, Note
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from tests.admin.browser import Browser

ADA, BOB = Person(phone="15550100001", name="Ada"), Person(phone="15550100002", name="Bob")
PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"


@pytest.fixture
def receive_texts(app: Flask, services: Services, simulated_connection: Connection) -> Callable[..., None]:
    """Let somebody write to the simulated phone."""
    count = iter(range(1, 100_000))

    def write(person: Person, *texts: str, connection_id: int | None = None) -> None:
        at = services.clock()
        items = [channel.build_text(Envelope(f"in.{next(count)}", person, at), text) for text in texts]
        with app.app_context():
            app.extensions["services"].receive_local(connection_id or simulated_connection.id, items)

    return write


@pytest.fixture
def cloud_connection(app: Flask, services: Services) -> Connection:
    """Make a number on the Cloud API."""
    connections = app.extensions["services"].connections
    secrets = {"access_token": "EAAG", "app_secret": "abc", "verify_token": "word"}
    fields = ConnectionInput("Shop", "cloud", "106540352242922", secrets)
    return services.database.write(lambda session: connections.create(session, fields, services.clock()))


def select_rows(services: Services, query: Any) -> list[Any]:
    with services.database.read() as session:
        return list(session.scalars(query))


def list_sent(services: Services) -> list[Message]:
    return select_rows(services, select(Message).where(Message.author == "operator").order_by(Message.id))


def fetch(browser: Browser, path: str, **more: Any) -> Any:
    """Get a file and close it, as a server does."""
    answer = browser.client.get(path, **more)
    assert answer.data
    answer.close()
    return answer


def test_a_hit_opens_its_thread_at_the_message(owner: Browser, receive_texts: Callable[..., None]):
    receive_texts(
        ADA,
        *(f"line {n}" for n in range(PAGE_SIZE)),
        "the blue <b>parcel",
        *(f"more {n}" for n in range(PAGE_SIZE)),
    )
    page = owner.client.get("/chats/", query_string={"q": "parcel"}).text
    assert "the blue &lt;b&gt;<mark>parcel</mark>" in page
    (message_id,) = {part.split('"')[0] for part in page.split("at=")[1:] if "#m" in part.split('"')[0]}
    at = message_id.partition("&")[0]
    thread = owner.get(f"/chats/1?at={at}", htmx=True).text
    assert f'data-at="m{at}"' in thread
    assert "parcel" in thread
    assert "line 59" in thread
    assert "more 0" in thread
    assert "line 0<" not in thread
    assert "Newest messages" in thread
    assert "Show earlier messages" in thread


def test_filters_stand_in_the_address_and_can_be_taken_away(
    owner: Browser, receive_texts: Callable[..., None], simulated_connection: Connection
):
    receive_texts(ADA, "hello")
    receive_texts(BOB, "hello")
    owner.post("/chats/1/labels", htmx=True, name="Angry", colour="red")
    page = owner.get(f"/chats/?label=1&connection={simulated_connection.id}").text
    assert page.count("data-row") == 1
    assert 'href="/chats/?connection=' in page
    assert "Remove this filter" in page
    nothing = owner.get("/chats/?label=1&state=paused").text
    assert "No chat matches these filters" in nothing
    assert "In any state" in nothing


def test_opening_reads_and_the_menu_counts_what_is_left(
    owner: Browser, receive_texts: Callable[..., None], cloud_connection: Connection, services: Services
):
    receive_texts(ADA, "one", "two", connection_id=cloud_connection.id)
    receive_texts(BOB, "three", connection_id=cloud_connection.id)
    assert "2<span" in owner.get("/chats/waiting", htmx=True).text
    page = owner.get("/chats/1").text
    assert "/chats/1/read" in page
    assert owner.post("/chats/1/read", htmx=True, upto=2).status_code == 204
    assert [chat.unread_count for chat in select_rows(services, select(Chat).order_by(Chat.id))] == [0, 1]
    assert "/chats/1/read" not in owner.get("/chats/1").text
    owner.post("/chats/1/unread")
    assert owner.get("/chats/?state=unread").text.count("data-row") == 2


def test_many_chats_are_marked_and_labelled_at_once(
    owner: Browser, receive_texts: Callable[..., None], services: Services
):
    receive_texts(ADA, "one")
    receive_texts(BOB, "two")
    page = owner.post("/chats/marks", htmx=True, chat=["1", "2"], act="read").text
    assert "2 chats marked as read." in page
    assert owner.get("/chats/?state=unread").text.count("data-row") == 0
    assert (
        "Applied to 2 chats."
        in owner.post("/chats/marks", htmx=True, chat=["1", "2"], name="VIP", colour="teal").text
    )
    assert owner.get("/chats/?label=1").text.count("data-row") == 2
    assert "Removed from 1 chat." in owner.post("/chats/marks", htmx=True, chat=["1"], off="1").text
    assert "Choose some chats first." in owner.post("/chats/marks", htmx=True, act="read").text
    assert len(select_rows(services, select(Label))) == 1


def test_labels_are_renamed_refused_deleted_and_brought_back(
    owner: Browser, receive_texts: Callable[..., None]
):
    receive_texts(ADA, "one")
    owner.post("/chats/1/labels", htmx=True, name="Angry", colour="red")
    owner.post("/chats/labels", name="Calm", colour="blue")
    assert "another label “angry”" in owner.post("/chats/labels/2", name="angry", colour="blue").text
    owner.post("/chats/labels/1", name="Furious", colour="pink")
    assert "Furious" in owner.get("/chats/1").text
    assert "1 to 40 characters" in owner.post("/chats/labels", name=" ", colour="red").text
    owner.post("/chats/labels/1/delete")
    owner.get("/chats/")
    assert "Furious" not in owner.get("/chats/1").text
    owner.post("/chats/labels/restore", value="Furious\npink\n1")
    assert "Furious" in owner.get("/chats/1").text


def test_an_operators_message_is_queued_once_and_shown_at_once(
    owner: Browser, receive_texts: Callable[..., None], services: Services
):
    receive_texts(ADA, "hello")
    for _ in range(2):
        page = owner.post("/chats/1/messages", htmx=True, text=" Hi <b>there ", once="a" * 32).text
    assert "Hi &lt;b&gt;there" in page
    assert "Queued" in page
    (message,) = list_sent(services)
    assert (message.state, message.text, message.payload["kind"]) == ("queued", "Hi <b>there", "text")
    (chat,) = select_rows(services, select(Chat))
    assert chat.ready_at is not None
    assert chat.unread_count == 0
    owner.post("/chats/1/messages", text="No script", once="b" * 32, quoted="in.1")
    assert list_sent(services)[-1].quoted_id == "in.1"


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"text": "", "once": "a" * 32}, "The text is empty"),
        ({"text": "x" * 4097, "once": "a" * 32}, "at most 4096 characters"),
        ({"text": "hi"}, "load the page again"),
    ],
)
def test_what_cannot_be_sent_is_said(
    owner: Browser, receive_texts: Callable[..., None], services: Services, form: dict[str, str], reason: str
):
    receive_texts(ADA, "hello")
    answer = owner.post("/chats/1/messages", htmx=True, **form)
    assert answer.status_code == 422
    assert reason in answer.text
    assert list_sent(services) == []


def test_a_file_is_stored_sent_and_served_harmless(
    owner: Browser, receive_texts: Callable[..., None], services: Services, sign_in: Callable[[Role], Browser]
):
    receive_texts(ADA, "hello")
    receive_texts(BOB, "hello")
    upload = (io.BytesIO(PNG), "cat.png", "image/png")
    owner.post("/chats/1/messages", htmx=True, text="A cat", once="c" * 32, file=upload)
    (message,) = list_sent(services)
    (file,) = select_rows(services, select(MediaFile))
    assert message.payload["media_id"] == f"file:{file.sha256}:image/png"
    assert message.payload["caption"] == "A cat"
    at = f"/chats/1/messages/{message.id}/file"
    assert f'src="{at}"' in owner.get("/chats/1").text
    answer = fetch(owner, at)
    assert answer.data == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    part = fetch(owner, at, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.data) == (206, b"PNG")
    assert owner.client.get(f"/chats/2/messages/{message.id}/file").status_code == 404
    assert fetch(sign_in(Role.VIEWER), at).data == PNG


def test_a_page_somebody_sent_is_saved_and_never_shown(
    owner: Browser, receive_texts: Callable[..., None], services: Services
):
    receive_texts(ADA, "hello")
    upload = (io.BytesIO(b"<script>alert(1)</script>"), "../evil.html", "text/html")
    owner.post("/chats/1/messages", htmx=True, text="", once="c" * 32, file=upload)
    (message,) = list_sent(services)
    answer = fetch(owner, f"/chats/1/messages/{message.id}/file")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=evil.html")
    assert message.kind == "document"


def test_an_empty_file_is_refused_and_its_words_stay(
    owner: Browser, receive_texts: Callable[..., None], services: Services
):
    receive_texts(ADA, "hello")
    upload = (io.BytesIO(b""), "empty.png", "image/png")
    answer = owner.post("/chats/1/messages", htmx=True, text="Look", once="c" * 32, file=upload)
    assert (answer.status_code, list_sent(services)) == (422, [])
    assert "The file is empty" in answer.text


def test_notes_are_changed_deleted_and_brought_back_by_their_writer(
    owner: Browser, receive_texts: Callable[..., None], services: Services, sign_in: Callable[[Role], Browser]
):
    receive_texts(ADA, "hello")
    editor = sign_in(Role.EDITOR)
    page = editor.post("/chats/1/messages", htmx=True, **{"as": "note", "text": "Wants a <refund>"}).text
    assert "Wants a &lt;refund&gt;" in page
    assert "for the team" in page
    owner.post("/chats/1/messages", htmx=True, **{"as": "note", "text": "Paid"})
    assert "Only who wrote a note" in editor.post("/chats/1/notes/2", htmx=True, text="Not paid").text
    assert "edited" in owner.post("/chats/1/notes/1", htmx=True, text="Wants money").text
    assert "The note is deleted." in editor.post("/chats/1/notes/1/delete", htmx=True).text
    assert "Wants money" not in owner.get("/chats/1").text
    editor.post("/chats/1/notes/1/restore")
    assert "Wants money" in owner.get("/chats/1").text
    assert len(select_rows(services, select(Note))) == 2
    assert list_sent(services) == []


def test_viewers_read_and_change_nothing(
    receive_texts: Callable[..., None], sign_in: Callable[[Role], Browser]
):
    receive_texts(ADA, "hello")
    viewer = sign_in(Role.VIEWER)
    page = viewer.get("/chats/1").text
    for control in (
        "/chats/1/labels",
        'action="/chats/1/messages"',
        "row-pick",
        "data-quote",
        "/chats/1/read",
        "export",
    ):
        assert control not in page
    for path in ("messages", "labels", "read", "unread", "templates", "notes/1", "notes/1/delete"):
        assert viewer.post(f"/chats/1/{path}").status_code == 403, path
    assert viewer.post("/chats/marks").status_code == 403
    assert viewer.client.get("/chats/1/export.json").status_code == 403


def test_a_closed_window_leaves_templates_and_notes(
    owner: Browser, receive_texts: Callable[..., None], cloud_connection: Connection, services: Services
):
    receive_texts(ADA, "hello", connection_id=cloud_connection.id)
    assert re.search(
        r"24-hour window: <span data-until-words>(23 h 59 min|24 h|1 d)", owner.get("/chats/1").text
    )
    services.database.write(lambda s: setattr(s.get_one(Chat, 1), "window_until", services.clock() - 1))
    page = owner.get("/chats/1").text
    assert "24-hour window closed: templates only" in page
    assert 'data-mode="template"' in page
    assert "hx-partial" in owner.get("/chats/1/thread?writing=open", htmx=True).text
    assert "WhatsApp Business account id" in owner.get("/chats/1/templates", htmx=True).text


def test_a_chat_is_taken_away_whole(owner: Browser, receive_texts: Callable[..., None]):
    receive_texts(ADA, "hello", "=1+1")
    owner.post("/chats/1/messages", htmx=True, **{"as": "note", "text": "Seen"})
    owner.post(
        "/chats/1/messages", htmx=True, text="", once="c" * 32, file=(io.BytesIO(PNG), "cat.png", "image/png")
    )
    taken = json.loads(owner.client.get("/chats/1/export.json").data)
    assert taken["chat"]["name"] == "Ada"
    assert [row["text"] for row in taken["messages"]][:2] == ["hello", "=1+1"]
    assert taken["messages"][-1]["file_type"] == "image/png"
    assert taken["notes"][0]["text"] == "Seen"
    table = owner.client.get("/chats/1/export.csv")
    assert "'=1+1" in table.text
    assert "attachment" in table.headers["Content-Disposition"]
    assert "<td>hello</td>" in owner.client.get("/chats/1/export.html").text.replace("\n", "").replace(
        "  ", ""
    )
    assert owner.client.get("/chats/1/export.exe").status_code == 404
    assert owner.client.get("/chats/99/export.json").status_code == 404


def test_deleted_and_edited_messages_keep_what_they_said(
    owner: Browser, receive_texts: Callable[..., None], services: Services
):
    receive_texts(ADA, "hello")
    now, common = (
        services.clock(),
        {"connection_id": 1, "chat_id": 1, "direction": "in", "created_at": services.clock()},
    )
    first = {"text": {"body": "First words"}, "type": "text"}

    def put(session: Any) -> None:
        session.add(Message(**common, kind="text", state="done", text="Third words", payload=first, provider_id="e",
                            edited_at=now))  # fmt: skip
        for n, words in enumerate(("Second words", "Third words")):
            session.add(Message(**common, kind="edit", state="stored", text=words, payload={}, provider_id=f"e{n}",
                                quoted_id="e"))  # fmt: skip
        session.add(Message(**common, kind="text", state="done", text="Oops", payload={}, provider_id="d",
                            revoked_at=now))  # fmt: skip

    services.database.write(put)
    page = owner.get("/chats/1").text
    assert "First words" in page
    assert "Second words" in page
    assert "This message was deleted" in page
    assert '<s class="bubble-text">Oops</s>' in page


def test_opening_a_chat_marks_its_newest_message_as_read_where_the_connection_says_so(
    owner: Browser,
    services: Services,
    cloud_connection: Connection,
    receive_texts: Callable[..., None],
):
    receive_texts(ADA, "one", "two", connection_id=cloud_connection.id)
    opened: list[tuple[int, str]] = []
    services.read_marks.note_opened = lambda *given: opened.append(
        given
    )  # what becomes of it: test_read_marks
    assert owner.post("/chats/1/read", htmx=True, upto=2).status_code == 204
    assert owner.post("/chats/1/read", htmx=True, upto=2).status_code == 204
    assert opened == [(cloud_connection.id, "in.2")]


def test_an_operator_can_switch_on_the_preview_of_a_link(
    owner: Browser, services: Services, cloud_connection: Connection, receive_texts: Callable[..., None]
):
    receive_texts(ADA, "hello", connection_id=cloud_connection.id)
    link, on = "see https://example.com", {"link_preview": "on"}
    for number, (text, more) in enumerate([(link, on), (link, {}), ("no link", on)]):
        answer = owner.post("/chats/1/messages", htmx=True, text=text, once=f"key-{number}-long", **more)
        assert answer.status_code == 200
    assert [sent.payload["preview_url"] for sent in list_sent(services)] == [True, False, False]


OGG, WEBP, MP4 = b"OggS" + b"x" * 20, b"RIFFxxxxWEBPxxxx", b"xxxxftypmp42xxxx"


@pytest.mark.parametrize(
    ("file", "sent_as"),
    [
        ((PNG, "cat.png", "image/png"), ("image", True)),
        ((MP4, "clip.mp4", "video/mp4"), ("video", True)),
        ((b"%PDF-1.4", "отчёт.pdf", "application/pdf"), ("document", True)),
        ((b"ID3x", "song.mp3", "audio/mpeg"), ("audio", False)),
        ((OGG, "note.ogg", "audio/ogg"), ("audio", False)),
        ((OGG, "note.ogg", "audio/ogg; codecs=opus"), ("audio", False)),
        ((WEBP, "wave.webp", "image/webp"), ("sticker", False)),
    ],
)
def test_the_text_next_to_a_file_is_its_caption_or_a_message_of_its_own_never_lost(
    owner: Browser,
    receive_texts: Callable[..., None],
    services: Services,
    file: tuple[bytes, str, str],
    sent_as: tuple[str, bool],
):
    receive_texts(ADA, "hello")
    upload = (io.BytesIO(file[0]), *file[1:])
    answer = owner.post("/chats/1/messages", htmx=True, text="Words", once="c" * 32, file=upload)
    assert answer.status_code == 200
    first, *rest = list_sent(services)
    kind, has_caption = sent_as
    assert (first.kind, first.payload.get("caption")) == (kind, "Words" if has_caption else None)
    assert [message.text for message in rest] == ([] if has_caption else ["Words"])
    assert "Words" in answer.text


@pytest.mark.parametrize(
    ("mime", "case"),
    [("image/png", (1025, 0)), ("audio/mpeg", (1025, 2)), ("audio/mpeg", (4097, 0))],
)
def test_a_text_next_to_a_file_that_is_too_long_is_refused_with_words_and_nothing_is_sent(
    owner: Browser, receive_texts: Callable[..., None], services: Services, mime: str, case: tuple[int, int]
):
    receive_texts(ADA, "hello")
    upload = (io.BytesIO(PNG), "file", mime)
    length, count = case
    answer = owner.post("/chats/1/messages", htmx=True, text="x" * length, once="c" * 32, file=upload)
    assert answer.status_code == (200 if count else 422)
    assert len(list_sent(services)) == count
    assert ("too long: at most" in answer.text) == (count == 0)


@pytest.mark.parametrize(
    ("given_name", "saved_name"),
    [
        ("отчёт.pdf", "отчёт.pdf"),
        ("Ελλάδα 2026.pdf", "Ελλάδα 2026.pdf"),
        ("見積書.pdf", "見積書.pdf"),
        ("تقرير.pdf", "تقرير.pdf"),
        ("naïve “quotes”.pdf", "naïve “quotes”.pdf"),
        ("ж" * 300 + ".pdf", "ж" * 236 + ".pdf"),
    ],
)
def test_a_file_is_saved_under_its_name_in_its_own_script_with_its_ending(
    owner: Browser, receive_texts: Callable[..., None], services: Services, given_name: str, saved_name: str
):
    receive_texts(ADA, "hello")
    upload = (io.BytesIO(b"%PDF-1.4"), given_name, "application/pdf")
    owner.post("/chats/1/messages", htmx=True, text="", once="c" * 32, file=upload)
    (message,) = list_sent(services)
    answer = fetch(owner, f"/chats/1/messages/{message.id}/file?save=1")
    disposition = answer.headers["Content-Disposition"]
    assert f"filename*=UTF-8''{quote(saved_name, safe='!#$&+-.^_`|~')}" in disposition
    assert message.payload["filename"] == saved_name
