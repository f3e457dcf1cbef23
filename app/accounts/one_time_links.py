"""One-time links: token hash, kind, and whom a link is for; used or run out, it opens nothing.

A link holds a token of 256 random bits, the database its hash. It is looked up by that hash, so neither the answer nor
its time tells anything of a token that is not known in full.
"""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.accounts.sessions import compute_hash
from app.db.schema import Base, Millis, pk
from app.signals import DomainError


class LinkKind(StrEnum):
    """What a link is for."""

    INVITATION = "invitation"
    RESET = "reset"


class OneTimeLink(Base):
    """An invitation (`email`, `role`), or the reset of a user's password (`user_id`)."""

    __tablename__ = "one_time_link"

    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254), default="")
    role: Mapped[str] = mapped_column(String(16), default="")
    # None: made on the command line.
    created_by: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    created_at: Mapped[Millis]
    expires_at: Mapped[Millis]

    # Told of a link just made: an earlier one that still worked has ended.
    is_replacing = False


class LinkError(DomainError):
    """A link that is used up, has run out, was taken back or never was: one answer for all."""

    code = "one-time-link"

    def __init__(self) -> None:
        super().__init__("This link is used up or has expired. Ask an owner for a new one.")


def add_link(
    session: Session, kind: LinkKind, token: str, actor_id: int | None, when: tuple[int, int], **whose: Any
) -> OneTimeLink:
    """Store a link; `when`: now, and how long it holds (ms); `whose`: the columns that say whom it is for."""
    now, lifetime_ms = when
    row = OneTimeLink(
        kind=kind,
        token_hash=compute_hash(token),
        created_by=actor_id,
        created_at=now,
        expires_at=now + lifetime_ms,
        **whose,
    )
    session.add(row)
    session.flush()
    return row


def find_link(session: Session, kind: LinkKind, token: str, now: int) -> OneTimeLink:
    """Find the link of a token; raises LinkError when it opens nothing."""
    query = select(OneTimeLink).where(
        OneTimeLink.token_hash == compute_hash(token), OneTimeLink.kind == kind, OneTimeLink.expires_at > now
    )
    found = session.scalar(query)
    if found is None:
        raise LinkError
    return found


def use_link(session: Session, kind: LinkKind, token: str, now: int) -> OneTimeLink:
    """Use a link up and return what it was for; of two who use it at once, one gets LinkError."""
    found = find_link(session, kind, token, now)
    used = session.scalars(delete(OneTimeLink).where(OneTimeLink.id == found.id).returning(OneTimeLink.id))
    if not used.all():
        raise LinkError
    session.expunge(found)
    return found


def end_links(session: Session, now: int, *conditions: ColumnElement[bool]) -> bool:
    """Let links open nothing any more; tells whether one of them still did."""
    ended = session.scalars(delete(OneTimeLink).where(*conditions).returning(OneTimeLink.expires_at))
    return any(expires_at > now for expires_at in ended.all())


def delete_expired(session: Session, now: int) -> None:
    """Delete the links that have run out."""
    session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at <= now))
