"""Throttle of sign-in attempts: free failures, growing delays and their cap, by account, by address, by known origin.

An attempt from an origin that has signed in to the account before draws on a budget of that origin alone; all others
share one of the account and one of their address. So strangers who fail can hold up strangers only.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.accounts import known_origins
from app.accounts.known_origins import Origin
from app.accounts.sessions import compute_hash
from app.accounts.users import User
from app.clock import HOUR_MS, MINUTE_MS
from app.db.change_notes import note_event
from app.db.schema import Base, Millis
from app.db.statements import build_insert
from app.immutable import immutable

# After so long without a failure, the next one is the first.
FORGET_MS: Final = 12 * HOUR_MS
# More rows than this are a flood; the oldest make room.
MAX_ROWS: Final = 100_000


class Step(StrEnum):
    """What is being guessed."""

    PASSWORD = "password"  # noqa: S105  a name
    CODE = "code"


@immutable
class Budget:
    """Failures that cost nothing; the delay (ms) of the next one, doubled with each, and its cap (ms)."""

    free: int
    delay_ms: int
    cap_ms: int


ACCOUNT_BUDGET: Final = Budget(5, 30_000, 15 * MINUTE_MS)
# An office may share one.
ADDRESS_BUDGET: Final = Budget(20, 30_000, 15 * MINUTE_MS)
KNOWN_BUDGET: Final = Budget(10, 10_000, 5 * MINUTE_MS)


class Throttle(Base):
    """Failures of one account, address or known origin, by the hash of what it is."""

    __tablename__ = "sign_in_throttle"

    bucket: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[Millis] = mapped_column(BigInteger, index=True)
    blocked_until: Mapped[Millis]


@immutable
class Bucket:
    """Where a failure is counted; `is_shared`: by people of other accounts, whose failures a success must not undo."""

    key: str
    budget: Budget
    is_shared: bool = False


@immutable
class Attempt:
    """A guess: at what, of whom (the address as typed; the id of the user, if there is one), from where."""

    step: Step
    email: str
    user_id: int | None
    origin: Origin


@immutable
class Admission:
    """Answer to an attempt; `blocked_until` (ms) is 0 for one that may go on.

    `begins_lockout`: if it fails, the next ones have to wait.
    """

    buckets: Sequence[Bucket]
    blocked_until: int
    begins_lockout: bool = False


def admit(session: Session, attempt: Attempt, now: int) -> Admission:
    """Count an attempt as a failure until `forgive` says it was none, or refuse it.

    Counted first: of many at once, only as many are looked at as the budget allows.
    """
    buckets = list_buckets(session, attempt, now)
    insert = build_insert(session, Throttle).on_conflict_do_nothing()
    empty = {"failures": 0, "failed_at": now, "blocked_until": 0}
    session.execute(insert, [{"bucket": each.key, **empty} for each in buckets])
    query = select(Throttle).where(Throttle.bucket.in_([each.key for each in buckets]))
    locked = query.order_by(Throttle.bucket).with_for_update()
    rows = {row.bucket: row for row in session.scalars(locked)}
    blocked_until = max((row.blocked_until for row in rows.values()), default=0)
    if blocked_until > now:
        return Admission(buckets, blocked_until)
    was_free = all(not row.blocked_until for row in rows.values())
    for bucket in buckets:
        _count_failure(rows[bucket.key], bucket.budget, now)
    is_free = all(not row.blocked_until for row in rows.values())
    return Admission(buckets, 0, begins_lockout=was_free and not is_free)


def note_lockout(session: Session, step: Step, user: User | None) -> None:
    """Say in the audit that an attempt failed after which the next ones have to wait; of strangers, only that."""
    subject = ("person", str(user.id), user.email) if user else ("person", "", "")
    note_event(session, f"locked out: {step}", subject)


def forgive(session: Session, admission: Admission) -> None:
    """Take back the failure of an attempt that succeeded, and all others of its own account or origin."""
    own = [each.key for each in admission.buckets if not each.is_shared]
    session.execute(delete(Throttle).where(Throttle.bucket.in_(own)))
    shared = [each.key for each in admission.buckets if each.is_shared]
    for row in session.scalars(select(Throttle).where(Throttle.bucket.in_(shared)).with_for_update()):
        row.failures = max(0, row.failures - 1)
        row.blocked_until = 0


def list_buckets(session: Session, attempt: Attempt, now: int) -> list[Bucket]:
    """List where a failure of an attempt would count, in the order of their keys."""
    origin = attempt.origin
    known = known_origins.select_known(session, attempt.user_id, origin, now)
    who = compute_hash(attempt.email.strip().lower())
    for each in (origin.device_hash, origin.network_hash):
        if each in known:
            return [Bucket(compute_hash(f"{attempt.step}:{who}:{each}"), KNOWN_BUDGET)]
    buckets = [
        Bucket(compute_hash(f"{attempt.step}:account:{who}"), ACCOUNT_BUDGET),
        Bucket(compute_hash(f"{attempt.step}:{origin.network_hash}"), ADDRESS_BUDGET, is_shared=True),
    ]
    return sorted(buckets, key=lambda bucket: bucket.key)


def compute_delay(failures: int, budget: Budget) -> int:
    """Return for how long (ms) nothing is tried after so many failures."""
    over = failures - budget.free
    # 2 to the 30th is over any cap: the power stays small however many failures there are.
    return 0 if over < 0 else min(budget.delay_ms * 2 ** min(over, 30), budget.cap_ms)


def prune(session: Session, now: int) -> None:
    """Delete what is forgotten, and the oldest of more rows than are kept."""
    session.execute(delete(Throttle).where(Throttle.failed_at <= now - FORGET_MS))
    newest = select(Throttle.failed_at).order_by(Throttle.failed_at.desc()).offset(MAX_ROWS).limit(1)
    oldest_kept = session.scalar(newest)
    if oldest_kept is not None:
        session.execute(delete(Throttle).where(Throttle.failed_at <= oldest_kept))


def _count_failure(row: Throttle, budget: Budget, now: int) -> None:
    failures = row.failures if row.failed_at > now - FORGET_MS else 0
    row.failures, row.failed_at = failures + 1, now
    delay = compute_delay(row.failures, budget)
    row.blocked_until = now + delay if delay else 0
