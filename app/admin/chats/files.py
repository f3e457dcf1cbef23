"""Downloads from chats: media files (how they are served), another fetch, export of a whole chat."""

import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

from flask import Blueprint, Response, abort, request, send_file, stream_template
from werkzeug.wrappers import Response as Answer

from app.accounts.roles import Right
from app.admin.chats import view_model
from app.admin.ui import responses
from app.admin.ui.permissions import require_right
from app.bot.chats import export as chats_export
from app.bot.chats import listing
from app.bot.media import attachments, downloads
from app.bot.models import Message
from app.files import clean_file_name
from app.services import services
from app.web import db

blueprint = Blueprint("chat_files", __name__, url_prefix="/chats")

# A file was made by a stranger: whatever it is, it may do nothing in the browser.
SANDBOX_CSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
YEAR_S = 365 * 86_400


@blueprint.get("/<int:chat_id>/messages/<int:message_id>/file")
@require_right(Right.READ_CHATS)
def send_attachment(chat_id: int, message_id: int) -> Answer:
    """Send the file of a message: shown when browsers know its type, else to be saved. Parts of it on request."""
    message = db.session.get(Message, message_id)
    found = attachments.find(db.session(), message_id) if message and message.chat_id == chat_id else None
    path = services().files.find_path(found.sha256) if found and found.sha256 else None
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
    answer.headers["Content-Security-Policy"] = SANDBOX_CSP
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["Cache-Control"] = f"private, max-age={YEAR_S}, immutable"
    return answer


@blueprint.post("/<int:chat_id>/messages/<int:message_id>/file")
@require_right(Right.WRITE_CHATS)
def fetch_again(chat_id: int, message_id: int) -> Answer:
    """Try to fetch a file once more."""
    message = db.session.get(Message, message_id)
    if message is None or message.chat_id != chat_id:
        abort(404)
    now = services().clock()
    if services().database.write(lambda session: downloads.requeue(session, message_id, now)):
        responses.flash_notice("It is fetched once more.")
    else:
        responses.flash_notice("There is nothing to fetch.", "bad")
    return view_model.respond_with_thread(chat_id)


@blueprint.get("/<int:chat_id>/export.<form>")
@require_right(Right.WRITE_BRAINS)
def export(chat_id: int, form: str) -> Answer:
    """Send a whole chat as JSON, CSV or a page to read."""
    line = listing.get_chat(db.session(), chat_id) or abort(404)
    if form == "html":
        return _export_html(line)
    if form not in chats_export.FORMATS:
        abort(404)
    kind, write = chats_export.FORMATS[form]
    database = services().database

    def pieces() -> Iterator[str]:
        with database.read() as session:
            yield from write(session, line)

    return _set_download_headers(Response(pieces(), mimetype=kind), line, form)


def _export_html(line: listing.ChatListItem) -> Answer:
    database = services().database

    def rows() -> Iterator[dict[str, object]]:
        with database.read() as session:
            yield from chats_export.read_rows(session, line.chat.id)

    page = stream_template("chats/export.html", line=line, rows=rows(), at=services().clock())
    return _set_download_headers(Response(page, mimetype="text/html"), line, "html")


def _set_download_headers(answer: Response, line: listing.ChatListItem, form: str) -> Response:
    name = f"{clean_file_name(line.name, 100) or 'chat'}-{line.chat.id}.{form}"
    answer.headers.set("Content-Disposition", "attachment", **build_disposition_names(name))
    answer.headers["Content-Security-Policy"] = SANDBOX_CSP
    return answer


def build_disposition_names(name: str) -> dict[str, str]:
    """Return the names of a download: in its script (RFC 5987), and in ASCII for old browsers."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    if plain == name:
        return {"filename": name}
    return {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='')}"}


def _name(found: attachments.Attachment) -> str:
    ending = found.mime.rpartition("/")[2].partition("+")[0]
    return clean_file_name(found.filename) or f"file-{found.message_id}.{ending or 'bin'}"
