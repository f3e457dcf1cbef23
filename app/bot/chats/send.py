"""Messages an operator sends into a chat, stored in the outbox."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import topics
from app.bot import handoff, wakeup
from app.bot.chats import unread
from app.bot.media.uploads import OperatorMessageError, Upload
from app.bot.models import Chat, Connection, MediaFile, Message
from app.bot.models.message_keys import build_operator_key
from app.bot.models.message_rows import RowPlace, build_outbound_row
from app.bot.states import Author, FileState
from app.channels.content import parse_content, render_preview
from app.db.after_commit import send_changed
from app.files import format_reference
from app.immutable import immutable


@immutable
class OperatorMessage:
    """A message to be sent; posted twice under one `idempotency_key`, it is one message."""

    chat_id: int
    idempotency_key: str
    content: Mapping[str, Any]
    text: str = ""
    quoted_id: str | None = None
    upload: Upload | None = None


def build_file_content(kind: str, upload: Upload, caption: str) -> dict[str, Any]:
    """Return the content of a file with its caption; raises ContentError."""
    content: dict[str, Any] = {"kind": kind, "media_id": format_reference(upload.sha256, upload.mime)}
    if caption and kind in {"image", "video", "document"}:
        content["caption"] = caption
    if kind == "document":
        content["filename"] = upload.filename[:240] or "File"
    if kind == "audio":
        content["voice"] = upload.mime == "audio/ogg"
    return parse_content(content).model_dump(exclude_none=True)


def send(session: Session, operator_message: OperatorMessage, now: int) -> int:
    """Queue a message and return its id, also when it was queued before; raises OperatorMessageError. `now` in ms.

    The content was checked when it was built; what WhatsApp refuses shows as the state of the message.
    """
    chat = session.get(
        Chat, operator_message.chat_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if chat is None:
        raise OperatorMessageError("This chat is no longer there.")
    key = build_operator_key(chat.id, operator_message.idempotency_key)
    known = session.scalar(select(Message.id).where(Message.key == key))
    if known:
        return known
    connection = session.get_one(Connection, chat.connection_id)
    if connection.archived_at is not None:
        raise OperatorMessageError("The connection of this chat is archived: restore it, then write.")
    message = _build_message(chat, operator_message, key, now)
    session.add(message)
    session.flush()
    if operator_message.upload:
        session.add(_build_file(message, operator_message.upload))
    chat.last_message_at = now
    wakeup.wake_chat(session, chat, now)
    handoff.pause_after_reply(session.connection(), {chat.id}, now)
    # Who answers has read.
    unread.mark_read(session, chat.id, message.id)
    send_changed(session, topics.chats(), topics.dashboard(), topics.chat(chat.id))
    return message.id


def _build_message(chat: Chat, operator_message: OperatorMessage, key: str, now: int) -> Message:
    content = operator_message.content
    row = build_outbound_row(
        RowPlace(chat.connection_id, chat.id, now),
        Author.OPERATOR,
        key,
        content,
        operator_message.text or ("" if operator_message.upload else render_preview(content)),
        quoted_id=operator_message.quoted_id,
    )
    return Message(**row)


def _build_file(message: Message, upload: Upload) -> MediaFile:
    return MediaFile(
        message_id=message.id,
        connection_id=message.connection_id,
        mime=upload.mime[:100],
        filename=upload.filename[:240],
        size=upload.size,
        sha256=upload.sha256,
        state=FileState.KEPT,
        created_at=message.created_at,
    )
