"""The live side: who may listen, to what, and how often a topic rings."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from app import create_app
from app.accounts.users import Passwords, User, create_user
from app.realtime.feed import Feed
from app.realtime.sockets import MAX_TOPICS, filter_topics
from app.services import Services
from app.settings import Settings
from app.signals import changed
from tests.tables import create_tables

PASSWORD = "a long enough password"


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    made.config["WTF_CSRF_ENABLED"] = False
    services: Services = made.extensions["services"]
    hashing = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    services.put(hashing)
    create_tables(services.database.engine)
    services.realtime.start()
    services.database.write(
        lambda s: create_user(s, hashing, email="a@example.com", password=PASSWORD, now=1)
    )
    yield made
    services.close()
    services.database.writer.close()
    services.database.engine.dispose()
    with made.app_context():
        made.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def listener(app: Flask) -> Any:
    browser = app.test_client()
    browser.post("/login", data={"email": "a@example.com", "password": PASSWORD})
    return app.extensions["socketio"].test_client(app, flask_test_client=browser)


def list_topics(listener: Any) -> list[str]:
    return [each["args"][0]["topic"] for each in listener.get_received() if each["name"] == "changed"]


def wait_for_topics(listener: Any, seconds: float = 2) -> list[str]:
    end, found = time.monotonic() + seconds, []
    while not found and time.monotonic() < end:
        time.sleep(0.02)
        found = list_topics(listener)
    return found


def test_who_is_not_signed_in_cannot_connect(app: Flask):
    assert not app.extensions["socketio"].test_client(app, flask_test_client=app.test_client()).is_connected()


def test_a_browser_receives_only_the_topics_it_watches(listener: Any):
    assert listener.emit("watch", {"topics": ["chat:7", "dashboard"]}, callback=True) == [
        "chat:7",
        "dashboard",
    ]
    changed.send(topics={"chat:7", "chat:8"})
    assert wait_for_topics(listener) == ["chat:7"]


def test_watching_something_else_ends_what_was_watched(listener: Any):
    listener.emit("watch", {"topics": ["chat:21"]}, callback=True)
    listener.emit("watch", {"topics": ["chats"]}, callback=True)
    changed.send(topics={"chat:21"})
    changed.send(topics={"chats"})
    assert wait_for_topics(listener) == ["chats"]


def test_an_ended_session_is_disconnected(app: Flask, listener: Any):
    def end(session: Any) -> None:
        session.get_one(User, 1).session_epoch += 1

    app.extensions["services"].database.write(end)
    listener.emit("watch", {"topics": ["chats"]})
    assert not listener.is_connected()


@pytest.mark.parametrize(
    "topics",
    [
        None,
        7,
        "chats",
        [],
        {},
        {"topics": None},
        {"topics": "chats"},
        {"topics": [{}, 1, None, "users", "chat:x", ""]},
    ],
)
def test_a_request_without_a_known_topic_watches_nothing(topics: Any):
    assert filter_topics(topics, has_right=lambda _right: True) == []


def test_no_more_topics_are_watched_than_allowed():
    assert (
        len(filter_topics({"topics": [f"chat:{n}" for n in range(500)]}, has_right=lambda _right: True))
        == MAX_TOPICS
    )


def test_the_first_change_is_sent_at_once_and_many_changes_four_times_a_second():
    heard: list[tuple[float, dict[str, Any]]] = []
    lock = threading.Lock()

    def emit(_topic: str, event: dict[str, object]) -> None:
        with lock:
            heard.append((time.monotonic(), dict(event)))

    # Five windows and a half, each far longer than a busy machine keeps a thread waiting.
    feed = Feed(emit, window=0.4)
    start = time.monotonic()
    while time.monotonic() - start < 2.2:
        feed.publish(topics={"chats"})
        time.sleep(0.002)
    time.sleep(1)
    assert heard[0][0] - start < 0.2
    assert 5 <= len(heard) <= 8
    gaps = [b[0] - a[0] for a, b in pairwise(heard)]
    # By a thread that may be late once and in time the next: far from the 2 ms of the changes all the same.
    assert min(gaps) > 0.2
    assert median(gaps) > 0.36
    assert heard[-1][0] - start >= 2
    revs = [event["rev"] for _, event in heard]
    assert revs == sorted(set(revs))


def test_no_change_is_lost_whatever_the_moment_it_comes():
    heard: set[str] = set()
    feed = Feed(lambda topic, _event: heard.add(topic), window=0)
    for n in range(3000):
        feed.publish(topics={f"chat:{n}"})
    time.sleep(0.3)
    assert len(heard) == 3000


def test_only_watched_topics_are_sent():
    heard: list[str] = []
    feed = Feed(
        lambda topic, _event: heard.append(topic), window=0.01, is_watched=lambda topic: topic == "chats"
    )
    feed.publish(topics={"chats", "chat:1"})
    time.sleep(0.1)
    assert heard == ["chats"]


def test_a_broken_socket_breaks_nothing_and_later_changes_are_sent():
    heard: list[str] = []

    def emit(topic: str, _event: dict[str, object]) -> None:
        heard.append(topic)
        if len(heard) == 1:
            raise OSError("the socket is gone")

    feed = Feed(emit, window=0.02)
    feed.publish(topics={"chats"})
    time.sleep(0.1)
    feed.publish(topics={"chats"})
    time.sleep(0.1)
    assert heard == ["chats", "chats"]
