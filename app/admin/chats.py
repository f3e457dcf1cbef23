"""Chats: the list with search and filters, the thread beside it, another try, and the bot paused and resumed."""

from typing import Any

from flask import Blueprint, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, words
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import bot, chats, connections, handoff, redrive
from app.bot.chats import ChatWish
from app.signals import changed, work_ready
from app.web import db, house, partial

blueprint = Blueprint("chats", __name__, url_prefix="/chats")


@blueprint.get("/")
@needs(Role.VIEWER)
def inbox() -> Response:
    """Show the list of chats."""
    return show("chats/inbox.html", "rows", **_listed(), selected=None, said=chats.said)


@blueprint.get("/<int:chat_id>")
@needs(Role.VIEWER)
def chat(chat_id: int) -> Response:
    """Show one chat beside the list."""
    return show("chats/inbox.html", "detail", **_opened(chat_id), **_listed())


@blueprint.get("/<int:chat_id>/thread")
@needs(Role.VIEWER)
def thread(chat_id: int) -> Response:
    """Return the thread alone, for live updates and for reading further back."""
    if not partial():
        return redirect(url_for("chats.chat", chat_id=chat_id))
    return show("chats/inbox.html", "detail", **_opened(chat_id))


@blueprint.post("/<int:chat_id>/messages/<int:message_id>/retry")
@needs(Role.EDITOR)
def retry(chat_id: int, message_id: int) -> Response:
    """Send a failed, dead or held message again."""
    now = house().clock()
    if house().database.write(lambda session: redrive.replay(session, message_id, now)):
        answers.look_again()
        work_ready.send(chats=1)
        changed.send(topics={"chats", "dashboard", f"chat:{chat_id}"})
        answers.notice("It is queued to be sent again.")
    else:
        answers.notice("It has moved on meanwhile: there is nothing to send again.", "bad")
    if not partial():
        return redirect(url_for("chats.chat", chat_id=chat_id))
    return show("chats/inbox.html", "detail", **_opened(chat_id))


@blueprint.post("/<int:chat_id>/pause")
@needs(Role.EDITOR)
def pause(chat_id: int) -> Response:
    """Let the brain be silent in a chat, because a person answers."""
    who = current_user.name or current_user.email
    if handoff.pause(house().database, chat_id, f"{who} has paused it.", house().clock()):
        answers.notice("The bot is silent in this chat until you resume it.")
    return _thread_again(chat_id)


@blueprint.post("/<int:chat_id>/resume")
@needs(Role.EDITOR)
def resume(chat_id: int) -> Response:
    """Let the brain answer again."""
    if handoff.resume(house().database, chat_id):
        answers.notice("The bot answers here again, from the next message on.")
    return _thread_again(chat_id)


def _thread_again(chat_id: int) -> Response:
    answers.look_again()
    if not partial():
        return redirect(url_for("chats.chat", chat_id=chat_id))
    return show("chats/inbox.html", "detail", **_opened(chat_id))


def _wish() -> ChatWish:
    args = request.args
    at, _, chat_id = args.get("after", "").partition("-")
    known = {"trouble", *words.STATES}
    return ChatWish(
        search=args.get("q", "")[:100],
        connection_id=args.get("connection", type=int),
        state=args["state"] if args.get("state") in known else "",
        after=(int(at), int(chat_id)) if at.isdecimal() and chat_id.isdecimal() else None,
        limit=min(args.get("shown", chats.PAGE, type=int), 10 * chats.PAGE),
    )


def _listed() -> dict[str, Any]:
    wish, session = _wish(), db.session()
    return {
        "wish": wish,
        "page": chats.list_chats(session, wish),
        "connections": connections.list_connections(session),
    }


def _opened(chat_id: int) -> dict[str, Any]:
    session = db.session()
    selected = chats.get_chat(session, chat_id)
    if selected is None:
        abort(404)
    return {
        "selected": selected,
        "thread": chats.thread(session, chat_id, request.args.get("start", type=int)),
        "channel": bot().channels.get(selected.channel),
        "now": house().clock(),
        "said": chats.said,
    }
