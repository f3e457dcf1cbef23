"""Socket.IO: sign-in and checks of rights, topics a browser may watch, their number."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, request
from flask_login import current_user
from flask_socketio import SocketIO, disconnect, join_room, leave_room, rooms

from app import topics
from app.accounts.roles import Right
from app.settings import Settings
from app.topics import find_topic

Handler = Callable[..., Any]

# A page watches a handful; a browser that asks for more is no page of ours.
MAX_TOPICS = 20
LIVE_PATH = "/socket.io"


def mount(app: Flask, settings: Settings) -> SocketIO:
    """Serve Socket.IO to the browsers of this process (app.realtime.redis_bridge joins the processes)."""
    socketio = SocketIO()
    socketio.on("connect")(authenticate)
    socketio.on("watch")(watch)
    socketio.init_app(
        app,
        async_mode="threading",
        cors_allowed_origins=settings.public_url or None,  # pyright: ignore[reportArgumentType]  None = own origin
        manage_session=False,
        ping_interval=25,
        ping_timeout=20,
        max_http_buffer_size=16_384,
    )
    app.wsgi_app = refuse_strangers(app, app.wsgi_app)  # type: ignore[method-assign]  Flask's way to wrap it
    return socketio


def require_right(right: Right) -> Callable[[Handler], Handler]:
    """Let an event be used only by who is signed in with `right`; anybody else is refused, or disconnected."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        def guarded(*args: Any) -> Any:
            if current_user.is_authenticated and current_user.has_right(right):
                return handler(*args)
            if request.event["message"] != "connect":  # type: ignore[attr-defined]  Flask-SocketIO adds it
                disconnect()
            return False  # as the answer to “connect”: no connection

        guarded.needs_right = right  # type: ignore[attr-defined]  a test looks for it on every event
        return guarded

    return decorate


def refuse_strangers(app: Flask, inner: WSGIApplication) -> WSGIApplication:
    """Return a WSGI callable that lets only who is signed in open a live connection (PEP 3333).

    An open connection holds a thread before its first event could be refused.
    """

    def guard(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(LIVE_PATH):
            with app.request_context(environ):
                is_member = current_user.is_authenticated and current_user.has_right(Right.ACCOUNT)
            if not is_member:
                body = b"Sign in first."
                headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
                start_response("401 Unauthorized", headers)
                return [body]
        return inner(environ, start_response)

    return guard


@require_right(Right.ACCOUNT)
def authenticate(_auth: object = None) -> bool:
    """Let in who is signed in, until their session ends."""
    join_room(topics.session(current_user.session_id))
    return True


@require_right(Right.ACCOUNT)
def watch(payload: Any = None) -> list[str]:
    """Listen to these topics and no others; answers with those that were granted."""
    granted = filter_topics(payload, current_user.has_right)
    sid: str = request.sid  # type: ignore[attr-defined]  Flask-SocketIO adds it
    for room in set(rooms()) - {sid, topics.session(current_user.session_id)} - set(granted):
        leave_room(room)
    for topic in granted:
        join_room(topic)
    return granted


def close_session_sockets(socketio: SocketIO, topic: str) -> None:
    """Disconnect the browsers of a session that has ended."""
    # Flask-SocketIO sets `server` when it is mounted and types it nowhere.
    server: Any = getattr(socketio, "server", None)
    for sid, _ in list(server.manager.get_participants("/", topic)):
        server.disconnect(sid, namespace="/")


def filter_topics(payload: Any, has_right: Callable[[Right], bool]) -> list[str]:
    """Return the topics asked for that exist and that a user may watch."""
    names = payload.get("topics") if isinstance(payload, dict) else None
    if not isinstance(names, list):
        return []
    known = [(name, find_topic(name)) for name in names[:MAX_TOPICS] if isinstance(name, str)]
    return [name for name, topic in known if topic and has_right(Right(topic.right))]
