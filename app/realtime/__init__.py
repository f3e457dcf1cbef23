"""The live side: browsers say what they watch, and hear when it has changed."""

from flask import Flask

from app.realtime import rooms
from app.realtime.feed import feed
from app.signals import changed

__all__ = ["feed", "init_app", "rooms"]


def init_app(_app: Flask) -> None:
    """Carry the signal `changed` to the browsers that watch; the rooms register when they are imported."""
    changed.connect(feed.publish)
