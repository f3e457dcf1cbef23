"""Writing into a chat: texts, files, approved templates and notes for the team."""

import secrets

from flask import Blueprint, Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import Role
from app.admin import answers, chat_view
from app.admin.answers import show
from app.admin.chat_view import again, author, opened
from app.admin.guard import needs
from app.bot import bot, notes, unread, uploading, writing
from app.bot.content import text_content
from app.bot.template_forms import MAX_VALUE, Shape, TemplateRefused, fill, wording
from app.bot.uploading import MAX_FILE
from app.bot.writing import Draft, WritingRefused
from app.signals import DomainError, changed, work_ready
from app.web import house, partial

blueprint = Blueprint("chat_writing", __name__, url_prefix="/chats")

# Beside the file: its caption and the form's own fields.
MAX_FORM = MAX_FILE + 64 * 1024


def init_app(app: Flask) -> None:
    """Let files through to where they belong; before anything else reads the form."""
    app.before_request_funcs.setdefault(None, []).insert(0, _let_files_in)


def _let_files_in() -> None:
    if request.endpoint == "chat_writing.write":
        request.max_content_length = MAX_FORM


@blueprint.post("/<int:chat_id>/messages")
@needs(Role.EDITOR)
def write(chat_id: int) -> Response:
    """Send a text or a file, or keep a note for the team; what cannot be sent stays in the form."""
    try:
        if request.form.get("as") == "note":
            _note(chat_id)
        else:
            _send(_draft(chat_id))
    except DomainError as error:
        answers.notice(str(error), "bad")
        return again(chat_id, 422)
    return again(chat_id)


@blueprint.get("/<int:chat_id>/templates")
@needs(Role.EDITOR)
def templates(chat_id: int) -> Response:
    """Show the approved templates, and the form of the one chosen."""
    return _template_page(chat_id)


@blueprint.post("/<int:chat_id>/templates")
@needs(Role.EDITOR)
def send_template(chat_id: int) -> Response:
    """Send a filled-in template, which is allowed at any time."""
    try:
        content, words = fill(_chosen(chat_id), request.form)
        _send(Draft(chat_id, _once(), content, words))
    except DomainError as error:
        answers.notice(str(error), "bad")
        return _template_page(chat_id, 422)
    return again(chat_id)


def _template_page(chat_id: int, status: int = 200) -> Response:
    chat = chat_view.chat_or_404(chat_id)
    shapes: list[Shape] = []
    trouble = ""
    try:
        shapes = bot().templates(chat.connection_id, again="again" in request.args)
    except DomainError as error:
        trouble = str(error)
    wanted = request.values.get("template", "")
    shape = next((each for each in shapes if each.id == wanted), None)
    view = {
        "chat": chat,
        "shapes": shapes,
        "trouble": trouble,
        "shape": shape,
        "given": request.values,
        "preview": wording(shape, request.values) if shape else "",
        "once": request.form.get("once") or secrets.token_hex(16),
        "max_value": MAX_VALUE,
    }
    if partial():
        part = "preview" if "preview" in request.args else "picker"
        return show("chats/templates.html", part, status=status, **view)
    return show("chats/templates.html", status=status, **{**opened(chat_id), **view})


def _chosen(chat_id: int) -> Shape:
    chat = chat_view.chat_or_404(chat_id)
    wanted = request.form.get("template", "")
    found = next((each for each in bot().templates(chat.connection_id) if each.id == wanted), None)
    if found is None:
        raise TemplateRefused("This template is not approved any more: choose another one.")
    return found


def _note(chat_id: int) -> None:
    text, now, who = request.form.get("text", ""), house().clock(), author()
    house().database.write(lambda session: notes.write(session, chat_id, who, text, now))
    changed.send(topics={f"chat:{chat_id}"})


def _draft(chat_id: int) -> Draft:
    text = request.form.get("text", "").strip().replace("\r\n", "\n")
    quoted = request.form.get("quoted", "")[:255] or None
    file = request.files.get("file")
    if file is None or not file.filename:
        return Draft(chat_id, _once(), text_content(text), text, quoted)
    kind, upload = uploading.take(bot().files, file.stream, file.filename, file.mimetype)
    return Draft(chat_id, _once(), writing.file_content(kind, upload, text), text, quoted, upload)


def _once() -> str:
    once = request.form.get("once", "")
    if not 8 <= len(once) <= 64:
        raise WritingRefused("The form was too old: load the page again, then send.")
    return once


def _send(draft: Draft) -> None:
    now = house().clock()
    message_id = house().database.write(lambda session: writing.send(session, draft, now))
    # Who answers has read.
    house().database.write(lambda session: unread.mark_read(session, draft.chat_id, message_id))
    work_ready.send(chats=1)
    changed.send(topics={"chats", "dashboard", f"chat:{draft.chat_id}"})


@blueprint.post("/<int:chat_id>/notes/<int:note_id>")
@needs(Role.EDITOR)
def change_note(chat_id: int, note_id: int) -> Response:
    """Give a note another text."""
    text, now, who = request.form.get("text", ""), house().clock(), author()
    try:
        house().database.write(lambda session: notes.change(session, note_id, who, text, now))
    except DomainError as error:
        answers.notice(str(error), "bad")
        return again(chat_id, 422)
    changed.send(topics={f"chat:{chat_id}"})
    return again(chat_id)


@blueprint.post("/<int:chat_id>/notes/<int:note_id>/delete")
@needs(Role.EDITOR)
def delete_note(chat_id: int, note_id: int) -> Response:
    """Delete a note; the notice brings it back."""
    _put_away(chat_id, note_id, house().clock())
    undo = url_for("chat_writing.restore_note", chat_id=chat_id, note_id=note_id)
    answers.undoable("The note is deleted.", undo)
    return again(chat_id)


@blueprint.post("/<int:chat_id>/notes/<int:note_id>/restore")
@needs(Role.EDITOR)
def restore_note(chat_id: int, note_id: int) -> Response:
    """Bring a deleted note back."""
    _put_away(chat_id, note_id, None)
    return redirect(url_for("chats.chat", chat_id=chat_id))


def _put_away(chat_id: int, note_id: int, moment: int | None) -> None:
    who = author()
    house().database.write(lambda session: notes.put_away(session, note_id, who, moment))
    changed.send(topics={f"chat:{chat_id}"})
