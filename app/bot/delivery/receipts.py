"""Delivery states as a lattice: late, repeated and reordered receipts all end in the same state (whatsapp A6)."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, delete, insert, literal_column, or_, select, update

from app.bot.channels.contract import Status
from app.bot.models import Message, Receipt
from app.db import table_of
from app.sql import Hot, among

# A send whose fate the provider has not told: any word from it wins.
OPEN = ("queued", "sending", "retry", "unknown")
TROUBLE = frozenset({"failed", "dead", "unknown", "held"})
_RANK = {"sent": 1, "failed": 2, "delivered": 3, "read": 4, "played": 5}
# The words a provider may use beyond ours change nothing.
KNOWN = frozenset(_RANK)
_MOMENT = {
    "sent": "sent_at",
    "delivered": "delivered_at",
    "read": "read_at",
    "played": "read_at",
    "failed": "failed_at",
}
KEY_PREFIX = "bx"
KEY_LENGTH = 32
_FIELDS = ("state", "provider_id", "error_code", "error", "sent_at", "delivered_at", "read_at", "failed_at")


def rank(state: str) -> int:
    """Place of a state in the lattice; 0 for everything before the provider's acceptance."""
    return _RANK.get(state, 0)


def advance(row: Mapping[str, Any], statuses: Iterable[Status]) -> dict[str, Any]:
    """Return what `statuses` change in a message row; the order and number of receipts do not matter."""
    new = dict(row)
    for status in statuses:
        if status.status not in KNOWN:
            continue
        if rank(new["state"]) == 0:
            # What our own refused tries left behind says nothing about this send any more.
            new["error_code"] = new["error"] = None
        column = _MOMENT[status.status]
        known = new[column]
        new[column] = status.at if known is None else min(known, status.at)
        if status.status == "failed":
            _keep_error(new, status)
        if rank(status.status) > rank(new["state"]):
            new["state"] = status.status
        if not new["provider_id"]:
            new["provider_id"] = status.provider_id
    return {name: new[name] for name in _FIELDS if new[name] != row[name]}


def _keep_error(new: dict[str, Any], status: Status) -> None:
    # Of several failures the least by code stays, so that any order of arrival ends alike.
    code = status.error_code or ""
    if new["error_code"] is None or code < new["error_code"]:
        new["error_code"], new["error"] = code, (status.error or "")[:500]


@dataclass(slots=True)
class Applied:
    """What a set of receipts did: chats whose bubbles changed, chats that may go on."""

    changed: set[int] = field(default_factory=set)
    resolved: set[int] = field(default_factory=set)
    # Whether something failed, or what had failed came through after all.
    troubled: bool = False


_message = table_of(Message).c
_columns = [
    _message.id,
    _message.chat_id,
    _message.connection_id,
    _message.key,
    *(_message[name] for name in _FIELDS),
]


def apply(db: Db, statuses: Sequence[tuple[int, Status]], now: int) -> Applied:
    """Apply receipts, given with their connection's id; those whose send is not known yet are kept."""
    applied = Applied()
    by_row = _match(db, statuses)
    matched: set[int] = set()
    changes: list[dict[str, Any]] = []
    again: Counter[int] = Counter()
    for row, indexes in by_row.values():
        matched.update(indexes)
        told = [statuses[i][1] for i in indexes]
        change = advance(row, told)
        if not change:
            # That it was sent we know from the answer already; any other receipt was here before.
            again[row["id"]] += sum(status.status != "sent" for status in told)
            continue
        changes.append({"row": row["id"], **{f"new_{name}": change.get(name, row[name]) for name in _FIELDS}})
        applied.changed.add(row["chat_id"])
        if row["state"] in OPEN and change.get("state", row["state"]) not in OPEN:
            applied.resolved.add(row["chat_id"])
        applied.troubled |= bool(TROUBLE & {row["state"], change.get("state")})
    if again := +again:
        _repeat.each(db, [{"row": row, "times": times} for row, times in sorted(again.items())])
    if changes:
        _change.each(db, sorted(changes, key=lambda c: c["row"]))
    early = [statuses[i] for i in range(len(statuses)) if i not in matched]
    if early:
        db.execute(insert(Receipt), [_receipt(connection_id, status, now) for connection_id, status in early])
    return applied


