"""A chat as a file: every message with its states, notes and the list of files, written out piece by piece."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot import attachments, notes
from app.bot.chats import ChatLine
from app.bot.models import Message
from app.bot.sayings import said

BATCH = 500
COLUMNS = (
    "id", "at", "author", "direction", "kind", "text", "state", "sent_at", "delivered_at", "read_at", "failed_at",
    "error", "edited_at", "deleted_at", "quoted_id", "provider_id", "file", "file_type", "file_bytes", "file_sha256",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def rows(session: Session, chat_id: int) -> Iterator[dict[str, Any]]:
    """Yield the messages of a chat, oldest first, a batch in memory at a time."""
    last = 0
    while batch := _batch(session, chat_id, last):
        last = batch[-1].id
        files = attachments.of(session, [message.id for message in batch])
        for message in batch:
            yield _row(message, files.get(message.id))
        session.expunge_all()


def as_json(session: Session, line: ChatLine) -> Iterator[str]:
    """Yield one JSON object: the chat, its messages and its notes."""
    about = {"id": line.chat.id, "name": line.name, "handle": line.handle, "connection": line.connection}
    labels = [label.name for label in line.labels]
    chat_id = line.chat.id
    noted = [
        {"at": moment(note.created_at), "author": note.author, "text": note.text}
        for note in notes.between(session, chat_id, 0, None)
    ]
    yield json.dumps({"chat": {**about, "labels": labels}, "notes": noted}, ensure_ascii=False)[:-1]
    yield ', "messages": ['
    for n, row in enumerate(rows(session, chat_id)):
        yield (",\n" if n else "\n") + json.dumps(row, ensure_ascii=False)
    yield "\n]}\n"


def as_csv(session: Session, line: ChatLine) -> Iterator[str]:
    """Yield a table with a heading, in UTF-8 as spreadsheets recognise it."""
    yield "\ufeff" + csv_row(COLUMNS)
    for row in rows(session, line.chat.id):
        yield csv_row(row[name] for name in COLUMNS)


def moment(ms: int | None) -> str | None:
    """Return a moment in UTC (ISO 8601)."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") if ms else None


def _batch(session: Session, chat_id: int, after: int) -> list[Message]:
    query = select(Message).where(Message.chat_id == chat_id, Message.id > after)
    return list(session.scalars(query.order_by(Message.id).limit(BATCH)))


def _row(message: Message, file: attachments.Attachment | None) -> dict[str, Any]:
    return {
        "id": message.id,
        "at": moment(message.provider_at or message.created_at),
        "author": message.author,
        "direction": message.direction,
        "kind": message.kind,
        "text": said(message),
        "state": message.state,
        **{
            name: moment(getattr(message, name))
            for name in ("sent_at", "delivered_at", "read_at", "failed_at")
        },
        "error": message.error,
        "edited_at": moment(message.edited_at),
        "deleted_at": moment(message.revoked_at),
        "quoted_id": message.quoted_id,
        "provider_id": message.provider_id,
        "file": (file.filename or message.kind) if file else None,
        "file_type": file.mime if file else None,
        "file_bytes": file.size if file else None,
        "file_sha256": file.sha256 if file else None,
    }


def csv_row(values: Iterable[object]) -> str:
    """Return a line of a table, with no cell that a spreadsheet would take for a formula."""
    sink = io.StringIO()
    csv.writer(sink).writerow(_cell(value) for value in values)
    return sink.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


FORMATS: Mapping[str, tuple[str, Callable[[Session, ChatLine], Iterator[str]]]] = {
    "json": ("application/json", as_json),
    "csv": ("text/csv", as_csv),
}
