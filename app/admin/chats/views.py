"""Inbox pages: list, search, thread, unread count, send again."""

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.chats import view_model
from app.admin.chats.view_model import TEMPLATE, build_chat, build_contact, build_list, respond_with_thread
from app.admin.ui import responses
from app.admin.ui.marks import render_excerpt
from app.admin.ui.pages import MenuItem, PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import render_fragment, show
from app.bot.chats import listing
from app.bot.failures import redrive
from app.services import services
from app.text import parse_int64
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "chats",
    __name__,
    url_prefix="/chats",
    targets=(
        Target(
            "show_inbox",
            "messages",
            "Chats",
            ("inbox", "messages", "conversations"),
            order=50,
            menu=MenuItem("g c", badge_template="chats/window.html"),
        ),
    ),
)
blueprint.add_app_template_global(render_excerpt, "excerpt")


@blueprint.app_template_global("chat_counts")
def count_chats() -> listing.ChatCounts:
    """Count what waits for somebody, for the menu of every page."""
    return listing.count_by_state(db.session())


@blueprint.get("/")
@require_right(Right.READ_CHATS)
def show_inbox() -> Response:
    """Show the list of chats, or the next page of what a search found."""
    part = "more" if request.args.get("before") else "rows"
    return show(TEMPLATE, part, **build_list(), selected=None)


@blueprint.get("/waiting")
@require_right(Right.READ_CHATS)
def show_unread_count() -> Response:
    """Return how many chats are unread, for the menu."""
    if not is_fragment_request():
        return redirect(url_for("chats.show_inbox", state="unread"))
    counts = listing.count_by_state(db.session())
    return Response(render_fragment("chats/window.html", "waiting", counts=counts), mimetype="text/html")


@blueprint.get("/<int:chat_id>")
@require_right(Right.READ_CHATS)
def show_chat(chat_id: int) -> Response:
    """Show one chat beside the list."""
    if is_fragment_request():
        return show(
            TEMPLATE, "detail", **build_chat(chat_id), query=view_model.to_url_args(view_model.read_query())
        )
    return show(TEMPLATE, **{**build_list(), **build_chat(chat_id)})


@blueprint.get("/<int:chat_id>/thread")
@require_right(Right.READ_CHATS)
def show_thread(chat_id: int) -> Response:
    """Return the thread alone, for live updates and for reading further; the field to write in when it changes."""
    if not is_fragment_request():
        start, end = (request.args.get(name, type=parse_int64) for name in ("start", "end"))
        return redirect(url_for("chats.show_chat", chat_id=chat_id, start=start, end=end))
    view = build_chat(chat_id)
    body = render_fragment(TEMPLATE, "thread", **view) + render_fragment("ui/notices.html", "fresh")
    if request.args.get("writing") not in {None, view["writing"]}:
        body += render_fragment("chats/composer_slot.html", "changed", **view)
    return Response(body, mimetype="text/html")


@blueprint.get("/<int:chat_id>/contact")
@require_right(Right.READ_CHATS)
def show_contact(chat_id: int) -> Response:
    """Return the contact panel alone, for live updates."""
    if not is_fragment_request():
        return redirect(url_for("chats.show_chat", chat_id=chat_id))
    facts = render_fragment("chats/contact.html", "facts", **build_contact(chat_id))
    return Response(facts, mimetype="text/html")


@blueprint.post("/<int:chat_id>/messages/<int:message_id>/retry")
@require_right(Right.WRITE_CHATS)
def retry(chat_id: int, message_id: int) -> Response:
    """Send a failed, dead or held message again."""
    now = services().clock()
    by = redrive.Actor(current_user.id)
    if services().database.write(lambda session: redrive.retry(session, message_id, now, by)):
        responses.flash_notice("It is queued to be sent again.")
    else:
        responses.flash_notice("Its state has changed meanwhile: there is nothing to send again.", "bad")
    return respond_with_thread(chat_id)
