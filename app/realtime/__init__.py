"""The live side: browsers say what they watch, and hear when it has changed."""

import secrets

from flask import Flask

from app.realtime import rooms
from app.realtime.feed import Feed
from app.realtime.relay import Relay
from app.signals import changed
from app.web import house, socketio

__all__ = ["feed", "init_app", "listen", "rooms"]


def _to_browsers(topic: str, event: dict[str, object]) -> None:
    socketio.emit("changed", event, to=topic)


def _watched(topic: str) -> bool:
    # Flask-SocketIO sets `server` when it is mounted and types it nowhere.
    server = getattr(socketio, "server", None)
    return server is not None and topic in server.manager.rooms.get("/", {})


feed = Feed(_to_browsers, watched=_watched)
changed.connect(feed.publish)


def init_app(app: Flask) -> None:
    """Tell other processes, where there are any, what changes here; the rooms register when they are imported."""
    with app.app_context():
        url = house().settings.redis_url
    if url:
        relay = Relay(url, secrets.token_hex(8))
        app.extensions["relay"] = relay
        feed.tell = relay.tell


def listen(app: Flask) -> None:
    """Hear what changes in other processes; for processes that serve browsers."""
    relay: Relay | None = app.extensions.get("relay")
    if relay:
        relay.listen(feed.hear)
