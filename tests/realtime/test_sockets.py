"""The live side: who may listen, to what, and how often a topic rings."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask

from app import create_app
from app.accounts import Passwords, User, create_user
from app.db import Base
from app.realtime.feed import Feed
from app.realtime.rooms import MAX_TOPICS, allowed
from app.settings import Settings
from app.signals import changed
from app.web import socketio

PASSWORD = "a long enough password"


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = create_app(settings)
    made.config["WTF_CSRF_ENABLED"] = False
    made.extensions["passwords"] = hashing = Passwords(
        PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )
    house = made.extensions["house"]
    Base.metadata.create_all(house.database.engine)
    house.database.write(lambda s: create_user(s, hashing, email="a@example.com", password=PASSWORD, now=1))
    yield made
    house.database.writer.close()
    house.database.engine.dispose()
    with made.app_context():
        made.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def listener(app: Flask) -> Any:
    browser = app.test_client()
    browser.post("/login", data={"email": "a@example.com", "password": PASSWORD})
    return socketio.test_client(app, flask_test_client=browser)


def rings(listener: Any) -> list[str]:
    return [each["args"][0]["topic"] for each in listener.get_received() if each["name"] == "changed"]


def wait_for_rings(listener: Any, seconds: float = 2) -> list[str]:
    end, found = time.monotonic() + seconds, []
    while not found and time.monotonic() < end:
        time.sleep(0.02)
        found = rings(listener)
    return found


def test_a_stranger_cannot_connect(app: Flask):
    assert not socketio.test_client(app, flask_test_client=app.test_client()).is_connected()


def test_a_browser_hears_only_what_it_watches(listener: Any):
    assert listener.emit("watch", {"topics": ["chat:7", "dashboard"]}, callback=True) == [
        "chat:7",
        "dashboard",
    ]
    changed.send(topics={"chat:7", "chat:8"})
    assert wait_for_rings(listener) == ["chat:7"]


def test_watching_something_else_ends_what_was_watched(listener: Any):
    listener.emit("watch", {"topics": ["chat:21"]}, callback=True)
    listener.emit("watch", {"topics": ["chats"]}, callback=True)
    changed.send(topics={"chat:21"})
    changed.send(topics={"chats"})
    assert wait_for_rings(listener) == ["chats"]


def test_an_ended_session_is_shown_the_door(app: Flask, listener: Any):
    def end(session: Any) -> None:
        session.get_one(User, 1).session_epoch += 1

    app.extensions["house"].database.write(end)
    listener.emit("watch", {"topics": ["chats"]})
    assert not listener.is_connected()


@pytest.mark.parametrize(
    "wish",
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
def test_a_wish_that_names_no_topic_is_granted_nothing(wish: Any):
    assert allowed(wish) == []


def test_a_wish_is_cut_to_a_pageful():
    assert len(allowed({"topics": [f"chat:{n}" for n in range(500)]})) == MAX_TOPICS


def test_the_first_change_rings_at_once_and_a_storm_four_times_a_second():
    heard: list[tuple[float, dict[str, Any]]] = []
    lock = threading.Lock()

    def emit(_topic: str, event: dict[str, object]) -> None:
        with lock:
            heard.append((time.monotonic(), dict(event)))

    feed = Feed(emit, window=0.1)
    start = time.monotonic()
    while time.monotonic() - start < 0.55:
        feed.publish(topics={"chats"})
        time.sleep(0.002)
    time.sleep(0.25)
    assert heard[0][0] - start < 0.05
    assert 5 <= len(heard) <= 8
    gaps = [b[0] - a[0] for a, b in pairwise(heard)]
    assert min(gaps) > 0.09
    assert heard[-1][0] - start >= 0.5
    revs = [event["rev"] for _, event in heard]
    assert revs == sorted(set(revs))


def test_no_change_is_lost_whatever_the_moment_it_comes():
    heard: set[str] = set()
    feed = Feed(lambda topic, _event: heard.add(topic), window=0)
    for n in range(3000):
        feed.publish(topics={f"chat:{n}"})
    time.sleep(0.3)
    assert len(heard) == 3000


def test_only_watched_topics_ring():
    heard: list[str] = []
    feed = Feed(
        lambda topic, _event: heard.append(topic), window=0.01, watched=lambda topic: topic == "chats"
    )
    feed.publish(topics={"chats", "chat:1"})
    time.sleep(0.1)
    assert heard == ["chats"]


def test_a_broken_socket_breaks_nothing_and_later_rings_go_out():
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
