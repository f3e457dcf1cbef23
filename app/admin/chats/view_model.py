"""View model of the inbox pages: filtered list, one chat, and whether the operator may write there."""

import secrets
from typing import Any

from flask import abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.responses import show
from app.bot.chats import labels, listing, saved_replies
from app.bot.chats.contact_details import load_contact_details
from app.bot.chats.listing import PAGE_SIZE, STATE_FILTERS, ChatListItem, ChatQuery
from app.bot.chats.notes import Author
from app.bot.chats.search import search
from app.bot.chats.thread import Thread, load_thread, load_thread_around
from app.bot.connections import store
from app.bot.models import Chat, Connection
from app.brains.versions import store as versions_store
from app.channels.contract import Channel
from app.services import services
from app.text import parse_index, parse_int64
from app.web import db, is_fragment_request

TEMPLATE = "chats/inbox.html"
MAX_SHOWN = 10 * PAGE_SIZE


def read_query() -> ChatQuery:
    """Read which chats the address asks for."""
    args = request.args
    return ChatQuery(
        search=args.get("q", "").strip()[:100],
        connection_id=args.get("connection", type=parse_int64),
        brain_id=args.get("brain", type=parse_int64),
        state=args["state"] if args.get("state") in STATE_FILTERS else "",
        label_id=args.get("label", type=parse_int64),
        after=_parse_position(args.get("after", "")),
        limit=max(1, min(args.get("shown", PAGE_SIZE, type=parse_int64), MAX_SHOWN)),
        now=services().clock(),
    )


def _parse_position(text: str) -> tuple[int, int] | None:
    """Return where in the list an address goes on: the time (ms) and id of the chat before."""
    at, chat_id = (parse_index(part) for part in text.partition("-")[::2])
    return None if at is None or chat_id is None else (at, chat_id)


def build_list() -> dict[str, Any]:
    """Return what the list shows."""
    filters, session = read_query(), db.session()
    before = request.args.get("before", type=parse_int64)
    return {
        "filters": filters,
        "page": None if filters.search else listing.list_chats(session, filters),
        "found": search(session, filters, before) if filters.search else None,
        "before": before,
        "counts": listing.count_by_state(session),
        "many": listing.COUNT_LIMIT,
        "most_shown": MAX_SHOWN,
        "connections": store.list_connections(session),
        "brains": versions_store.list_brains(session, limit=500),
        "labels": labels.list_labels(session),
        "query": to_url_args(filters),
    }


def to_url_args(query: ChatQuery) -> dict[str, Any]:
    """Return the filters as they stand in an address; None leaves one out."""
    return {
        "q": query.search or None,
        "connection": query.connection_id,
        "brain": query.brain_id,
        "state": query.state or None,
        "label": query.label_id,
    }


def build_chat(chat_id: int) -> dict[str, Any]:
    """Return what one chat shows; ends the request with 404 when there is none."""
    session, contact = db.session(), build_contact(chat_id)
    return {
        **contact,
        "thread": _thread(chat_id),
        "at": request.args.get("at", type=parse_int64),
        "writing": get_writing_mode(contact["selected"], contact["now"]),
        "once": secrets.token_hex(16),
        "labels": labels.list_labels(session),
        "colours": labels.COLOURS,
        "saved_replies": saved_replies.has_replies(session),
    }


def build_contact(chat_id: int) -> dict[str, Any]:
    """Return what the contact panel of a chat shows; ends the request with 404 when there is none."""
    session, now = db.session(), services().clock()
    line = listing.get_chat(session, chat_id) or abort(404)
    return {
        "selected": line,
        # By the panel alone: a live look at the thread draws none.
        "load_details": lambda: load_contact_details(session, line.chat, now),
        "channel": services().channels.get(line.channel),
        "now": now,
    }


def get_writing_mode(line: ChatListItem, now: int) -> str:
    """Tell what may be written now: anything (`open`), or an approved template only (`template`)."""
    channel = services().channels.get(line.channel)
    closed = channel is not None and channel.window_hours is not None and line.chat.window_until < now
    return "template" if closed else "open"


def get_channel(chat_id: int) -> Channel:
    """Return the channel of a chat; ends the request with 404 when there is no such chat."""
    connection = db.session.get_one(Connection, get_chat_or_404(chat_id).connection_id)
    return services().channels[connection.channel]


def _thread(chat_id: int) -> Thread:
    session, args = db.session(), request.args
    at = args.get("at", type=parse_int64)
    if at:
        return load_thread_around(session, chat_id, at)
    return load_thread(
        session, chat_id, args.get("start", type=parse_int64), args.get("end", type=parse_int64)
    )


def respond_with_thread(chat_id: int, status: int = 200) -> Response:
    """Answer with the thread as it is now, or lead to its page."""
    responses.refresh_session()
    if not is_fragment_request():
        return redirect(url_for("chats.show_chat", chat_id=chat_id))
    return show(TEMPLATE, "thread", status=status, **build_chat(chat_id))


def get_operator_name() -> str:
    """Return what the operator is called where others read it."""
    return current_user.name or current_user.email


def get_author() -> Author:
    """Return the operator as a writer of notes."""
    return Author(
        current_user.id, get_operator_name(), can_change_any=current_user.has_right(Right.ADMINISTER)
    )


def get_chat_or_404(chat_id: int) -> Chat:
    """Find a chat; ends the request with 404 when there is none."""
    return db.session.get(Chat, chat_id) or abort(404)
