"""Export of a chat as JSON or CSV: columns, batch size, streaming."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot.chats import notes, thread
from app.bot.chats.delivery_report import load_reports
from app.bot.chats.listing import ChatListItem
from app.bot.display import format_message_text, read_content
from app.bot.media import attachments
from app.bot.models import Message
from app.channels.content.tolerant import to_dict
from app.text import to_json
from app.unicode import strip_direction_marks

BATCH = 500
COLUMNS = (
    "id", "at", "author", "direction", "kind", "text", "state", "sent_at", "delivered_at", "read_at", "failed_at",
    "error", "edited_at", "deleted_at", "quoted_id", "provider_id", "file", "file_type", "file_bytes", "file_sha256",
    "data", "writer", "category", "billable", "receipts",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def read_rows(session: Session, chat_id: int) -> Iterator[dict[str, Any]]:
    """Yield the messages of a chat with COLUMNS and their `report`, oldest first, a batch in memory at a time."""
    last = 0
    while batch := _batch(session, chat_id, last):
        last = batch[-1].id
        files = attachments.load(session, [message.id for message in batch])
        writers = thread.load_writers(session, batch)
        reports = load_reports(session, batch)
        for message in batch:
            more = {"writer": writers.get(message.contact_id or 0), "report": reports.get(message.id)}
            yield {**_row(message, files.get(message.id)), **more}
        session.expunge_all()


def export_json(session: Session, line: ChatListItem) -> Iterator[str]:
    """Yield one JSON object: the chat, its messages and its notes."""
    about = {"id": line.chat.id, "name": line.name, "handle": line.handle, "connection": line.connection}
    labels = [label.name for label in line.labels]
    chat_id = line.chat.id
    noted = [
        {"at": format_timestamp(note.created_at), "author": note.author, "text": note.text}
        for note in notes.list_between(session, chat_id, 0, None)
    ]
    yield json.dumps({"chat": {**about, "labels": labels}, "notes": noted}, ensure_ascii=False)[:-1]
    yield ', "messages": ['
    for n, row in enumerate(read_rows(session, chat_id)):
        told = {name: row[name] for name in COLUMNS}
        yield (",\n" if n else "\n") + json.dumps(told, ensure_ascii=False)
    yield "\n]}\n"


def export_csv(session: Session, line: ChatListItem) -> Iterator[str]:
    """Yield a table with a heading, in UTF-8 as spreadsheets recognise it."""
    yield "\ufeff" + format_csv_row(COLUMNS)
    for row in read_rows(session, line.chat.id):
        yield format_csv_row(row[name] for name in COLUMNS)


def format_timestamp(ms: int | None) -> str | None:
    """Return a moment in UTC (ISO 8601)."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") if ms else None


def _batch(session: Session, chat_id: int, after: int) -> list[Message]:
    query = select(Message).where(Message.chat_id == chat_id, Message.id > after)
    return list(session.scalars(query.order_by(Message.id).limit(BATCH)))


def _row(message: Message, file: attachments.Attachment | None) -> dict[str, Any]:
    return {
        "id": message.id,
        "at": format_timestamp(message.provider_at or message.created_at),
        "author": message.author,
        "direction": message.direction,
        "kind": message.kind,
        "text": format_message_text(message),
        "data": content.to_dict() if (content := read_content(message)) else None,
        "state": message.state,
        **{
            name: format_timestamp(getattr(message, name))
            for name in ("sent_at", "delivered_at", "read_at", "failed_at")
        },
        "error": message.error,
        "edited_at": format_timestamp(message.edited_at),
        "deleted_at": format_timestamp(message.revoked_at),
        "quoted_id": message.quoted_id,
        "provider_id": message.provider_id,
        "file": (strip_direction_marks(file.filename) or message.kind) if file else None,
        "file_type": file.mime if file else None,
        "file_bytes": file.size if file else None,
        "file_sha256": file.sha256 if file else None,
        **_describe_delivery(message.delivery or {}),
    }


def _describe_delivery(delivery: Mapping[str, Any]) -> dict[str, Any]:
    """Return what receipts told: category, whether it is billed, and the whole of it with moments in UTC."""
    pricing = to_dict(delivery.get("pricing"))
    members = {
        name: {state: format_timestamp(at) for state, at in to_dict(moments).items()}
        for name, moments in to_dict(delivery.get("participants")).items()
    }
    told = {**delivery, "participants": members} if members else dict(delivery)
    return {
        "category": pricing.get("category"),
        "billable": pricing.get("billable"),
        "receipts": told or None,
    }


def format_csv_row(values: Iterable[object]) -> str:
    """Return a line of a table, with no cell that a spreadsheet would take for a formula."""
    sink = io.StringIO()
    csv.writer(sink).writerow(_cell(value) for value in values)
    return sink.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return to_json(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


FORMATS: Mapping[str, tuple[str, Callable[[Session, ChatListItem], Iterator[str]]]] = {
    "json": ("application/json", export_json),
    "csv": ("text/csv", export_csv),
}
