"""Requests that write into a chat: texts, files, approved templates, notes of the team."""

import secrets

from flask import Flask, redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.roles import Right
from app.admin.chats import view_model
from app.admin.chats.view_model import build_chat, get_author, respond_with_thread
from app.admin.ui import responses
from app.admin.ui.pages import PageBlueprint
from app.admin.ui.permissions import require_right
from app.admin.ui.responses import show
from app.bot.chats import notes, send
from app.bot.chats.send import OperatorMessage
from app.bot.chats.templates import MAX_VALUE_LENGTH, FillableTemplate, TemplateFormError, fill, render_text
from app.bot.media import uploads
from app.bot.media.uploads import MAX_FILE_BYTES, OperatorMessageError, UploadedFile
from app.channels.content import MAX_TEXT, build_text_content
from app.services import services
from app.signals import DomainError
from app.web import is_fragment_request

blueprint = PageBlueprint("compose", __name__, url_prefix="/chats", section="chats")

# Beside the file: its caption and the form's own fields.
MAX_FORM_BYTES = MAX_FILE_BYTES + 64 * 1024


def init_app(app: Flask) -> None:
    """Let files through to where they belong; before anything else reads the form."""
    app.before_request_funcs.setdefault(None, []).insert(0, _raise_body_limit)


def _raise_body_limit() -> None:
    if request.endpoint == "compose.write":
        request.max_content_length = MAX_FORM_BYTES


@blueprint.post("/<int:chat_id>/messages")
@require_right(Right.WRITE_CHATS)
def write(chat_id: int) -> Response:
    """Send a text or a file, or keep a note for the team; what cannot be sent stays in the form."""
    try:
        if request.form.get("as") == "note":
            _write_note(chat_id)
        else:
            for draft in _read_drafts(chat_id):
                _send(draft)
    except DomainError as error:
        responses.flash_notice(str(error), "bad")
        return respond_with_thread(chat_id, 422)
    return respond_with_thread(chat_id)


@blueprint.get("/<int:chat_id>/templates")
@require_right(Right.WRITE_CHATS)
def show_templates(chat_id: int) -> Response:
    """Show the approved templates, and the form of the one chosen."""
    return _template_page(chat_id)


@blueprint.post("/<int:chat_id>/templates")
@require_right(Right.WRITE_CHATS)
def send_template(chat_id: int) -> Response:
    """Send a filled-in template, which is allowed at any time."""
    try:
        content, words = fill(_get_template(chat_id), request.form)
        _send(OperatorMessage(chat_id, _read_idempotency_key(), content, words))
    except DomainError as error:
        responses.flash_notice(str(error), "bad")
        return _template_page(chat_id, 422)
    return respond_with_thread(chat_id)


def _template_page(chat_id: int, status: int = 200) -> Response:
    chat = view_model.get_chat_or_404(chat_id)
    shapes: list[FillableTemplate] = []
    problem = ""
    try:
        shapes = services().list_templates(chat.connection_id, again="again" in request.args)
    except DomainError as error:
        problem = str(error)
    wanted = request.values.get("template", "")
    offered = [each for each in shapes if not each.unknown_part]
    shape = next((each for each in offered if each.id == wanted), None)
    view = {
        "chat": chat,
        "shapes": offered,
        "withheld": [each for each in shapes if each.unknown_part],
        "problem": problem,
        "shape": shape,
        "given": request.values,
        "preview": render_text(shape, request.values) if shape else "",
        "once": request.form.get("once") or secrets.token_hex(16),
        "max_value": MAX_VALUE_LENGTH,
        "template_help": view_model.get_channel(chat_id).setup.template_help,
    }
    if is_fragment_request():
        part = "preview" if "preview" in request.args else "picker"
        return show("chats/templates.html", part, status=status, **view)
    return show("chats/templates.html", status=status, **{**build_chat(chat_id), **view})


def _get_template(chat_id: int) -> FillableTemplate:
    chat = view_model.get_chat_or_404(chat_id)
    wanted = request.form.get("template", "")
    found = next((each for each in services().list_templates(chat.connection_id) if each.id == wanted), None)
    if found is None:
        raise TemplateFormError("This template is not approved any more: choose another one.")
    return found


def _write_note(chat_id: int) -> None:
    text, now, who = request.form.get("text", ""), services().clock(), get_author()
    services().database.write(lambda session: notes.create(session, chat_id, who, text, now))


def _read_drafts(chat_id: int) -> list[OperatorMessage]:
    """Return what the form says: one message, or a file and its text where WhatsApp shows none below such a file."""
    text = request.form.get("text", "").strip().replace("\r\n", "\n")
    quoted = request.form.get("quoted", "")[:255] or None
    file = request.files.get("file")
    if file is None or not file.filename:
        content = build_text_content(text, link_preview="link_preview" in request.form)
        return [OperatorMessage(chat_id, _read_idempotency_key(), content, text, quoted)]
    limits = view_model.get_channel(chat_id).media_limits
    given = UploadedFile(file.stream, file.filename, file.mimetype)
    key = _read_idempotency_key()
    if len(text) > MAX_TEXT:
        build_text_content(text)  # says how long it may be
    kind, upload = uploads.save(services().files, given, limits)
    content = send.build_file_content(kind, upload, text)
    captioned = "caption" in content
    messages = [OperatorMessage(chat_id, key, content, text if captioned else "", quoted, upload)]
    if text and not captioned:
        messages.append(OperatorMessage(chat_id, f"{key}.text", build_text_content(text), text))
    return messages


def _read_idempotency_key() -> str:
    once = request.form.get("once", "")
    if not 8 <= len(once) <= 64:
        raise OperatorMessageError("The form was too old: load the page again, then send.")
    return once


def _send(draft: OperatorMessage) -> None:
    now = services().clock()
    services().database.write(lambda session: send.send(session, draft, now))


@blueprint.post("/<int:chat_id>/notes/<int:note_id>")
@require_right(Right.WRITE_CHATS)
def change_note(chat_id: int, note_id: int) -> Response:
    """Give a note another text."""
    text, now, who = request.form.get("text", ""), services().clock(), get_author()
    try:
        services().database.write(lambda session: notes.change(session, note_id, who, text, now))
    except DomainError as error:
        responses.flash_notice(str(error), "bad")
        return respond_with_thread(chat_id, 422)
    return respond_with_thread(chat_id)


@blueprint.post("/<int:chat_id>/notes/<int:note_id>/delete")
@require_right(Right.WRITE_CHATS)
def delete_note(chat_id: int, note_id: int) -> Response:
    """Delete a note; the notice brings it back."""
    _set_deleted(note_id, services().clock())
    undo = url_for("compose.restore_note", chat_id=chat_id, note_id=note_id)
    responses.flash_undo("The note is deleted.", undo)
    return respond_with_thread(chat_id)


@blueprint.post("/<int:chat_id>/notes/<int:note_id>/restore")
@require_right(Right.WRITE_CHATS)
def restore_note(chat_id: int, note_id: int) -> Response:
    """Bring a deleted note back."""
    _set_deleted(note_id, None)
    return redirect(url_for("chats.show_chat", chat_id=chat_id))


def _set_deleted(note_id: int, moment: int | None) -> None:
    who = get_author()
    services().database.write(lambda session: notes.set_deleted_at(session, note_id, who, moment))
