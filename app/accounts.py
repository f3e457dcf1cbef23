"""Operators' accounts: users, roles, password rules (length, Argon2id)."""

from collections.abc import Collection
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.db.schema import Base, Millis, pk
from app.signals import DomainError

MIN_PASSWORD = 10
MAX_PASSWORD = 200
# Days until whoever signed in has to sign in again.
SESSION_DAYS = 14


class Role(StrEnum):
    """Role of a user; each role may do everything the lower ones may."""

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
    created_at: Mapped[Millis]
    last_login_at: Mapped[int | None]
    # Changing it ends every session of this user.
    session_epoch: Mapped[int] = mapped_column(default=0)

    is_authenticated = True
    is_active = True
    is_anonymous = False
    # The session a request belongs to (app.sessions); 0 outside of one.
    session_id = 0

    def get_id(self) -> str:
        """Return what the session cookie carries (Flask-Login)."""
        return f"{self.id}.{self.session_epoch}"

    def has_role(self, role: Role) -> bool:
        """Tell whether this user has at least `role`."""
        return _RANK[Role(self.role)] >= _RANK[role]


class AccountError(DomainError):
    """Account that cannot be created or used as requested; `field` names the input that is wrong, if one is."""

    code = "account"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Passwords:
    """Password hashing with Argon2id; tests may pass cheaper parameters."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # Checked when no user has the given e-mail, so that both answers take equally long.
        self._decoy = self._hasher.hash("no such user")

    def hash(self, password: str) -> str:
        """Hash a password; raises AccountError when it is too short or too long."""
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise AccountError(f"The password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters.", "new")
        return self._hasher.hash(password)

    def verify(self, user: User | None, password: str) -> bool:
        """Tell whether `password` is the user's; takes the same time when there is no such user."""
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
    """Create a user; raises AccountError for an invalid or taken address, or a weak password."""
    email = normalise_email(email)
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


def normalise_email(email: str) -> str:
    """Return the address trimmed and in lower case; raises AccountError when it is none."""
    email = email.strip().lower()
    local, at, domain = email.partition("@")
    if not (local and at and "." in domain) or " " in email or len(email) > 254:
        raise AccountError(f"“{email[:60]}” is no e-mail address. Write it like name@example.com.")
    return email


def find_user(session: Session, email: str) -> User | None:
    """Find a user by e-mail address."""
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def list_emails(session: Session, user_ids: Collection[int]) -> dict[int, str]:
    """Return users' e-mail addresses by their ids."""
    query = select(User.id, User.email).where(User.id.in_(user_ids))
    return {row.id: row.email for row in session.execute(query)}


def has_users(session: Session) -> bool:
    """Tell whether any user exists, that is, whether the installation has been set up."""
    return session.scalar(select(User.id).limit(1)) is not None
