"""Socket.IO: who may connect, and which topics a browser listens to."""

import re
from typing import Any

from flask import request
from flask_login import current_user
from flask_socketio import disconnect, join_room, leave_room, rooms

from app.accounts import Role
from app.web import socketio

# A page watches a handful; a browser that asks for more is no page of ours.
MAX_TOPICS = 20
TOPIC = re.compile(r"dashboard|chats|connections|failures|(chat|brain):\d{1,18}")


@socketio.on("connect")
def enter(_auth: object = None) -> bool:
    """Let in who is signed in."""
    return bool(current_user.is_authenticated)


@socketio.on("watch")
def watch(wish: Any = None) -> list[str]:
    """Listen to these topics and no others; answers with those that were granted."""
    if not (current_user.is_authenticated and current_user.may(Role.VIEWER)):
        disconnect()
        return []
    granted = allowed(wish)
    sid: str = request.sid  # type: ignore[attr-defined]  Flask-SocketIO adds it
    for room in set(rooms()) - {sid} - set(granted):
        leave_room(room)
    for topic in granted:
        join_room(topic)
    return granted


def allowed(wish: Any) -> list[str]:
    """Return the topics of a wish that exist; every role may see all of them."""
    topics = wish.get("topics") if isinstance(wish, dict) else None
    if not isinstance(topics, list):
        return []
    return [topic for topic in topics[:MAX_TOPICS] if isinstance(topic, str) and TOPIC.fullmatch(topic)]
