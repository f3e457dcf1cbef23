"""Requests for labels and read or unread marks, on one chat or on selected ones; label settings."""

from collections.abc import Callable, Sequence

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.chats import view_model
from app.admin.chats.view_model import TEMPLATE, build_list, respond_with_thread
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint, Target
from app.admin.ui.permissions import require_right
from app.bot.chats import labels, unread
from app.bot.chats.labels import LabelError
from app.services import services
from app.signals import DomainError
from app.text import parse_ids, parse_int64
from app.web import db, is_fragment_request

blueprint = PageBlueprint(
    "labels",
    __name__,
    url_prefix="/chats",
    section="settings",
    targets=(Target("show_list", "tag", "Labels of chats", ("tags", "colours"), order=80),),
)

MAX_CHATS = 500


@blueprint.post("/<int:chat_id>/read")
@require_right(Right.WRITE_CHATS)
def mark_read(chat_id: int) -> tuple[str, int]:
    """Note that a chat was looked at, up to the message last shown."""
    upto = request.form.get("upto", 0, type=parse_int64)
    is_new = services().database.write(lambda session: unread.mark_read(session, chat_id, upto))
    if is_new and (last := unread.find_last_read(db.session(), chat_id, upto)):
        # The person sees it where the connection is set so; a mark of the list alone, without a look, tells nobody.
        services().read_marks.note_opened(*last)
    return "", 204


@blueprint.post("/<int:chat_id>/unread")
@require_right(Right.WRITE_CHATS)
def mark_unread(chat_id: int) -> Response:
    """Have a chat looked at again, and leave it."""
    services().database.write(lambda session: unread.mark_unread(session, [chat_id]))
    responses.flash_notice("It is marked as unread.")
    return redirect(url_for("chats.show_inbox"))


@blueprint.post("/<int:chat_id>/labels")
@require_right(Right.WRITE_CHATS)
def label_one(chat_id: int) -> Response:
    """Put a label on a chat, known or new, or take one off."""
    view_model.get_chat_or_404(chat_id)
    try:
        _label([chat_id])
    except DomainError as error:
        responses.flash_notice(str(error), "bad")
        return respond_with_thread(chat_id, 422)
    return respond_with_thread(chat_id)


@blueprint.post("/marks")
@require_right(Right.WRITE_CHATS)
def mark_many() -> Response:
    """Do one thing to all selected chats: mark them, or put a label on or take it off."""
    ids = parse_ids(request.form.getlist("chat"))[:MAX_CHATS]
    try:
        message = _ACTS.get(request.form.get("act", ""), _label)(ids) if ids else "Choose some chats first."
        responses.flash_notice(message)
    except DomainError as error:
        responses.flash_notice(str(error), "bad")
    responses.refresh_session()
    if not is_fragment_request():
        return redirect(url_for("chats.show_inbox"))
    return responses.show(TEMPLATE, "rows", **build_list(), selected=None)


def _mark_many_read(ids: Sequence[int]) -> str:
    return (
        f"{_format_count(services().database.write(lambda s: unread.mark_all_read(s, ids)))} marked as read."
    )


def _mark_many_unread(ids: Sequence[int]) -> str:
    return (
        f"{_format_count(services().database.write(lambda s: unread.mark_unread(s, ids)))} marked as unread."
    )


def _label(ids: Sequence[int]) -> str:
    form, now = request.form, services().clock()
    off = form.get("off", type=parse_int64)
    if off:
        return (
            f"Removed from {_format_count(services().database.write(lambda s: labels.detach(s, ids, off)))}."
        )
    known, name, colour = form.get("label", type=parse_int64), form.get("name", ""), form.get("colour", "")
    if not known and not name.strip():
        raise LabelError("Choose a label, or write the name of a new one.")

    number = services().database.write(
        lambda s: labels.attach(s, ids, known or labels.create(s, name, colour, now).id)
    )
    return f"Applied to {_format_count(number)}."


def _format_count(number: int) -> str:
    return "1 chat" if number == 1 else f"{number} chats"


_ACTS: dict[str, Callable[[Sequence[int]], str]] = {"read": _mark_many_read, "unread": _mark_many_unread}


@blueprint.get("/labels")
@require_right(Right.READ_BRAINS)
def show_list() -> Response:
    """List the labels to rename, recolour or delete them."""
    return _show_list()


@blueprint.post("/labels")
@require_right(Right.WRITE_BRAINS)
def create() -> Response:
    """Make a label."""
    name, colour, now = request.form.get("name", ""), request.form.get("colour", ""), services().clock()
    return _apply_change(lambda: services().database.write(lambda s: labels.create(s, name, colour, now)))


@blueprint.post("/labels/<int:label_id>")
@require_right(Right.WRITE_BRAINS)
def change(label_id: int) -> Response:
    """Give a label another name or colour."""
    name, colour = request.form.get("name", ""), request.form.get("colour", "")
    return _apply_change(
        lambda: services().database.write(lambda s: labels.change(s, label_id, name, colour))
    )


@blueprint.post("/labels/<int:label_id>/delete")
@require_right(Right.WRITE_BRAINS)
def remove(label_id: int) -> Response:
    """Delete a label; the notice brings it back, with the chats it was on."""
    gone = services().database.write(lambda session: labels.remove(session, label_id))
    if gone:
        label, chats = gone
        value = "\n".join([label.name, label.colour, *map(str, chats)])
        responses.flash_undo(f"“{label.name}” is deleted.", url_for("labels.restore"), value)
    return redirect(url_for("labels.show_list"))


@blueprint.post("/labels/restore")
@require_right(Right.WRITE_BRAINS)
def restore() -> Response:
    """Bring a deleted label back to its chats."""
    name, _, rest = request.form.get("value", "").partition("\n")
    colour, *chats = rest.split() or [""]
    now, ids = services().clock(), parse_ids(chats)
    services().database.write(lambda s: labels.attach(s, ids, labels.create(s, name, colour, now).id))
    return redirect(url_for("labels.show_list"))


def _apply_change(act: Callable[[], object]) -> Response:
    try:
        act()
    except DomainError as error:
        return _show_list(str(error), 422)
    return redirect(url_for("labels.show_list"))


def _show_list(problem: str = "", status: int = 200) -> Response:
    responses.refresh_session()
    return responses.show(
        "chats/labels.html",
        status=status,
        labels=labels.list_labels(db.session()),
        counts=labels.count_chats(db.session()),
        colours=labels.COLOURS,
        problem=problem,
        given=request.form,
    )
