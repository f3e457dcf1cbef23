"""Rate limits of sends, by connection and by contact: virtual scheduling (specs: whatsapp A11).

The state of both stands in rows that are locked anyway: Connection.next_slot and Chat.pair_slot.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, select, update

from app.bot.models import Connection
from app.channels.contract import OutboundMessage, Person, SendRefusal
from app.db.schema import get_table
from app.db.statements import InList, Statement
from app.immutable import immutable

# A send whose turn comes within this is waited for; a later one lets its chat go meanwhile.
SHORT_WAIT_MS = 1_000
PAIR_INTERVAL_MS = 6_000  # ms a message to one person costs
BURST_TOLERANCE_US = 250_000  # us of a number's throughput that may be spent at once


@immutable
class PairRule:
    """How fast messages may go to one person: `burst` at once, then one in `interval` ms; a burst of 0 = no pacing."""

    burst: int
    interval_ms: int = PAIR_INTERVAL_MS


def build_pair_rule(burst: int, per_minute: int) -> PairRule:
    """Return the rule that keeps to WhatsApp's own limit and to our cap for each minute; 0 = there is none."""
    if not per_minute:
        return PairRule(burst)
    interval = 60_000 // per_minute
    if not burst:
        return PairRule(per_minute, interval)
    return PairRule(min(burst, per_minute), max(interval, PAIR_INTERVAL_MS))


def compute_pair_slot(slot: int, rule: PairRule, now: int) -> tuple[int, int]:
    """Return when one more message to a person may go, and the slot that follows it (ms)."""
    if not rule.burst:
        return now, slot
    following = max(slot, now) + rule.interval_ms
    return max(now, following - rule.burst * rule.interval_ms), following


def compute_number_slot(slot: int, per_second: int, now: int) -> tuple[int, int]:
    """Return when one more message of a number may go (ms), and the slot that follows it (us)."""
    if not per_second:
        return now, slot
    present = now * 1000
    following = max(slot, present) + 1_000_000 // per_second
    return max(now, (following - BURST_TOLERANCE_US) // 1000), following


@immutable
class SendTarget:
    """Where the messages of a chat go and within which limits; `last_webhook_at` in ms, 0 before the first webhook."""

    connection_id: int
    account: str
    person: Person
    group_id: str | None
    messages_per_second: int
    pair_rule: PairRule
    on_unknown: str
    # The refusal of a free-form message outside the window; None where there is no window.
    window_refusal: SendRefusal | None
    repeatable: bool
    grace_ms: int
    last_webhook_at: int

    def build_outbound(self, row: Mapping[str, Any]) -> OutboundMessage:
        """Return the send of an outbound row: its `key`, `payload` and `quoted_id`."""
        return OutboundMessage(
            row["key"], self.account, self.person, row["payload"], self.group_id, row["quoted_id"]
        )


class RateLimiter:
    """The limits of the connections one transaction sends on; read under lock when first asked."""

    def __init__(self, db: Db, connection_ids: set[int]) -> None:
        self._db = db
        self._ids = connection_ids
        self._slots: dict[int, list[int]] | None = None

    def reserve(self, target: SendTarget, pair_slot: int, now: int) -> tuple[int, int]:
        """Return when a send may go (ms) and the pair slot after it; the number's slot is taken if it goes soon."""
        slots = self._load()[target.connection_id]
        at, slot = compute_number_slot(slots[0], target.messages_per_second, now)
        pair_at, following = compute_pair_slot(pair_slot, target.pair_rule, now)
        at = max(at, pair_at, slots[1])
        if at <= now + SHORT_WAIT_MS:
            slots[0] = slot
        return at, following

    def write(self, db: Db) -> None:
        """Store the slots that were taken."""
        taken = [{"row": i, "slot": s[0]} for i, s in sorted((self._slots or {}).items()) if s[0] != s[2]]
        if taken:
            _UPDATE_SLOT.execute_many(db, taken)

    def _load(self) -> dict[int, list[int]]:
        if self._slots is None:
            self._slots = {
                row["id"]: [row["next_slot"], row["parked_until"], row["next_slot"]]
                for row in _SELECT_LIMITS.execute(self._db, ids=sorted(self._ids))
            }
        return self._slots


_connection = get_table(Connection).c
_SELECT_LIMITS = Statement(
    select(_connection.id, _connection.next_slot, _connection.parked_until)
    .where(InList(_connection.id, "ids"))
    .order_by(_connection.id)
    .with_for_update(key_share=True)
)
_UPDATE_SLOT = Statement(
    update(get_table(Connection))
    .where(_connection.id == bindparam("row"))
    .values(next_slot=bindparam("slot"))
)
