"""Password resets: a one-time link by an owner or the command line; how long it holds."""

from typing import Final

from sqlalchemy.orm import Session

from app.accounts import sessions
from app.accounts.one_time_links import (
    LinkError,
    LinkKind,
    OneTimeLink,
    add_link,
    end_links,
    find_link,
    use_link,
)
from app.accounts.owners import require_owner
from app.accounts.users import AccountError, User, get_user
from app.clock import HOUR_MS
from app.db.change_notes import name_action

LIFETIME_MS: Final = HOUR_MS


def issue(session: Session, actor_id: int | None, user_id: int, token: str, now: int) -> OneTimeLink:
    """Store a link with which a person sets another password; an earlier one ends.

    The password of today stays valid until the link is used. Raises UserNotFound, AccountError.
    """
    require_owner(session, actor_id)
    user = get_user(session, user_id)
    if user.deactivated_at:
        raise AccountError("This account is deactivated. Activate it first.")
    is_replacing = _end_links(session, user_id, now)
    subject = ("person", str(user_id), user.email)
    name_action(session, "password reset link made", subject=subject)
    row = add_link(session, LinkKind.RESET, token, actor_id, (now, LIFETIME_MS), user_id=user_id)
    row.is_replacing = is_replacing
    return row


def cancel(session: Session, user_id: int) -> None:
    """Let the links of a person open nothing any more."""
    _end_links(session, user_id, 0)


def find_subject(session: Session, token: str, now: int) -> User:
    """Return whose password a link resets; raises LinkError."""
    return _get_active(session, find_link(session, LinkKind.RESET, token, now))


def redeem(session: Session, token: str, password_hash: str, now: int) -> User:
    """Store another password, end all sessions and use the link up; raises LinkError. A second factor stays."""
    user = _get_active(session, use_link(session, LinkKind.RESET, token, now))
    user.password_hash = password_hash
    sessions.end_all(session, user.id)
    name_action(session, "password reset by link", person=(user.id, user.email))
    return user


def _end_links(session: Session, user_id: int, now: int) -> bool:
    return end_links(session, now, OneTimeLink.kind == LinkKind.RESET, OneTimeLink.user_id == user_id)


def _get_active(session: Session, link: OneTimeLink) -> User:
    user = session.get(User, link.user_id)
    if user is None or user.deactivated_at:
        raise LinkError
    return user
