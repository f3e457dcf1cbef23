"""Invitations: an owner's one-time link with which a person makes their account; how long it holds."""

from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.accounts.one_time_links import LinkKind, OneTimeLink, add_link, end_links, use_link
from app.accounts.owners import require_owner
from app.accounts.roles import Role
from app.accounts.users import AccountError, User, add_user, find_user, normalise_email
from app.clock import DAY_MS
from app.db.change_notes import name_action
from app.immutable import immutable

LIFETIME_MS: Final = 7 * DAY_MS


@immutable
class NewAccount:
    """What an invited person says of themselves; `password_hash` is made before the write, for it takes long."""

    name: str
    password_hash: str
    timezone: str


def invite(
    session: Session, actor_id: int | None, email: str, role: Role, link: tuple[str, int]
) -> OneTimeLink:
    """Store an invitation with the token and the moment in `link`; an earlier one of the same address ends.

    Raises AccountError for an address that is none or has an account, and for an actor who is no owner any more.
    """
    require_owner(session, actor_id)
    token, now = link
    email = normalise_email(email)
    if find_user(session, email):
        raise AccountError(f"There is already an account for {email}.", "email")
    is_replacing = end_links(
        session, now, OneTimeLink.kind == LinkKind.INVITATION, OneTimeLink.email == email
    )
    name_action(session, "person invited")
    row = add_link(session, LinkKind.INVITATION, token, actor_id, (now, LIFETIME_MS), email=email, role=role)
    row.is_replacing = is_replacing
    return row


def list_open(session: Session, now: int) -> list[OneTimeLink]:
    """List the invitations nobody has used yet, the newest first."""
    query = (
        select(OneTimeLink)
        .where(OneTimeLink.kind == LinkKind.INVITATION, OneTimeLink.expires_at > now)
        .order_by(OneTimeLink.id.desc())
    )
    return list(session.scalars(query))


def revoke(session: Session, actor_id: int | None, invitation_id: int) -> bool:
    """Take an invitation back; False when it is used or gone."""
    require_owner(session, actor_id)
    gone = delete(OneTimeLink).where(OneTimeLink.id == invitation_id, OneTimeLink.kind == LinkKind.INVITATION)
    name_action(session, "invitation revoked")
    return bool(session.scalars(gone.returning(OneTimeLink.id)).all())


def accept(session: Session, token: str, account: NewAccount, now: int) -> User:
    """Make the account of an invitation and use the invitation up; raises LinkError, AccountError."""
    link = use_link(session, LinkKind.INVITATION, token, now)
    user = add_user(
        session,
        email=link.email,
        password_hash=account.password_hash,
        now=now,
        role=Role(link.role),
        name=account.name,
        timezone=account.timezone,
    )
    name_action(session, "invitation accepted", person=(user.id, user.email))
    return user
