"""Owners: only an active one changes what others may do, and there is always one."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.roles import Role
from app.accounts.users import AccountError, User


def require_owner(session: Session, actor_id: int | None) -> Sequence[int]:
    """Lock the active owners and return their ids; raises AccountError when `actor_id` is none of them any more.

    None stands for the command line. Locked, because two owners who demote each other would leave none.
    """
    query = (
        select(User.id)
        .where(User.role == Role.OWNER, User.deactivated_at.is_(None))
        .order_by(User.id)
        .with_for_update()
    )
    owners = session.scalars(query).all()
    if actor_id is not None and actor_id not in owners:
        raise AccountError("You are no owner any more.")
    return owners


def require_another_owner(owners: Sequence[int], user: User) -> None:
    """Raise AccountError when a user is the only active owner."""
    if list(owners) == [user.id]:
        raise AccountError("This is the last active owner. Make somebody else an owner first.")
