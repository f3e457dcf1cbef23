"""Take over, extend and resume: requests that pause or resume the bot in a chat."""

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.chats import view_model
from app.admin.chats.view_model import respond_with_thread
from app.admin.ui import responses
from app.admin.ui.permissions import require_right
from app.bot import handoff
from app.clock import MINUTE_MS
from app.services import services
from app.text import parse_int64

blueprint = Blueprint("handoff", __name__, url_prefix="/chats")

MAX_PAUSE_MINUTES = 7 * 24 * 60  # minutes: a week, as for a connection


@blueprint.post("/<int:chat_id>/pause")
@require_right(Right.WRITE_CHATS)
def pause(chat_id: int) -> Response:
    """Let the brain be silent in a chat, because a person answers; for some minutes or until it is resumed."""
    now, until = services().clock(), _until()
    if handoff.pause(
        services().database, chat_id, f"{view_model.get_operator_name()} has paused it.", now, until
    ):
        how_long = f"for {_minutes()} minutes" if until else "until you resume it"
        responses.flash_undo(
            f"The bot is silent in this chat {how_long}.",
            url_for("handoff.resume", chat_id=chat_id),
            while_shown=_select_thread(chat_id, "paused"),
        )
    return respond_with_thread(chat_id)


@blueprint.post("/<int:chat_id>/stay")
@require_right(Right.WRITE_CHATS)
def extend_pause(chat_id: int) -> Response:
    """Let a pause end later, or not by itself."""
    if not handoff.set_end(services().database, chat_id, _until()):
        responses.flash_notice("The bot has been resumed meanwhile: pause it again.", "bad")
    return respond_with_thread(chat_id)


@blueprint.post("/<int:chat_id>/resume")
@require_right(Right.WRITE_CHATS)
def resume(chat_id: int) -> Response:
    """Let the brain answer again."""
    if handoff.resume(services().database, chat_id):
        responses.flash_notice(
            "The bot answers here again, from the next message on.",
            while_shown=_select_thread(chat_id, "answering"),
        )
    return respond_with_thread(chat_id)


def _select_thread(chat_id: int, bot: str) -> str:
    """Return the selector of a thread whose bot is paused | answering."""
    return f"#thread[data-chat='{chat_id}'][data-bot='{bot}']"


def _minutes() -> int:
    return min(max(request.form.get("minutes", 0, type=parse_int64), 0), MAX_PAUSE_MINUTES)


def _until() -> int | None:
    """Return the moment the form asks for (ms); None = until somebody says so."""
    minutes = _minutes()
    return services().clock() + minutes * MINUTE_MS if minutes else None
