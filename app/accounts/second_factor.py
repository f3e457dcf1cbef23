"""Second factor: time-based codes of six digits (TOTP, RFC 6238); how far a clock may be off, and no code twice."""

import hmac
import re
from collections.abc import Sequence
from typing import Any, Final, Protocol

from pyotp import random_base32
from pyotp.totp import TOTP
from sqlalchemy import ForeignKey, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.accounts import recovery_codes, sessions
from app.accounts.owners import require_owner
from app.accounts.users import AccountError, User, get_user
from app.db.change_notes import name_action
from app.db.schema import Base

ISSUER: Final = "Brainbox"
STEP_MS: Final = 30_000
# A phone's clock may be one step behind or ahead.
_TOLERATED_STEPS: Final = (0, -1, 1)


class SecretStore(Protocol):
    """The vault, as far as it is needed here (app.vault)."""

    def can_decrypt(self, token: str) -> bool:
        """Tell whether a token opens with a key of this installation."""
        ...

    def decrypt(self, token: str) -> dict[str, Any]:
        """Decrypt a token."""
        ...


class SecondFactor(Base):
    """The second factor of a user, on (`enabled_at`), being set up, or reset by an owner (`reset_at`)."""

    __tablename__ = "second_factor"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    # Encrypted by the vault; empty once it is reset.
    secret: Mapped[str] = mapped_column(Text, default="")
    # Step of the last code that was accepted: neither it nor an earlier one is accepted again.
    last_step: Mapped[int] = mapped_column(default=0)
    enabled_at: Mapped[int | None]
    reset_at: Mapped[int | None]


def generate_secret() -> str:
    """Return a new secret, 160 bits as an authenticator app takes them (base 32)."""
    return random_base32()


def build_address(secret: str, email: str) -> str:
    """Return the address that a QR code hands to an authenticator app."""
    return TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def find_step(secret: str, code: str, last_step: int, now: int) -> int | None:
    """Return the step whose code this is; None for a wrong code, or one of a step that was used."""
    digits, totp, current = re.sub(r"\s", "", code), TOTP(secret), now // STEP_MS
    # All are compared whichever fits: the time tells nothing.
    fitting = [
        current + offset
        for offset in _TOLERATED_STEPS
        if hmac.compare_digest(totp.generate_otp(current + offset).encode(), digits.encode())
    ]
    return next((step for step in fitting if step > last_step), None)


def get_factor(session: Session, user_id: int) -> SecondFactor | None:
    """Return the second factor of a user, on or not."""
    return session.get(SecondFactor, user_id)


def is_enabled(session: Session, user_id: int) -> bool:
    """Tell whether a user signs in with a second factor."""
    query = select(SecondFactor.enabled_at).where(SecondFactor.user_id == user_id)
    return session.scalar(query) is not None


def begin_setup(session: Session, user_id: int, sealed_secret: str) -> None:
    """Store an encrypted secret that is not asked for yet; raises AccountError when a second factor is on."""
    row = _lock(session, user_id)
    if row is None:
        session.add(SecondFactor(user_id=user_id, secret=sealed_secret))
    elif row.enabled_at:
        raise AccountError("Your second factor is on already.")
    else:
        row.secret = sealed_secret


def enable(session: Session, user_id: int, step: int, codes: Sequence[str], when: tuple[int, int]) -> None:
    """Ask for the second factor from now on, and end the other sessions.

    `step`: that of the code which proved that the app has the secret; `when`: the session to keep, and now.
    """
    kept_id, now = when
    row = _lock(session, user_id)
    if row is None or not row.secret or row.enabled_at:
        raise AccountError("Begin again: this set-up is not open any more.")
    row.enabled_at, row.last_step, row.reset_at = now, step, None
    recovery_codes.replace_codes(session, user_id, codes, now)
    sessions.end_all(session, user_id, kept_id=kept_id)
    name_action(session, "second factor on")


def load_secret(session: Session, user_id: int, vault: SecretStore) -> str:
    """Return the secret of a user; empty when there is none, or it does not open with this SECRET_KEY."""
    row = get_factor(session, user_id)
    return vault.decrypt(row.secret).get("totp", "") if row and vault.can_decrypt(row.secret) else ""


def list_unreadable(session: Session, vault: SecretStore) -> list[str]:
    """List the addresses of people whose second factor does not open with this SECRET_KEY."""
    query = (
        select(User.email, SecondFactor.secret)
        .join(User, User.id == SecondFactor.user_id)
        .where(SecondFactor.enabled_at.is_not(None))
        .order_by(User.email)
    )
    return [email for email, secret in session.execute(query) if not vault.can_decrypt(secret)]


def use_code(session: Session, user_id: int, secret: str, code: str, now: int) -> bool:
    """Use up a code of the app, or a recovery code; False when it is neither, or was used."""
    row = get_factor(session, user_id)
    if row is None or not row.enabled_at:
        return False
    step = find_step(secret, code, row.last_step, now) if secret else None
    if step is None:
        return recovery_codes.use_code(session, user_id, code, now)
    return use_step(session, user_id, step)


def use_step(session: Session, user_id: int, step: int) -> bool:
    """Use the code of a step up; False when it or a later one was used meanwhile."""
    row = _lock(session, user_id)
    if row is None or not row.enabled_at or step <= row.last_step:
        return False
    row.last_step = step
    return True


def disable(session: Session, user_id: int, kept_id: int) -> None:
    """Ask for no second factor any more, forget it, and end the other sessions."""
    row = _lock(session, user_id)
    if row:
        session.delete(row)
    recovery_codes.delete_codes(session, user_id)
    sessions.end_all(session, user_id, kept_id=kept_id)
    name_action(session, "second factor off")


def reset(session: Session, actor_id: int | None, user_id: int, now: int) -> None:
    """Forget somebody's second factor, for an owner or the command line; their sessions end and they are told."""
    require_owner(session, actor_id)
    get_user(session, user_id)
    row = _lock(session, user_id)
    if row is None or not row.enabled_at:
        raise AccountError("This person has no second factor.")
    row.secret, row.enabled_at, row.reset_at = "", None, now
    recovery_codes.delete_codes(session, user_id)
    sessions.end_all(session, user_id)
    name_action(session, "second factor reset")


def _lock(session: Session, user_id: int) -> SecondFactor | None:
    """Return the row, for this transaction alone: of two uses of one code at once the second sees the first."""
    query = select(SecondFactor).where(SecondFactor.user_id == user_id).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))
