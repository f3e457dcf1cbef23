"""The relay: changes of one process told to the web processes, which know who watches.

One Redis message a window and process, whatever the traffic; lost messages lose nothing (browsers also look by
themselves), so both ends simply go on when Redis is away.
"""

import json
import threading
from collections.abc import Callable, Iterable

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

CHANNEL = "brainbox.changed"
PATIENCE = 1.0


class Relay:
    """Tells and hears over a Redis channel; each process ignores its own voice."""

    def __init__(self, url: str, name: str) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_keepalive=True)
        self._name = name
        self._down = False
        self._closed = threading.Event()

    def tell(self, topics: list[str]) -> None:
        """Tell the other processes."""
        try:
            self._redis.publish(CHANNEL, json.dumps([self._name, topics]))
            self._down = False
        except RedisError as error:
            if not self._down:
                log.warning("changes not told to other processes", reason=type(error).__name__)
            self._down = True

    def listen(self, hear: Callable[[Iterable[str]], None]) -> None:
        """Hear the other processes, in a thread of its own."""
        threading.Thread(target=self._loop, args=(hear,), name="relay", daemon=True).start()

    def close(self) -> None:
        """Hear no more."""
        self._closed.set()
        self._redis.close()

    def _loop(self, hear: Callable[[Iterable[str]], None]) -> None:
        deaf = False
        while not self._closed.wait(PATIENCE if deaf else 0):
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as voices:
                    voices.subscribe(CHANNEL)
                    deaf = False
                    for message in voices.listen():
                        speaker, topics = json.loads(message["data"])
                        if speaker != self._name:
                            hear(topics)
            except (RedisError, ValueError, TypeError) as error:
                if not deaf and not self._closed.is_set():
                    log.warning("changes of other processes not heard", reason=type(error).__name__)
                deaf = True
