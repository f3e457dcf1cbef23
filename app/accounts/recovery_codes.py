"""Recovery codes: ten for who has lost the device of the second factor, each valid once; their length."""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import ForeignKey, String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.accounts.sessions import compute_hash
from app.accounts.users import User
from app.db.change_notes import name_action
from app.db.schema import Base, Millis, pk

CODES: Final = 10
# Bytes of chance in a code: too many to be tried even by who has the hash.
_CODE_BYTES: Final = 10
_GROUP_CHARS: Final = 4


class RecoveryCode(Base):
    """A recovery code of a user, by its hash."""

    __tablename__ = "recovery_code"

    id: Mapped[pk]
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[Millis]
    used_at: Mapped[int | None]


def generate_codes(choose_bytes: Callable[[int], bytes]) -> list[str]:
    """Return new codes such as `abcd-efgh-ijkl-mnop`, made of bytes by chance (secrets.token_bytes)."""
    texts = (base64.b32encode(choose_bytes(_CODE_BYTES)).decode().lower() for _ in range(CODES))
    return ["-".join(re.findall(f".{{{_GROUP_CHARS}}}", text)) for text in texts]


def replace_codes(session: Session, user_id: int, codes: Sequence[str], now: int) -> None:
    """Store the hashes of these codes in place of the former ones."""
    delete_codes(session, user_id)
    name_action(session, "recovery codes renewed")
    session.add_all(
        RecoveryCode(user_id=user_id, code_hash=_compute_code_hash(user_id, code), created_at=now)
        for code in codes
    )


def delete_codes(session: Session, user_id: int) -> None:
    """Delete the codes of a user."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def use_code(session: Session, user_id: int, code: str, now: int) -> bool:
    """Use a code up; False when it is none, or used. Looked up by its hash: the time tells nothing of a wrong one."""
    used = (
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == _compute_code_hash(user_id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    )
    user = session.get_one(User, user_id)
    # Nobody is signed in yet, but who gives a code has given the password.
    name_action(session, "recovery code used", person=(user.id, user.email))
    return bool(session.scalars(used).all())


def count_left(session: Session, user_id: int) -> int:
    """Count the codes of a user that are not used."""
    query = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(query) or 0


def _compute_code_hash(user_id: int, code: str) -> str:
    letters = re.sub(r"[\s-]", "", code).lower()
    return compute_hash(f"{user_id}:{letters}")