_change = Hot(
    update(table_of(Message))
    .where(_message.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
)
_repeat = Hot(
    update(table_of(Message))
    .where(_message.id == bindparam("row"))
    .values(repeats=_message.repeats + bindparam("times"))
)
_by_key = Hot(
    select(*_columns).where(among(_message.key, "keys")).order_by(_message.id).with_for_update(key_share=True)
)
_by_provider = Hot(
    select(*_columns)
    .where(_message.direction == literal_column("'out'"), among(_message.provider_id, "ids"))
    .order_by(_message.id)
    .with_for_update(key_share=True)
)


def _match(db: Db, statuses: Sequence[tuple[int, Status]]) -> dict[int, tuple[Mapping[str, Any], list[int]]]:
    """Find the rows the receipts speak of: first by our key, then by the provider's id."""
    found: dict[int, tuple[Mapping[str, Any], list[int]]] = {}
    keys = {s.key for _, s in statuses if is_key(s.key)}
    rows = {row["key"]: row for row in _by_key.rows(db, keys=sorted(keys))} if keys else {}
    rest: dict[str, list[int]] = {}
    for index, (connection_id, status) in enumerate(statuses):
        row = rows.get(status.key) if status.key else None
        if row is not None and row["connection_id"] == connection_id:
            found.setdefault(row["id"], (row, []))[1].append(index)
        else:
            rest.setdefault(status.provider_id, []).append(index)
    if rest:
        for row in _by_provider.rows(db, ids=sorted(rest)):
            indexes = [i for i in rest[row["provider_id"]] if statuses[i][0] == row["connection_id"]]
            if indexes:
                found.setdefault(row["id"], (row, []))[1].extend(indexes)
    return found


def is_key(key: str | None) -> bool:
    """Tell whether callback data is one of our keys."""
    return key is not None and len(key) == KEY_LENGTH and key.startswith(KEY_PREFIX)


def next_key(key: str) -> str:
    """Name the repetition of a send that an operator asked for."""
    return KEY_PREFIX + hashlib.sha256(key.encode()).hexdigest()[: KEY_LENGTH - len(KEY_PREFIX)]


def _receipt(connection_id: int, status: Status, now: int) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "provider_id": status.provider_id[:255],
        "key": status.key[:512] if status.key else None,
        "status": status.status[:20],
        "at": status.at,
        "payload": {"error_code": status.error_code, "error": status.error},
        "created_at": now,
    }


_receipt_columns = table_of(Receipt).c
_kept = Hot(
    select(*_receipt_columns).where(
        or_(among(_receipt_columns.provider_id, "ids"), among(_receipt_columns.key, "keys"))
    )
)


def take_early(db: Db, rows: Iterable[tuple[str, str]]) -> dict[str, list[Status]]:
    """Take the kept receipts of sends, given as (key, provider id); returned by key."""
    pairs = list(rows)
    by_provider = {provider: key for key, provider in pairs}
    keys = [key for key, _ in pairs]
    early: dict[str, list[Status]] = {}
    gone: list[int] = []
    for row in _kept.rows(db, ids=list(by_provider), keys=keys) if pairs else ():
        key = row["key"] if row["key"] in keys else by_provider.get(row["provider_id"])
        if key is None:
            continue
        gone.append(row["id"])
        early.setdefault(key, []).append(
            Status(row["provider_id"], row["status"], row["at"], row["key"], **row["payload"])
        )
    if gone:
        db.execute(delete(Receipt).where(Receipt.id.in_(gone)))
    return early
