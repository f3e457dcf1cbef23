"""Redis bridge: changes of one process published to the web processes.

One Redis message a window and process, whatever the traffic. Lost messages lose nothing (browsers also ask by
themselves), so both ends go on when Redis is away.
"""

import json
import threading
from collections.abc import Callable, Iterable

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

REDIS_CHANNEL = "brainbox.changed"
CONNECT_TIMEOUT_S = 1.0


class RedisBridge:
    """Publishes and receives topics over a Redis channel; a process ignores its own messages, by `name`."""

    def __init__(self, url: str, name: str) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=CONNECT_TIMEOUT_S, socket_keepalive=True)
        self._name = name
        self._down = False
        self._closed = threading.Event()

    def publish(self, topics: list[str]) -> None:
        """Send topics to the other processes; never raises."""
        try:
            self._redis.publish(REDIS_CHANNEL, json.dumps([self._name, topics]))
            self._down = False
        except RedisError as error:
            if not self._down:
                log.warning("changes not sent to other processes", reason=type(error).__name__)
            self._down = True

    def listen(self, on_topics: Callable[[Iterable[str]], None]) -> None:
        """Hand the topics of other processes to `on_topics`, in a thread of its own."""
        threading.Thread(target=self._loop, args=(on_topics,), name="relay", daemon=True).start()

    def close(self) -> None:
        """End the thread and the connections."""
        self._closed.set()
        self._redis.close()

    def _loop(self, on_topics: Callable[[Iterable[str]], None]) -> None:
        is_down = False
        while not self._closed.wait(CONNECT_TIMEOUT_S if is_down else 0):
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    subscription.subscribe(REDIS_CHANNEL)
                    is_down = False
                    for message in subscription.listen():
                        sender, topics = json.loads(message["data"])
                        if sender != self._name:
                            on_topics(topics)
            except (RedisError, ValueError, TypeError) as error:
                if not is_down and not self._closed.is_set():
                    log.warning("changes of other processes not received", reason=type(error).__name__)
                is_down = True
