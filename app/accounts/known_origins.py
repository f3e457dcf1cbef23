"""Origins of earlier sign-ins: devices by a cookie of theirs, and addresses; how many are known, for how long."""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.accounts.sessions import compute_hash
from app.clock import DAY_MS
from app.db.schema import Base, Millis
from app.db.statements import build_insert
from app.immutable import immutable

LIFETIME_MS: Final = 365 * DAY_MS
MAX_PER_USER: Final = 20
# Who has one address of such a network has them all.
_NETWORK_BITS: Final = 64


class KnownOrigin(Base):
    """A device or an address from which a user has signed in, by its hash."""

    __tablename__ = "known_origin"

    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True)
    origin_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen_at: Mapped[Millis]


@immutable
class Origin:
    """Where an attempt comes from: the network of its address, and the name in its device's cookie; empty = none."""

    network: str
    device: str

    @property
    def network_hash(self) -> str:
        """What is stored of the network."""
        return compute_hash(f"network:{self.network}")

    @property
    def device_hash(self) -> str:
        """What is stored of the device."""
        return compute_hash(f"device:{self.device}")


def find_network(address: str) -> str:
    """Return what stands for an address: itself (IPv4), its /64 (IPv6), or the text when it is none."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:45]
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        if mapped is None:
            return str(ip_network((parsed, _NETWORK_BITS), strict=False))
        parsed = IPv4Address(mapped)
    return str(parsed)


def remember(session: Session, user_id: int, origin: Origin, now: int) -> None:
    """Store where a user has signed in from; the longest unseen ones make room."""
    hashes = [origin.network_hash, *([origin.device_hash] if origin.device else [])]
    rows = [{"user_id": user_id, "origin_hash": each, "seen_at": now} for each in sorted(hashes)]
    insert = build_insert(session, KnownOrigin)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["user_id", "origin_hash"], set_={"seen_at": insert.excluded.seen_at}
        ),
        rows,
    )
    mine = KnownOrigin.user_id == user_id
    newest = select(KnownOrigin.origin_hash).where(mine).order_by(KnownOrigin.seen_at.desc())
    kept = newest.limit(MAX_PER_USER).subquery()
    session.execute(
        delete(KnownOrigin).where(mine, KnownOrigin.origin_hash.not_in(select(kept.c.origin_hash)))
    )


def select_known(session: Session, user_id: int | None, origin: Origin, now: int) -> Collection[str]:
    """Return which hashes of an origin are known of a user; none for a user that is not, who is looked up as well.

    The time of the answer would tell which addresses have an account.
    """
    query = select(KnownOrigin.origin_hash).where(
        KnownOrigin.user_id == (user_id or 0),
        KnownOrigin.origin_hash.in_([origin.network_hash, origin.device_hash]),
        KnownOrigin.seen_at > now - LIFETIME_MS,
    )
    return set(session.scalars(query))


def delete_expired(session: Session, now: int) -> None:
    """Forget origins that were not seen for long."""
    session.execute(delete(KnownOrigin).where(KnownOrigin.seen_at <= now - LIFETIME_MS))
