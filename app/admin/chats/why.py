"""“Why?” panel of a message: shows the explanation with a tone and a link (its texts: app/bot/explain)."""

from flask import abort, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.chats import trace as chats_trace
from app.admin.ui.pages import PageBlueprint, is_allowed
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.admin.workbench import view_model
from app.bot.explain import explain, timeline
from app.bot.explain.explanation import Explanation
from app.bot.models import Message
from app.brains.versions import store
from app.brains.versions.models import Brain
from app.services import services
from app.web import db

blueprint = PageBlueprint(
    "why", __name__, url_prefix="/chats/<int:chat_id>/messages/<int:message_id>", section="chats"
)

TONES = {"answered": "good", "duplicate": "good", "waiting": "quiet", "error": "bad", "limit": "bad"}
LINK_LABELS = {
    "command": "Open the command",
    "versions": "See its versions",
    "chat": "Open the chat",
    "message": "See the answer",
    "connection": "Open the connection",
}


@blueprint.get("/why")
@require_right(Right.READ_BRAINS)
def show_why(chat_id: int, message_id: int) -> Response:
    """Say why a message was or was not answered, and what happened when; of an answer, that of its question."""
    session = db.session()
    message = session.get(Message, message_id)
    if message is None or message.chat_id != chat_id:
        abort(404)
    stale_after = int(services().settings.stale_after_seconds * 1000)
    # An answer is explained by the message it answers.
    found = explain.explain(session, message.parent_id or message_id, stale_after, services().clock())
    trace = timeline.build_timeline(session, message_id)
    if trace is None:
        abort(404)
    brain = store.get_brain(session, found.brain_id) if found and found.brain_id else None
    asked = bool(request.args.get("again")) and current_user.has_right(Right.WRITE_BRAINS)
    return show(
        "chats/why.html",
        "why",
        message=message,
        found=found,
        tone=TONES.get(found.cause, "warn") if found else "",
        link_url=_build_link_url(found, brain, message) if found else "",
        link_label=LINK_LABELS.get(found.action_target, "") if found else "",
        repeated=chats_trace.rerun(trace) if asked else None,
        **chats_trace.build_context(trace),
    )


def _build_link_url(found: Explanation, brain: Brain | None, message: Message) -> str:
    """Return the address of the page where something can be done; empty when there is none for this person."""
    match found.action_target:
        case "chat":
            return url_for("chats.show_chat", chat_id=message.chat_id)
        case "message":
            return url_for("why.show_why", chat_id=message.chat_id, message_id=found.message_id)
        case "connection":
            may = is_allowed("connections.edit")
            return url_for("connections.edit", connection_id=message.connection_id) if may else ""
        case _:
            return _build_brain_url(found, brain) if brain and brain.archived_at is None else ""


def _build_brain_url(found: Explanation, brain: Brain) -> str:
    """Return the address of what helps in a brain: its versions, the command, or the brain itself."""
    if found.action_target == "versions":
        return url_for("publish.list_versions", slug=brain.slug)
    known = found.command_id is not None and view_model.find_command(brain, found.command_id) is not None
    if found.action_target == "command" and known:
        return url_for("commands.show_command", slug=brain.slug, command_id=found.command_id)
    return url_for("brains.show_workbench", slug=brain.slug)
