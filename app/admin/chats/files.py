"""Files of chats: what came or went with messages, and whole chats to take away."""

from collections.abc import Iterator

from flask import Blueprint, Response, abort, request, send_file, stream_template
from werkzeug.utils import secure_filename
from werkzeug.wrappers import Response as Answer

from app.accounts import Role
from app.admin import answers, chat_view
from app.admin.guard import needs
from app.bot import attachments, bot, chats, exporting, media_store
from app.bot.models import Message
from app.signals import changed
from app.web import db, house

blueprint = Blueprint("chat_files", __name__, url_prefix="/chats")

# A file was made by a stranger: whatever it is, it may do nothing in the browser.
HARMLESS = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
YEAR = 365 * 86_400


@blueprint.get("/<int:chat_id>/messages/<int:message_id>/file")
@needs(Role.VIEWER)
def file(chat_id: int, message_id: int) -> Answer:
    """Send the file of a message: shown when browsers know its type, else to be saved. Parts of it on request."""
    message = db.session.get(Message, message_id)
    found = attachments.get(db.session(), message_id) if message and message.chat_id == chat_id else None
    path = bot().files.path(found.sha256) if found and found.sha256 else None
    if found is None or path is None:
        abort(404)
    shown = found.shape != "file" and "save" not in request.args
    answer = send_file(
        path,
        mimetype=found.mime if shown else "application/octet-stream",
        as_attachment=not shown,
        download_name=_name(found),
        conditional=True,
        etag=found.sha256 or False,
    )
    answer.headers["Content-Security-Policy"] = HARMLESS
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["Cache-Control"] = f"private, max-age={YEAR}, immutable"
    return answer


@blueprint.post("/<int:chat_id>/messages/<int:message_id>/file")
@needs(Role.EDITOR)
def fetch_again(chat_id: int, message_id: int) -> Answer:
    """Try to fetch a file once more."""
    message = db.session.get(Message, message_id)
    if message is None or message.chat_id != chat_id:
        abort(404)
    now = house().clock()
    if house().database.write(lambda session: media_store.want_again(session, message_id, now)):
        answers.notice("It is fetched once more.")
        changed.send(topics={f"chat:{chat_id}"})
    else:
        answers.notice("There is nothing to fetch.", "bad")
    return chat_view.again(chat_id)


@blueprint.get("/<int:chat_id>/export.<form>")
@needs(Role.EDITOR)
def export(chat_id: int, form: str) -> Answer:
    """Send a whole chat as JSON, CSV or a page to read."""
    line = chats.get_chat(db.session(), chat_id) or abort(404)
    if form == "html":
        return _readable(line)
    if form not in exporting.FORMATS:
        abort(404)
    kind, write = exporting.FORMATS[form]
    database = house().database

    def pieces() -> Iterator[str]:
        with database.read() as session:
            yield from write(session, line)

    return _saved(Response(pieces(), mimetype=kind), line, form)


def _readable(line: chats.ChatLine) -> Answer:
    database = house().database

    def rows() -> Iterator[dict[str, object]]:
        with database.read() as session:
            yield from exporting.rows(session, line.chat.id)

    page = stream_template("chats/export.html", line=line, rows=rows(), at=house().clock())
    return _saved(Response(page, mimetype="text/html"), line, "html")


def _saved(answer: Response, line: chats.ChatLine, form: str) -> Response:
    name = secure_filename(line.name) or "chat"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}-{line.chat.id}.{form}"'
    answer.headers["Content-Security-Policy"] = HARMLESS
    return answer


def _name(found: attachments.Attachment) -> str:
    ending = found.mime.rpartition("/")[2].partition("+")[0]
    return secure_filename(found.filename) or f"file-{found.message_id}.{ending or 'bin'}"
