"""Operators' accounts: users, roles, password rules (length, Argon2id), form of e-mail addresses, time zones."""

import unicodedata
from collections.abc import Collection, Mapping
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.accounts.roles import Right, Role, has_right
from app.clock import is_timezone
from app.db.change_notes import name_action
from app.db.schema import Base, Millis, pk
from app.signals import DomainError

MIN_PASSWORD = 10
MAX_PASSWORD = 200
MAX_EMAIL: Final = 254
# Signs that stand in no address but within quotation marks, which nobody's address has.
_NOT_IN_EMAIL: Final = frozenset('"<>()[]\\,;:@')
# Days until whoever signed in has to sign in again.
SESSION_DAYS = 14


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
    # A BCP 47 code of LANGUAGES.
    language: Mapped[str] = mapped_column(String(35), default="en", server_default="en")
    # None: the user may sign in.
    deactivated_at: Mapped[int | None]

    is_authenticated = True
    is_active = True
    is_anonymous = False
    # The session a request belongs to (app.accounts.sessions); 0 outside of one.
    session_id = 0

    def get_id(self) -> str:
        """Return what the session cookie carries (Flask-Login)."""
        return f"{self.id}.{self.session_epoch}"

    def has_right(self, right: Right) -> bool:
        """Tell whether this user's role has a right."""
        return has_right(self.role, right)


# The languages of the pages, by their BCP 47 codes.
LANGUAGES: Final[Mapping[str, str]] = {"en": "English"}
MAX_NAME: Final = 100


class AccountError(DomainError):
    """Account that cannot be created or used as requested; `field` names the input that is wrong, if one is."""

    code = "account"

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class UserNotFound(AccountError):
    """No user has this id or address."""

    code = "user-not-found"

    def __init__(self) -> None:
        super().__init__("There is no such person.")


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
    hashed = passwords.hash(password)
    return add_user(
        session, email=email, password_hash=hashed, now=now, role=role, name=name, timezone=timezone
    )


def create_first_owner(  # noqa: PLR0913  as above
    session: Session, passwords: Passwords, *, email: str, password: str, timezone: str, now: int
) -> User:
    """Create the owner of a new installation; raises AccountError also when there is one by now."""
    # Asked inside the transaction: two first visitors make one owner.
    if has_users(session):
        raise AccountError("This installation has an owner by now. Sign in instead.")
    user = create_user(session, passwords, email=email, password=password, timezone=timezone, now=now)
    name_action(session, "first owner created", person=(user.id, user.email))
    return user


def add_user(  # noqa: PLR0913  the same, with a password that is hashed
    session: Session, *, email: str, password_hash: str, now: int, role: Role, name: str, timezone: str
) -> User:
    """Store a user; raises AccountError for an invalid or taken address, and for a time zone there is not."""
    email = normalise_email(email)
    check_timezone(timezone)
    if session.scalar(select(User.id).where(User.email == email)):
        raise AccountError(f"There is already an account for {email}. Sign in, or use another address.")
    user = User(
        email=email,
        name=name.strip()[:MAX_NAME],
        role=role,
        timezone=timezone,
        password_hash=password_hash,
        created_at=now,
    )
    session.add(user)
    session.flush()
    return user


def normalise_email(email: str) -> str:
    """Return the address trimmed and in lower case; raises AccountError when it is none."""
    email = email.strip().lower()
    local, _, domain = email.partition("@")
    if not (_is_local_part(local) and _is_domain(domain)) or len(email) > MAX_EMAIL:
        raise AccountError(f"“{email[:60]}” is no e-mail address. Write it like name@example.com.", "email")
    return email


def check_timezone(name: str) -> None:
    """Raise AccountError for a time zone there is not."""
    if not is_timezone(name):
        raise AccountError("There is no such time zone. Choose one such as Africa/Accra.", "timezone")


def _is_local_part(text: str) -> bool:
    # C: control and other invisible characters, Z: spaces.
    return bool(text) and not any(
        char in _NOT_IN_EMAIL or unicodedata.category(char)[0] in "CZ" for char in text
    )


def _is_domain(text: str) -> bool:
    labels = text.split(".")
    return len(labels) > 1 and all(map(_is_label, labels))


def _is_label(text: str) -> bool:
    # L, M, N: letters, vowel signs and digits of any script.
    is_plain = all(char == "-" or unicodedata.category(char)[0] in "LMN" for char in text)
    return is_plain and bool(text.strip("-")) and text[0] != "-" != text[-1]


def find_user(session: Session, email: str) -> User | None:
    """Find a user by e-mail address."""
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def get_user(session: Session, user_id: int) -> User:
    """Return a user; raises UserNotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise UserNotFound
    return user


def change_profile(session: Session, user_id: int, name: str, language: str, timezone: str) -> None:
    """Store what a user says of themselves; raises AccountError for a language or time zone there is not."""
    check_timezone(timezone)
    if language not in LANGUAGES:
        raise AccountError("Choose one of the languages.", "language")
    user = get_user(session, user_id)
    user.name, user.language, user.timezone = name.strip()[:MAX_NAME], language, timezone


def list_emails(session: Session, user_ids: Collection[int]) -> dict[int, str]:
    """Return users' e-mail addresses by their ids."""
    query = select(User.id, User.email).where(User.id.in_(user_ids))
    return {row.id: row.email for row in session.execute(query)}


def has_users(session: Session) -> bool:
    """Tell whether any user exists, that is, whether the installation has been set up."""
    return session.scalar(select(User.id).limit(1)) is not None
