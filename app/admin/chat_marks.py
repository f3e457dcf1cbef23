"""Marks on chats: read and unread, and labels; on one chat or on many at once."""

from collections.abc import Callable, Sequence

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, chat_view
from app.admin.chat_view import PAGE_NAME, again, listed
from app.admin.guard import needs
from app.bot import labels, unread
from app.bot.labels import LabelRefused
from app.signals import DomainError, changed
from app.web import db, house, partial

blueprint = Blueprint("chat_marks", __name__, url_prefix="/chats")

MOST = 500


@blueprint.post("/<int:chat_id>/read")
@needs(Role.EDITOR)
def read(chat_id: int) -> tuple[str, int]:
    """Note that a chat was looked at, up to the message last shown."""
    upto = request.form.get("upto", 0, type=int)
    if house().database.write(lambda session: unread.mark_read(session, chat_id, upto)):
        changed.send(topics={"chats"})
    return "", 204


@blueprint.post("/<int:chat_id>/unread")
@needs(Role.EDITOR)
def mark_unread(chat_id: int) -> Response:
    """Have a chat looked at again, and leave it."""
    house().database.write(lambda session: unread.mark_unread(session, [chat_id]))
    changed.send(topics={"chats"})
    answers.notice("It is marked as unread.")
    return redirect(url_for("chats.inbox"))


@blueprint.post("/<int:chat_id>/labels")
@needs(Role.EDITOR)
def label_one(chat_id: int) -> Response:
    """Put a label on a chat, known or new, or take one off."""
    chat_view.chat_or_404(chat_id)
    try:
        _label([chat_id])
    except DomainError as error:
        answers.notice(str(error), "bad")
        return again(chat_id, 422)
    changed.send(topics={"chats", f"chat:{chat_id}"})
    return again(chat_id)


@blueprint.post("/marks")
@needs(Role.EDITOR)
def mark_many() -> Response:
    """Do one thing to all selected chats: mark them, or put a label on or take it off."""
    ids = [int(each) for each in request.form.getlist("chat") if each.isdecimal()][:MOST]
    try:
        message = _ACTS.get(request.form.get("act", ""), _label)(ids) if ids else "Choose some chats first."
        answers.notice(message)
    except DomainError as error:
        answers.notice(str(error), "bad")
    changed.send(topics={"chats", *(f"chat:{each}" for each in ids)})
    answers.look_again()
    if not partial():
        return redirect(url_for("chats.inbox"))
    return answers.show(PAGE_NAME, "rows", **listed(), selected=None)


def _read(ids: Sequence[int]) -> str:
    return f"{_chats(house().database.write(lambda s: unread.mark_all_read(s, ids)))} marked as read."


def _unread(ids: Sequence[int]) -> str:
    return f"{_chats(house().database.write(lambda s: unread.mark_unread(s, ids)))} marked as unread."


def _label(ids: Sequence[int]) -> str:
    form, now = request.form, house().clock()
    off = form.get("off", type=int)
    if off:
        return f"Taken off {_chats(house().database.write(lambda s: labels.take(s, ids, off)))}."
    known, name, colour = form.get("label", type=int), form.get("name", ""), form.get("colour", "")
    if not known and not name.strip():
        raise LabelRefused("Choose a label, or write the name of a new one.")

    number = house().database.write(
        lambda s: labels.put(s, ids, known or labels.make(s, name, colour, now).id)
    )
    return f"Put on {_chats(number)}."


def _chats(number: int) -> str:
    return "1 chat" if number == 1 else f"{number} chats"


_ACTS: dict[str, Callable[[Sequence[int]], str]] = {"read": _read, "unread": _unread}


@blueprint.get("/labels")
@needs(Role.EDITOR)
def overview() -> Response:
    """List the labels to rename, recolour or delete them."""
    return _overview()


@blueprint.post("/labels")
@needs(Role.EDITOR)
def make() -> Response:
    """Make a label."""
    name, colour, now = request.form.get("name", ""), request.form.get("colour", ""), house().clock()
    return _changed(lambda: house().database.write(lambda s: labels.make(s, name, colour, now)))


@blueprint.post("/labels/<int:label_id>")
@needs(Role.EDITOR)
def change(label_id: int) -> Response:
    """Give a label another name or colour."""
    name, colour = request.form.get("name", ""), request.form.get("colour", "")
    return _changed(lambda: house().database.write(lambda s: labels.change(s, label_id, name, colour)))


@blueprint.post("/labels/<int:label_id>/delete")
@needs(Role.EDITOR)
def remove(label_id: int) -> Response:
    """Delete a label; the notice brings it back, with the chats it was on."""
    gone = house().database.write(lambda session: labels.remove(session, label_id))
    if gone:
        label, chats = gone
        value = "\n".join([label.name, label.colour, *map(str, chats)])
        answers.undoable(f"“{label.name}” is deleted.", url_for("chat_marks.restore"), value)
    changed.send(topics={"chats"})
    return redirect(url_for("chat_marks.overview"))


@blueprint.post("/labels/restore")
@needs(Role.EDITOR)
def restore() -> Response:
    """Bring a deleted label back to its chats."""
    name, _, rest = request.form.get("value", "").partition("\n")
    colour, *chats = rest.split()
    now, ids = house().clock(), [int(each) for each in chats if each.isdecimal()]
    house().database.write(lambda s: labels.put(s, ids, labels.make(s, name, colour, now).id))
    changed.send(topics={"chats"})
    return redirect(url_for("chat_marks.overview"))


def _changed(act: Callable[[], object]) -> Response:
    try:
        act()
    except DomainError as error:
        return _overview(str(error), 422)
    changed.send(topics={"chats"})
    return redirect(url_for("chat_marks.overview"))


def _overview(trouble: str = "", status: int = 200) -> Response:
    answers.look_again()
    return answers.show(
        "chats/labels.html",
        status=status,
        labels=labels.list_labels(db.session()),
        colours=labels.COLOURS,
        trouble=trouble,
        given=request.form,
    )
