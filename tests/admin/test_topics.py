"""Pages ring what they changed: each once, after the commit, sent by the domain and not by the view."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app import topics
from app.bot.models import Chat, Connection
from app.channels.contract import Person
from app.channels.simulator import channel
from app.channels.simulator.channel import Envelope
from app.services import Services
from app.settings import ROOT
from app.signals import changed
from tests.admin.browser import Browser

AUDIT = topics.audit()


@pytest.fixture
def sent_topics() -> Iterator[list[set[str]]]:
    """What is sent beside the topic of the audit, which goes with every change."""
    sent: list[set[str]] = []

    def note(topics: set[str]) -> None:
        if others := set(topics) - {AUDIT}:
            sent.append(others)

    changed.connect(note)
    yield sent
    changed.disconnect(note)


def test_rolling_back_publishes_the_brains_topic_once(
    owner: Browser, demo_brain: Any, sent_topics: list[set[str]]
):
    owner.post(f"/brains/{demo_brain.slug}/rollback/1")
    assert sent_topics == [{topics.dashboard(), topics.brain(demo_brain.id)}]


def test_labels_publish_the_chats_topic_once_and_not_when_refused(
    owner: Browser, sent_topics: list[set[str]]
):
    owner.post("/chats/labels", name="VIP", colour="red")
    assert sent_topics == [{topics.chats()}]
    owner.post("/chats/labels", name="", colour="red")
    assert len(sent_topics) == 1


def test_connections_publish_their_topic_when_archived_and_restored(
    owner: Browser, simulated_connection: Connection, sent_topics: list[set[str]]
):
    for act in ("archive", "restore", "resume"):
        owner.post(f"/connections/{simulated_connection.id}/{act}")
    assert sent_topics == [{topics.connections(), topics.dashboard()}] * 3


def test_notes_and_messages_publish_the_topic_of_their_chat_once(
    owner: Browser, chat_id: int, sent_topics: list[set[str]]
):
    owner.post(f"/chats/{chat_id}/messages", **{"as": "note", "text": "call back"})
    owner.post(f"/chats/{chat_id}/messages", text="hello", once="0123456789")
    owner.post(f"/chats/{chat_id}/resume")  # a team reply has paused it
    chat = topics.chat(chat_id)
    assert sent_topics[0] == {chat}
    assert sent_topics[1] == {topics.chats(), topics.dashboard(), chat}
    assert sent_topics[2] == {topics.chats(), topics.dashboard(), chat}
    assert len(sent_topics) == 3


@pytest.fixture
def chat_id(services: Services, simulated_connection: Connection) -> int:
    item = channel.build_text(
        Envelope("in.1", Person(phone="15550100001", name="Ada"), services.clock()), "hi"
    )
    services.receive_local(simulated_connection.id, [item])
    with services.database.read() as session:
        return session.scalars(select(Chat.id)).one()


def test_every_topic_of_a_page_may_be_watched():
    names = (topics.dashboard(), topics.chats(), topics.chat(7), topics.brain(7), topics.failures())
    assert all(topics.find_topic(name) for name in (*names, topics.connections()))
    assert not any(topics.find_topic(name) for name in ("brains", "chat:", "chat:x", "chats ", "", "user:1"))


def test_no_page_sends_a_signal_itself():
    pages = [*Path(ROOT, "app/admin").rglob("*.py")]
    assert pages
    assert not [
        page for page in pages if "changed.send" in page.read_text() or "work_ready" in page.read_text()
    ]
