"""What the pages of the inbox show: the list as filtered, and one chat beside it."""

import secrets
from typing import Any

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers
from app.admin.answers import show
from app.bot import bot, chats, connections, labels
from app.bot.chat_search import search
from app.bot.chats import PAGE, STATES, ChatLine, ChatWish
from app.bot.models import Chat
from app.bot.notes import Author
from app.bot.threads import Thread, thread, thread_around
from app.brains import versions
from app.web import db, house, partial

PAGE_NAME = "chats/inbox.html"
MOST_SHOWN = 10 * PAGE


def wish_of_request() -> ChatWish:
    """Read which chats the address asks for."""
    args = request.args
    at, _, chat_id = args.get("after", "").partition("-")
    return ChatWish(
        search=args.get("q", "").strip()[:100],
        connection_id=args.get("connection", type=int),
        brain_id=args.get("brain", type=int),
        state=args["state"] if args.get("state") in STATES else "",
        label_id=args.get("label", type=int),
        after=(int(at), int(chat_id)) if at.isdecimal() and chat_id.isdecimal() else None,
        limit=max(1, min(args.get("shown", PAGE, type=int), MOST_SHOWN)),
        now=house().clock(),
    )


def listed() -> dict[str, Any]:
    """Return what the list shows."""
    wish, session = wish_of_request(), db.session()
    before = request.args.get("before", type=int)
    return {
        "wish": wish,
        "page": None if wish.search else chats.list_chats(session, wish),
        "found": search(session, wish, before) if wish.search else None,
        "before": before,
        "counts": chats.counts(session),
        "many": chats.MANY,
        "most_shown": MOST_SHOWN,
        "connections": connections.list_connections(session),
        "brains": versions.list_brains(session, limit=500),
        "labels": labels.list_labels(session),
        "query": query_of(wish),
        "said": chats.said,
    }


def query_of(wish: ChatWish) -> dict[str, Any]:
    """Return the filters as they stand in an address; None leaves one out."""
    return {
        "q": wish.search or None,
        "connection": wish.connection_id,
        "brain": wish.brain_id,
        "state": wish.state or None,
        "label": wish.label_id,
    }


def opened(chat_id: int) -> dict[str, Any]:
    """Return what one chat shows; ends the request with 404 when there is none."""
    session = db.session()
    line = chats.get_chat(session, chat_id) or abort(404)
    now = house().clock()
    return {
        "selected": line,
        "thread": _thread(chat_id),
        "at": request.args.get("at", type=int),
        "channel": bot().channels.get(line.channel),
        "now": now,
        "said": chats.said,
        "writing": writing_mode(line, now),
        "once": secrets.token_hex(16),
        "labels": labels.list_labels(session),
        "colours": labels.COLOURS,
    }


def writing_mode(line: ChatLine, now: int) -> str:
    """Tell what may be written now: anything (`open`), or an approved template only (`template`)."""
    channel = bot().channels.get(line.channel)
    closed = channel is not None and channel.window_hours is not None and line.chat.window_until < now
    return "template" if closed else "open"


def _thread(chat_id: int) -> Thread:
    session, args = db.session(), request.args
    at = args.get("at", type=int)
    if at:
        return thread_around(session, chat_id, at)
    return thread(session, chat_id, args.get("start", type=int), args.get("end", type=int))


def again(chat_id: int, status: int = 200) -> Response:
    """Answer with the thread as it is now, or lead to its page."""
    answers.look_again()
    if not partial():
        return redirect(url_for("chats.chat", chat_id=chat_id))
    return show(PAGE_NAME, "thread", status=status, **opened(chat_id))


def somebody() -> str:
    """Return what the operator is called where others read it."""
    return current_user.name or current_user.email


def author() -> Author:
    """Return the operator as a writer of notes."""
    return Author(current_user.id, somebody(), any_note=current_user.may(Role.OWNER))


def chat_or_404(chat_id: int) -> Chat:
    """Find a chat; ends the request with 404 when there is none."""
    return db.session.get(Chat, chat_id) or abort(404)
