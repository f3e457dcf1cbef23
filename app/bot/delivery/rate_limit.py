"""Sending no faster than WhatsApp allows (whatsapp A11): virtual scheduling, its state in the rows we lock anyway."""

from dataclasses import dataclass

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, select, update

from app.bot.channels.contract import Person
from app.bot.models import Connection
from app.db import table_of
from app.sql import Hot, among

# A send whose turn comes within this is waited for; a later one lets its chat go meanwhile.
SHORT_WAIT = 1_000
PAIR_INTERVAL = 6_000  # ms a message to one person costs
TOLERANCE = 250_000  # us of a number's throughput that may be spent at once


@dataclass(frozen=True, slots=True)
class PairRule:
    """How fast messages may go to one person: `burst` at once, then one in `interval` ms; a burst of 0 = no pacing."""

    burst: int
    interval: int = PAIR_INTERVAL


def pair_rule(burst: int, per_minute: int) -> PairRule:
    """Return the rule that keeps to WhatsApp's own limit and to our cap for each minute; 0 = there is none."""
    if not per_minute:
        return PairRule(burst)
    interval = 60_000 // per_minute
    if not burst:
        return PairRule(per_minute, interval)
    return PairRule(min(burst, per_minute), max(interval, PAIR_INTERVAL))


def pair_turn(slot: int, rule: PairRule, now: int) -> tuple[int, int]:
    """Return when one more message to a person may go, and the slot that follows it (ms)."""
    if not rule.burst:
        return now, slot
    following = max(slot, now) + rule.interval
    return max(now, following - rule.burst * rule.interval), following


def number_turn(slot: int, per_second: int, now: int) -> tuple[int, int]:
    """Return when one more message of a number may go (ms), and the slot that follows it (us)."""
    if not per_second:
        return now, slot
    present = now * 1000
    following = max(slot, present) + 1_000_000 // per_second
    return max(now, (following - TOLERANCE) // 1000), following


def backoff(attempts: int, jitter: float) -> int:
    """Return ms before try `attempts` + 1: capped exponential, `jitter` in 0..1 (durability 2.2)."""
    return int(min(60_000, 200 * 2**attempts) * (0.5 + jitter))


def pair_backoff(attempts: int) -> int:
    """Return ms before the next try after the pair limit (error 131056): 4^n seconds."""
    return 1000 * 4 ** min(attempts, 4)


@dataclass(frozen=True, slots=True)
class Sending:
    """What sending on a connection to a chat needs; `grace` in ms, `webhook_at` when its webhooks last came."""

    connection_id: int
    account: str
    person: Person
    group_id: str | None
    messages_per_second: int
    pair: PairRule
    on_unknown: str
    window_hours: int | None
    repeatable: bool
    grace: int
    webhook_at: int


class Pace:
    """The limits of the connections one transaction sends on; read under lock when first asked."""

    def __init__(self, db: Db, connection_ids: set[int]) -> None:
        self._db = db
        self._ids = connection_ids
        self._slots: dict[int, list[int]] | None = None

    def turn(self, sending: Sending, pair_slot: int, now: int) -> tuple[int, int]:
        """Return when a send may go (ms) and the pair slot after it; the number's slot is taken if it goes soon."""
        slots = self._load()[sending.connection_id]
        at, slot = number_turn(slots[0], sending.messages_per_second, now)
        pair_at, following = pair_turn(pair_slot, sending.pair, now)
        at = max(at, pair_at, slots[1])
        if at <= now + SHORT_WAIT:
            slots[0] = slot
        return at, following

    def write(self, db: Db) -> None:
        """Store the slots that were taken."""
        taken = [{"row": i, "slot": s[0]} for i, s in sorted((self._slots or {}).items()) if s[0] != s[2]]
        if taken:
            _take_slot.each(db, taken)

    def _load(self) -> dict[int, list[int]]:
        if self._slots is None:
            self._slots = {
                row["id"]: [row["next_slot"], row["parked_until"], row["next_slot"]]
                for row in _limits.rows(self._db, ids=sorted(self._ids))
            }
        return self._slots


_connection = table_of(Connection).c
_limits = Hot(
    select(_connection.id, _connection.next_slot, _connection.parked_until)
    .where(among(_connection.id, "ids"))
    .order_by(_connection.id)
    .with_for_update(key_share=True)
)
_take_slot = Hot(
    update(table_of(Connection)).where(_connection.id == bindparam("row")).values(next_slot=bindparam("slot"))
)
