"""Live pages: browsers subscribe to topics and get an event when one changes.

The application uses `Realtime`.
"""

import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from app.realtime.feed import Feed
from app.settings import Settings
from app.signals import changed
from app.topics import SESSION_PREFIX

if TYPE_CHECKING:
    from flask import Flask
    from flask_socketio import SocketIO

    from app.realtime.redis_bridge import RedisBridge

__all__ = ["Realtime"]


class Realtime:
    """The feed of this process and, with a `redis_url`, the bridge to the other processes."""

    def __init__(self, redis_url: str | None) -> None:
        self._socketio: SocketIO | None = None
        self._close_session: Callable[[str], None] | None = None
        self._bridge = _open_bridge(redis_url) if redis_url else None
        publish = self._bridge.publish if self._bridge else None
        self._feed = Feed(self._emit, is_watched=self._is_watched, publish_remote=publish)

    def mount(self, app: "Flask", settings: Settings) -> None:
        """Serve the browsers of this process; without it, changes only go to the other processes."""
        from app.realtime import sockets  # noqa: PLC0415  a worker of its own serves no browsers

        self._socketio = sockets.mount(app, settings)
        self._close_session = partial(sockets.close_session_sockets, self._socketio)

    def start(self) -> None:
        """Send what changes from here on to browsers and to other processes."""
        changed.connect(self._feed.publish)

    def listen(self) -> None:
        """Receive what changes in other processes; for processes that serve browsers."""
        if self._bridge:
            self._bridge.listen(self._feed.receive)

    def close(self) -> None:
        """Send nothing more."""
        changed.disconnect(self._feed.publish)
        self._feed.close()

    def _emit(self, topic: str, event: dict[str, object]) -> None:
        if self._close_session and topic.startswith(SESSION_PREFIX):
            self._close_session(topic)
        elif self._socketio:
            self._socketio.emit("changed", event, to=topic)

    def _is_watched(self, topic: str) -> bool:
        # Flask-SocketIO sets `server` when it is mounted and types it nowhere.
        server = getattr(self._socketio, "server", None)
        return server is not None and topic in server.manager.rooms.get("/", {})


def _open_bridge(redis_url: str) -> "RedisBridge":
    from app.realtime.redis_bridge import RedisBridge  # noqa: PLC0415  embedded does without Redis

    return RedisBridge(redis_url, secrets.token_hex(8))
