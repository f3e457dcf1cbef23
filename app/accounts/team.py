"""The people who sign in: list, roles, deactivation. Nobody changes their own role."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts import password_resets, sessions
from app.accounts.owners import require_another_owner, require_owner
from app.accounts.roles import Role
from app.accounts.second_factor import SecondFactor
from app.accounts.sessions import SignIn
from app.accounts.users import AccountError, User, get_user
from app.db.change_notes import name_action
from app.immutable import immutable


@immutable
class Member:
    """A user as the list of people shows them; `seen_at`: when one of their sessions was last seen."""

    user: User
    has_factor: bool
    seen_at: int | None


def list_members(session: Session) -> list[Member]:
    """List all users, the active ones first, by their address."""
    seen = (
        select(SignIn.user_id, func.max(SignIn.seen_at).label("seen_at")).group_by(SignIn.user_id).subquery()
    )
    query = (
        select(User, SecondFactor.enabled_at, seen.c.seen_at)
        .outerjoin(SecondFactor, SecondFactor.user_id == User.id)
        .outerjoin(seen, seen.c.user_id == User.id)
        .order_by(User.deactivated_at.is_not(None), User.email)
    )
    return [
        Member(user, enabled_at is not None, seen_at) for user, enabled_at, seen_at in session.execute(query)
    ]


def change_role(session: Session, actor_id: int | None, user_id: int, role: Role) -> None:
    """Give somebody else another role; their sessions end, so that no page of the former one stays open."""
    owners = require_owner(session, actor_id)
    user = _load_other(session, actor_id, user_id, "change your own role")
    if user.role == role:
        return
    require_another_owner(owners, user)
    user.role = role
    sessions.end_all(session, user_id)
    name_action(session, "role changed")


def deactivate(session: Session, actor_id: int | None, user_id: int, now: int) -> None:
    """Let somebody else sign in no more: sessions and open links end, what they wrote stays."""
    owners = require_owner(session, actor_id)
    user = _load_other(session, actor_id, user_id, "deactivate yourself")
    require_another_owner(owners, user)
    user.deactivated_at = now
    password_resets.cancel(session, user_id)
    sessions.end_all(session, user_id)
    name_action(session, "person deactivated")


def reactivate(session: Session, actor_id: int | None, user_id: int) -> None:
    """Let somebody sign in again, with the password and the role they had."""
    require_owner(session, actor_id)
    get_user(session, user_id).deactivated_at = None
    name_action(session, "person reactivated")


def _load_other(session: Session, actor_id: int | None, user_id: int, act: str) -> User:
    if user_id == actor_id:
        raise AccountError(f"You cannot {act}. Ask another owner.")
    return get_user(session, user_id)
