"""Taking over a chat: the bot is silent there for a while, or until somebody lets it answer again."""

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, chat_view
from app.admin.chat_view import again
from app.admin.guard import needs
from app.bot import handoff
from app.web import house

blueprint = Blueprint("takeover", __name__, url_prefix="/chats")

MINUTE = 60_000
MOST = 7 * 24 * 60  # minutes: a week, as for a connection


@blueprint.post("/<int:chat_id>/pause")
@needs(Role.EDITOR)
def pause(chat_id: int) -> Response:
    """Let the brain be silent in a chat, because a person answers; for some minutes or until it is resumed."""
    now, until = house().clock(), _until()
    if handoff.pause(house().database, chat_id, f"{chat_view.somebody()} has paused it.", now, until):
        how_long = f"for {_minutes()} minutes" if until else "until you resume it"
        answers.undoable(
            f"The bot is silent in this chat {how_long}.", url_for("takeover.resume", chat_id=chat_id)
        )
    return again(chat_id)


@blueprint.post("/<int:chat_id>/stay")
@needs(Role.EDITOR)
def stay(chat_id: int) -> Response:
    """Let a pause end later, or not by itself."""
    if not handoff.stay(house().database, chat_id, _until()):
        answers.notice("The bot has been resumed meanwhile: pause it again.", "bad")
    return again(chat_id)


@blueprint.post("/<int:chat_id>/resume")
@needs(Role.EDITOR)
def resume(chat_id: int) -> Response:
    """Let the brain answer again."""
    if handoff.resume(house().database, chat_id):
        answers.notice("The bot answers here again, from the next message on.")
    return again(chat_id)


def _minutes() -> int:
    return min(max(request.form.get("minutes", 0, type=int), 0), MOST)


def _until() -> int | None:
    """Return the moment the form asks for (ms); None = until somebody says so."""
    minutes = _minutes()
    return house().clock() + minutes * MINUTE if minutes else None
