"""Tables of the inbox: labels, notes, saved replies, media files."""

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.bot.states import FileState, sql_is
from app.db.schema import Base, Millis, pk

_IS_WANTED = text(sql_is("state", FileState.WANTED))


class Label(Base):
    """A word in a colour that operators put on chats."""

    __tablename__ = "label"

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(40))
    # The name in one case: two labels of one name would be mixed up.
    name_key: Mapped[str] = mapped_column(String(40), unique=True)
    colour: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[Millis]


class ChatLabel(Base):
    """A label on a chat."""

    __tablename__ = "chat_label"
    __table_args__ = (Index("ix_chat_label_label", "label_id", "chat_id"),)

    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"), primary_key=True)
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id"), primary_key=True)


class Note(Base):
    """What an operator wrote into a chat for the team; the person never sees it."""

    __tablename__ = "note"
    __table_args__ = (Index("ix_note_chat", "chat_id", "created_at"),)

    id: Mapped[pk]
    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id"))
    author_id: Mapped[int | None]
    author: Mapped[str] = mapped_column(String(100))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Millis]
    edited_at: Mapped[Millis | None]
    # Deleted, and hidden; an undo brings it back.
    deleted_at: Mapped[Millis | None]


class SavedReply(Base):
    """A text that operators insert into the reply box by its name."""

    __tablename__ = "saved_reply"

    id: Mapped[pk]
    name: Mapped[str] = mapped_column(String(40))
    # The name in one case: two replies of one name would be mixed up.
    name_key: Mapped[str] = mapped_column(String(40), unique=True)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[Millis]


class MediaFile(Base):
    """The file of a message, to be fetched or in our store; `state` is a FileState."""

    __tablename__ = "media_file"
    __table_args__ = (
        Index("uq_media_file_message", "message_id", unique=True),
        Index("ix_media_file_sha256", "sha256"),
        Index(
            "ix_media_file_wanted",
            "next_at",
            postgresql_where=_IS_WANTED,
            sqlite_where=_IS_WANTED,
        ),
    )

    id: Mapped[pk]
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    # The provider's name of the file; empty for what an operator uploaded here.
    media_id: Mapped[str] = mapped_column(String(255), default="")
    mime: Mapped[str] = mapped_column(String(100), default="")
    filename: Mapped[str] = mapped_column(String(240), default="")
    size: Mapped[int | None]
    # Where it lies in the store, too (app.files).
    sha256: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(8), default=FileState.WANTED.value)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[int] = mapped_column(BigInteger, default=0)
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[Millis]
