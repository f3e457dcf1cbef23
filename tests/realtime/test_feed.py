"""The doorbell for browsers: merged, at most four rings a second, told between processes over a real Redis."""

import shutil
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from app.realtime.feed import Feed
from app.realtime.redis_bridge import RedisBridge
from bench.services import redis, start_service
from tests.conftest import skip_or_fail


def wait_until(condition, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_the_first_change_is_sent_at_once_and_later_ones_together():
    rung: list[tuple[float, str]] = []
    feed = Feed(lambda topic, _event: rung.append((time.monotonic(), topic)), window=0.2)
    began = time.monotonic()
    feed.publish(topics={"chats"})
    assert wait_until(lambda: len(rung) == 1)
    for _ in range(50):
        feed.publish(topics={"chats", "chat:1"})
    assert wait_until(lambda: len(rung) == 3)
    time.sleep(0.3)
    # The topic that was quiet did not wait for the one that had just rung.
    assert [topic for _, topic in rung] == ["chats", "chat:1", "chats"]
    assert rung[2][0] - rung[0][0] >= 0.2
    assert rung[0][0] - began < 0.15


def test_a_busy_topic_is_sent_four_times_a_second_and_ends_with_the_last_change():
    rung: list[float] = []
    feed = Feed(lambda _topic, _event: rung.append(time.monotonic()), window=0.1)
    end = time.monotonic() + 0.55
    while time.monotonic() < end:
        last = time.monotonic()
        feed.publish(topics={"chats"})
        time.sleep(0.002)
    assert wait_until(lambda: rung[-1] >= last)
    assert all(later - earlier >= 0.09 for earlier, later in pairwise(rung))
    assert len(rung) <= 8


def test_revisions_only_grow():
    revisions: list[int] = []
    feed = Feed(lambda _topic, event: revisions.append(int(str(event["rev"]))), window=0)
    for n in range(20):
        feed.publish(topics={f"chat:{n}"})
    assert wait_until(lambda: len(revisions) == 20)
    assert revisions == sorted(set(revisions))


def test_what_nobody_watches_is_not_sent_but_published_to_other_processes():
    rung: list[str] = []
    told: list[list[str]] = []
    feed = Feed(
        lambda topic, _event: rung.append(topic),
        window=0,
        is_watched=lambda topic: topic == "chats",
        publish_remote=told.append,
    )
    feed.publish(topics={"chats", "chat:7"})
    assert wait_until(lambda: told == [["chat:7", "chats"]])
    assert wait_until(lambda: rung == ["chats"])


def test_a_socket_error_does_not_end_the_feed():
    rung: list[str] = []

    def emit(topic: str, _event: dict[str, object]) -> None:
        rung.append(topic)
        raise OSError("gone")

    feed = Feed(emit, window=0)
    feed.publish(topics={"chats"})
    assert wait_until(lambda: rung == ["chats"])
    feed.publish(topics={"dashboard"})
    assert wait_until(lambda: rung == ["chats", "dashboard"])


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    if not shutil.which("redis-server"):
        skip_or_fail("Redis")
    part, url = redis(tmp_path)
    start_service(part, url)
    yield url
    part.kill()


def test_changes_reach_other_processes_but_not_their_own(redis_url: str):
    web, worker = RedisBridge(redis_url, "web"), RedisBridge(redis_url, "worker")
    heard_by_web: list[str] = []
    heard_by_worker: list[str] = []
    web.listen(heard_by_web.extend)
    worker.listen(heard_by_worker.extend)

    def told() -> bool:
        worker.publish(["chat:1"])
        return bool(heard_by_web)

    assert wait_until(told)
    assert set(heard_by_web) == {"chat:1"}
    assert heard_by_worker == []
    web.close()
    worker.close()
