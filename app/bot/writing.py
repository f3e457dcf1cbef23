"""What operators write into chats: rows of the same outbox, sent by the same workers."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bot import handoff, redrive
from app.bot.content import parse_content, preview
from app.bot.files import reference
from app.bot.models import Chat, Connection, MediaFile, Message
from app.bot.statuses import KEY_LENGTH, KEY_PREFIX
from app.db import storable
from app.signals import DomainError


class WritingRefused(DomainError):
    """A message that cannot be sent as asked; the message says what to do."""

    code = "writing"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of ours to be sent; `size` in bytes."""

    sha256: str
    mime: str
    filename: str
    size: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be sent; `once` is the form's own name of it: sent twice, it is one message."""

    chat_id: int
    once: str
    content: Mapping[str, Any]
    text: str = ""
    quoted_id: str | None = None
    upload: Upload | None = None


def file_content(kind: str, upload: Upload, caption: str) -> dict[str, Any]:
    """Return the content of a file with its caption; raises ContentError."""
    content: dict[str, Any] = {"kind": kind, "media_id": reference(upload.sha256, upload.mime)}
    if caption and kind in {"image", "video", "document"}:
        content["caption"] = caption
    if kind == "document":
        content["filename"] = upload.filename[:240] or "File"
    if kind == "audio":
        content["voice"] = upload.mime == "audio/ogg"
    return parse_content(content).model_dump(exclude_none=True)


def send(session: Session, draft: Draft, now: int) -> int:
    """Put a message in line and return its id, also when it is there already; raises WritingRefused.

    Only the window is checked here: what WhatsApp says of the rest is told on the bubble.
    """
    chat = session.get(Chat, draft.chat_id, with_for_update={"key_share": True}, populate_existing=True)
    if chat is None:
        raise WritingRefused("This chat is no longer there.")
    key = _key(draft)
    known = session.scalar(select(Message.id).where(Message.key == key))
    if known:
        return known
    connection = session.get_one(Connection, chat.connection_id)
    if connection.archived_at is not None:
        raise WritingRefused("The connection of this chat was put away: bring it back, then write.")
    message = _row(chat, draft, key, now)
    session.add(message)
    session.flush()
    if draft.upload:
        session.add(_file(message, draft.upload))
    chat.last_message_at = now
    redrive.wake(chat, now)
    handoff.replied(session.connection(), {chat.id}, now)
    return message.id


def _key(draft: Draft) -> str:
    digest = hashlib.sha256(f"operator:{draft.chat_id}:{draft.once}".encode()).hexdigest()
    return KEY_PREFIX + digest[: KEY_LENGTH - len(KEY_PREFIX)]


def _row(chat: Chat, draft: Draft, key: str, now: int) -> Message:
    return Message(
        connection_id=chat.connection_id,
        chat_id=chat.id,
        direction="out",
        kind=str(draft.content["kind"]),
        state="queued",
        text=storable(draft.text or ("" if draft.upload else preview(draft.content))),
        payload=dict(draft.content),
        key=key,
        quoted_id=draft.quoted_id,
        author="operator",
        created_at=now,
    )


def _file(message: Message, upload: Upload) -> MediaFile:
    return MediaFile(
        message_id=message.id,
        connection_id=message.connection_id,
        mime=upload.mime[:100],
        filename=upload.filename[:240],
        size=upload.size,
        sha256=upload.sha256,
        state="kept",
        created_at=message.created_at,
    )
