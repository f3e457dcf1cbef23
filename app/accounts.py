"""Operators' accounts: users, roles and passwords."""

from collections.abc import Collection
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db import Base, millis, pk
from app.signals import DomainError

MIN_PASSWORD = 10
MAX_PASSWORD = 200


class Role(StrEnum):
    """What a user may do; each role may do all that the one below it may."""

    OWNER = "owner"
    EDITOR = "editor"
    VIEWER = "viewer"


_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.OWNER: 2}


class User(Base):
    """An operator who signs in to the admin pages."""

    __tablename__ = "user_account"

    id: Mapped[pk]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16), default=Role.OWNER)
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    created_at: Mapped[millis]
    last_login_at: Mapped[int | None]
    # Changing it ends every session of this user.
    session_epoch: Mapped[int] = mapped_column(default=0)

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return what the session cookie carries (Flask-Login)."""
        return f"{self.id}.{self.session_epoch}"

    def may(self, role: Role) -> bool:
        """Tell whether this user has at least `role`."""
        return _RANK[Role(self.role)] >= _RANK[role]


class AccountError(DomainError):
    """An account that cannot be made or used as asked."""

    code = "account"


class Passwords:
    """Argon2id hashing; cheaper parameters can be passed for tests."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # Checked when no user has the given e-mail, so that both answers take equally long.
        self._decoy = self._hasher.hash("no such user")

    def hash(self, password: str) -> str:
        """Hash a password; raises AccountError when it is too short or too long."""
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise AccountError(f"The password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters.")
        return self._hasher.hash(password)

    def verify(self, user: User | None, password: str) -> bool:
        """Tell whether `password` opens `user`, in the same time when there is no such user."""
        try:
            self._hasher.verify(user.password_hash if user else self._decoy, password[:MAX_PASSWORD])
        except VerificationError:
            return False
        return user is not None


def create_user(  # noqa: PLR0913  a user is made of these
    session: Session,
    passwords: Passwords,
    *,
    email: str,
    password: str,
    now: int,
    role: Role = Role.OWNER,
    name: str = "",
    timezone: str = "UTC",
) -> User:
    """Make a user; raises AccountError for a bad address, a taken one or a weak password."""
    email = normal_email(email)
    if session.scalar(select(User.id).where(User.email == email)):
        raise AccountError(f"There is already an account for {email}. Sign in, or use another address.")
    user = User(
        email=email,
        name=name.strip()[:100],
        role=role,
        timezone=timezone,
        password_hash=passwords.hash(password),
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def normal_email(email: str) -> str:
    """Return the address trimmed and in lower case; raises AccountError when it is none."""
    email = email.strip().lower()
    local, at, domain = email.partition("@")
    if not (local and at and "." in domain) or " " in email or len(email) > 254:
        raise AccountError(f"“{email[:60]}” is no e-mail address. Write it like name@example.com.")
    return email


def find_user(session: Session, email: str) -> User | None:
    """Find a user by e-mail address."""
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def emails(session: Session, user_ids: Collection[int]) -> dict[int, str]:
    """Return users' e-mail addresses by their ids."""
    query = select(User.id, User.email).where(User.id.in_(user_ids))
    return {row.id: row.email for row in session.execute(query)}


def any_user(session: Session) -> bool:
    """Tell whether the installation has been set up."""
    return session.scalar(select(User.id).limit(1)) is not None
