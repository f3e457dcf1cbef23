"""Chats: the list with search and filters, the thread beside it, and another try."""

from flask import Blueprint, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, chat_view
from app.admin.answers import fragment, show
from app.admin.chat_view import PAGE_NAME, again, listed, opened
from app.admin.guard import needs
from app.admin.highlights import excerpt
from app.bot import chats, redrive
from app.signals import changed, work_ready
from app.web import db, house, partial

blueprint = Blueprint("chats", __name__, url_prefix="/chats")
blueprint.add_app_template_global(excerpt, "excerpt")


@blueprint.app_template_global("chat_counts")
def chat_counts() -> chats.Counts:
    """Count what waits for somebody, for the menu of every page."""
    return chats.counts(db.session())


@blueprint.get("/")
@needs(Role.VIEWER)
def inbox() -> Response:
    """Show the list of chats, or the next page of what a search found."""
    part = "more" if request.args.get("before") else "rows"
    return show(PAGE_NAME, part, **listed(), selected=None)


@blueprint.get("/waiting")
@needs(Role.VIEWER)
def waiting() -> Response:
    """Return how many chats are unread, for the menu."""
    if not partial():
        return redirect(url_for("chats.inbox", state="unread"))
    return Response(fragment("chats/waiting.html", "waiting", counts=chats.counts(db.session())))


@blueprint.get("/<int:chat_id>")
@needs(Role.VIEWER)
def chat(chat_id: int) -> Response:
    """Show one chat beside the list."""
    if partial():
        return show(
            PAGE_NAME, "detail", **opened(chat_id), query=chat_view.query_of(chat_view.wish_of_request())
        )
    return show(PAGE_NAME, **{**listed(), **opened(chat_id)})


@blueprint.get("/<int:chat_id>/thread")
@needs(Role.VIEWER)
def thread(chat_id: int) -> Response:
    """Return the thread alone, for live updates and for reading further; the field to write in when it changes."""
    if not partial():
        start, end = (request.args.get(name, type=int) for name in ("start", "end"))
        return redirect(url_for("chats.chat", chat_id=chat_id, start=start, end=end))
    view = opened(chat_id)
    body = fragment(PAGE_NAME, "thread", **view) + fragment("notices.html", "fresh")
    if request.args.get("writing") not in {None, view["writing"]}:
        body += fragment("chats/writer_place.html", "changed", **view)
    return Response(body)


@blueprint.post("/<int:chat_id>/messages/<int:message_id>/retry")
@needs(Role.EDITOR)
def retry(chat_id: int, message_id: int) -> Response:
    """Send a failed, dead or held message again."""
    now = house().clock()
    by = redrive.By(current_user.id)
    if house().database.write(lambda session: redrive.replay(session, message_id, now, by)):
        work_ready.send(chats=1)
        changed.send(topics={"chats", "dashboard", "failures", f"chat:{chat_id}"})
        answers.notice("It is queued to be sent again.")
    else:
        answers.notice("It has moved on meanwhile: there is nothing to send again.", "bad")
    return again(chat_id)
