"""Sessions: who is signed in on which device; lifetime, at most how old the time last seen is, token hash.

The cookie holds a token, the database its hash: a session ends with its row, whatever copies of the cookie there are.
"""

import hashlib
import re
from typing import Final

from sqlalchemy import ColumnElement, ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app import topics
from app.accounts.users import SESSION_DAYS, AccountError, Passwords, User
from app.clock import DAY_MS, MINUTE_MS
from app.db.after_commit import send_changed
from app.db.change_notes import name_action
from app.db.schema import Base, Millis, pk
from app.immutable import immutable

LIFETIME_MS: Final = SESSION_DAYS * DAY_MS
# Each look at a page would be a write otherwise.
SEEN_INTERVAL_MS: Final = 5 * MINUTE_MS

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


class SignIn(Base):
    """A session of a user, by the hash of its token; `device` is what its browser called itself."""

    __tablename__ = "sign_in"

    id: Mapped[pk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    device: Mapped[str] = mapped_column(String(60), default="")
    # Where it began: an IP address.
    address: Mapped[str] = mapped_column(String(45), default="", server_default="")
    created_at: Mapped[Millis]
    seen_at: Mapped[Millis]


@immutable
class CurrentSession:
    """A live session with its user."""

    sign_in: SignIn
    user: User


def begin(session: Session, user_id: int, token: str, place: tuple[str, str], now: int) -> SignIn:
    """Store a new session with its device and address (`place`), and when its user signed in."""
    delete_expired(session, now)
    device, address = place
    row = SignIn(
        user_id=user_id,
        token_hash=compute_hash(token),
        device=device[:60],
        address=address[:45],
        created_at=now,
        seen_at=now,
    )
    session.add(row)
    session.execute(update(User).where(User.id == user_id).values(last_login_at=now))
    session.flush()
    user = session.get_one(User, user_id)
    who = (user.id, user.email)
    name_action(session, "signed in", subject=("person", str(user.id), user.email), person=who)
    return row


def find(session: Session, token: str, now: int) -> CurrentSession | None:
    """Find the session of a token; None when it has ended or run out, or its user is deactivated."""
    if not token:
        return None
    query = (
        select(SignIn, User)
        .join(User, User.id == SignIn.user_id)
        .where(
            SignIn.token_hash == compute_hash(token),
            SignIn.created_at > now - LIFETIME_MS,
            User.deactivated_at.is_(None),
        )
    )
    found = session.execute(query).first()
    return CurrentSession(found[0], found[1]) if found else None


def delete_expired(session: Session, now: int) -> None:
    """Delete the sessions that have run out."""
    session.execute(delete(SignIn).where(SignIn.created_at <= now - LIFETIME_MS))


def touch(session: Session, sign_in_id: int, now: int) -> None:
    """Store that a session was seen now."""
    row = session.get(SignIn, sign_in_id)
    if row:
        row.seen_at = now


def list_for_user(session: Session, user_id: int, now: int) -> list[SignIn]:
    """List the live sessions of a user, the last seen first."""
    query = (
        select(SignIn)
        .where(SignIn.user_id == user_id, SignIn.created_at > now - LIFETIME_MS)
        .order_by(SignIn.seen_at.desc(), SignIn.id.desc())
    )
    return list(session.scalars(query))


def end(session: Session, user_id: int, sign_in_id: int) -> bool:
    """End one session of a user, also its live page; False when there is none."""
    name_action(session, "session ended")
    return bool(_delete(session, SignIn.user_id == user_id, SignIn.id == sign_in_id))


def sign_out(session: Session, user_id: int, sign_in_id: int) -> None:
    """End the session of who signs out."""
    end(session, user_id, sign_in_id)
    name_action(session, "signed out")


def end_all(session: Session, user_id: int, *, kept_id: int = 0) -> int:
    """End all sessions of a user but the one to keep; returns how many."""
    name_action(session, "signed out elsewhere" if kept_id else "signed out everywhere")
    return _delete(session, SignIn.user_id == user_id, SignIn.id != kept_id)


def change_password(session: Session, user_id: int, password_hash: str, kept_id: int) -> int:
    """Store another password and end the user's other sessions; returns how many."""
    session.get_one(User, user_id).password_hash = password_hash
    ended = end_all(session, user_id, kept_id=kept_id)
    name_action(session, "password changed")
    return ended


def hash_new_password(passwords: Passwords, user: User, current: str, new: str) -> str:
    """Check the current password and hash the new one; raises AccountError for the wrong one."""
    if not passwords.verify(user, current):
        raise AccountError("This is not your current password.", "current")
    if new == current:
        raise AccountError("The new password is the same as the current one.", "new")
    return passwords.hash(new)


def describe_device(user_agent: str) -> str:
    """Return the words for a browser and its system, such as “Firefox on Windows”."""
    browser = next((word for mark, word in _BROWSERS if mark in user_agent), "")
    system = next((word for mark, word in _SYSTEMS if mark in user_agent), "")
    if not browser:
        return re.split(r"[/\s]", user_agent.strip(), maxsplit=1)[0][:60] or "Unknown device"
    return f"{browser} on {system}" if system else browser


def compute_hash(token: str) -> str:
    """Return what is stored of a token: whoever reads the database cannot sign in with it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _delete(session: Session, *conditions: ColumnElement[bool]) -> int:
    ended = session.scalars(delete(SignIn).where(*conditions).returning(SignIn.id)).all()
    send_changed(session, *map(topics.session, ended))
    return len(ended)
