"""“Why?” beside a message: what became of it, and the one thing that helps."""

from flask import Blueprint, abort, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import bench, traces
from app.admin.answers import show
from app.admin.guard import needs
from app.bot import explaining, tracing
from app.bot.explanation import Explanation
from app.bot.models import Message
from app.brains import versions
from app.brains.models import Brain
from app.web import db, house

blueprint = Blueprint("explaining", __name__, url_prefix="/chats/<int:chat_id>/messages/<int:message_id>")

TONES = {"answered": "good", "duplicate": "good", "waiting": "quiet", "error": "bad", "limit": "bad"}
DOORS = {
    "command": "Open the command",
    "versions": "See its versions",
    "chat": "Open the chat",
    "connection": "Open the connection",
}


@blueprint.get("/why")
@needs(Role.VIEWER)
def why(chat_id: int, message_id: int) -> Response:
    """Say why a message was or was not answered, and what happened when; of an answer, that of its question."""
    session = db.session()
    message = session.get(Message, message_id)
    if message is None or message.chat_id != chat_id:
        abort(404)
    stale_after = int(house().settings.stale_after_seconds * 1000)
    # An answer is explained by the message it answers.
    found = explaining.explain(session, message.parent_id or message_id, stale_after, house().clock())
    trace = tracing.trace(session, message_id)
    if trace is None:
        abort(404)
    brain = versions.get_brain(session, found.brain_id) if found and found.brain_id else None
    asked = bool(request.args.get("again")) and current_user.may(Role.EDITOR)
    return show(
        "why.html",
        "why",
        message=message,
        found=found,
        tone=TONES.get(found.cause, "warn") if found else "",
        door=_door(found, brain, message) if found else "",
        door_word=DOORS.get(found.place, "") if found else "",
        repeated=traces.repeat(trace) if asked else None,
        **traces.told(trace),
    )


def _door(found: Explanation, brain: Brain | None, message: Message) -> str:
    """Return the address of the page where something can be done; empty when there is none for this person."""
    if found.place == "chat":
        return url_for("chats.chat", chat_id=message.chat_id)
    if found.place == "connection":
        may = current_user.may(Role.OWNER)
        return url_for("connections.edit", connection_id=message.connection_id) if may else ""
    if brain is None or brain.archived_at is not None:
        return ""
    if found.place == "versions":
        return url_for("publishing.history", slug=brain.slug)
    known = found.command_id is not None and bench.stored_command(brain, found.command_id) is not None
    if found.place == "command" and known:
        return url_for("commands.command", slug=brain.slug, command_id=found.command_id)
    return url_for("brains.workbench", slug=brain.slug)
