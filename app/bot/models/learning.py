"""Table of messages that operators took out of a brain's list of messages that were not understood."""

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, Millis


class IgnoredMessage(Base):
    """Mark on a message: it is not shown among those that a brain did not understand, until somebody asks for it."""

    __tablename__ = "ignored_message"
    __table_args__ = (Index("ix_ignored_message_message", "message_id"),)

    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"), primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), primary_key=True)
    created_at: Mapped[Millis]
