"""Pages of saved replies: list, create, change, delete with undo; what the reply box finds after “/”."""

from collections.abc import Callable

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.bot.chats import saved_replies
from app.services import services
from app.signals import DomainError
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "saved_replies",
    __name__,
    url_prefix="/chats/replies",
    section="settings",
    targets=(Target("show_list", "message", "Saved replies", ("canned", "snippets", "macros"), order=85),),
)

TEMPLATE = "chats/saved_replies.html"


@blueprint.get("/")
@require_right(Right.READ_CHATS)
def show_list() -> Response:
    """List the saved replies to change or delete them."""
    return _show_list()


@blueprint.get("/find")
@require_right(Right.WRITE_CHATS)
def find() -> Response:
    """Return the replies that match what was typed after “/”, for the reply box."""
    if not is_fragment_request():
        return redirect(url_for("saved_replies.show_list"))
    words = request.args.get("q", "")[: saved_replies.MAX_NAME]
    found = saved_replies.find_replies(db.session(), words)
    return responses.show(TEMPLATE, "found", found=found, words=words)


@blueprint.post("/")
@require_right(Right.WRITE_BRAINS)
def create() -> Response:
    """Create a saved reply."""
    name, text, now = request.form.get("name", ""), request.form.get("text", ""), services().clock()
    return _apply_change(
        lambda: services().database.write(lambda s: saved_replies.create(s, name, text, now))
    )


@blueprint.post("/<int:reply_id>")
@require_right(Right.WRITE_BRAINS)
def change(reply_id: int) -> Response:
    """Give a saved reply another name or text."""
    name, text = request.form.get("name", ""), request.form.get("text", "")
    return _apply_change(
        lambda: services().database.write(lambda s: saved_replies.change(s, reply_id, name, text)), reply_id
    )


@blueprint.post("/<int:reply_id>/delete")
@require_right(Right.WRITE_BRAINS)
def remove(reply_id: int) -> Response:
    """Delete a saved reply; the notice brings it back."""
    gone = services().database.write(lambda session: saved_replies.remove(session, reply_id))
    if gone:
        undo = url_for("saved_replies.restore")
        responses.flash_undo(f"“{gone.name}” is deleted.", undo, f"{gone.name}\n{gone.text}")
    return redirect(url_for("saved_replies.show_list"))


@blueprint.post("/restore")
@require_right(Right.WRITE_BRAINS)
def restore() -> Response:
    """Bring a deleted saved reply back."""
    name, _, text = request.form.get("value", "").replace("\r\n", "\n").partition("\n")
    now = services().clock()
    return _apply_change(
        lambda: services().database.write(lambda s: saved_replies.create(s, name, text, now))
    )


def _apply_change(act: Callable[[], object], reply_id: int = 0) -> Response:
    try:
        act()
    except DomainError as error:
        return _show_list(str(error), 422, reply_id)
    responses.flash_notice("Saved.")
    return redirect(url_for("saved_replies.show_list"))


def _show_list(problem: str = "", status: int = 200, reply_id: int = 0) -> Response:
    """Show the page; `reply_id`: the reply whose change was refused, 0 = a new one."""
    responses.refresh_session()
    return responses.show(
        TEMPLATE,
        status=status,
        replies=saved_replies.list_replies(db.session()),
        problem=problem,
        wrong=reply_id,
        given=request.form,
    )
