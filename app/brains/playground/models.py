"""Table of playgrounds."""

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.schema import Base, JsonObject, Millis, pk


class Playground(Base):
    """Playground of one operator and brain: its phones and everything that happened on them."""

    __tablename__ = "playground"
    __table_args__ = (UniqueConstraint("user_id", "brain_id"),)

    id: Mapped[pk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    brain_id: Mapped[int] = mapped_column(ForeignKey("brain.id"))
    state: Mapped[JsonObject]
    # Counts changes: one that was made from an older state is done again.
    rev: Mapped[int]
    updated_at: Mapped[Millis]
