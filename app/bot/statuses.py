"""Delivery states as a lattice: late, repeated and reordered receipts all end in the same state (whatsapp A6)."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, delete, insert, or_, select, update

from app.bot.channels.contract import Status
from app.bot.models import Message, Receipt

# A send whose fate the provider has not told: any word from it wins.
OPEN = ("queued", "sending", "retry", "unknown")
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
_FIELDS = (
    "state", "provider_id", "error_code", "error", "sent_at", "delivered_at", "read_at", "failed_at"
)


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


_columns = [
    Message.id, Message.chat_id, Message.connection_id, Message.key,
    *(getattr(Message, name) for name in _FIELDS),
]


def apply(db: Db, statuses: Sequence[tuple[int, Status]], now: int) -> Applied:
    """Apply receipts, given with their connection's id; those whose send is not known yet are kept."""
    applied = Applied()
    by_row = _match(db, statuses)
    matched: set[int] = set()
    changes: list[dict[str, Any]] = []
    for row, indexes in by_row.values():
        matched.update(indexes)
        change = advance(row, [statuses[i][1] for i in indexes])
        if not change:
            continue
        changes.append({"row": row["id"], **{f"new_{name}": change.get(name, row[name]) for name in _FIELDS}})
        applied.changed.add(row["chat_id"])
        if row["state"] in OPEN and change.get("state", row["state"]) not in OPEN:
            applied.resolved.add(row["chat_id"])
    if changes:
        db.execute(_change, sorted(changes, key=lambda c: c["row"]))
    early = [statuses[i] for i in range(len(statuses)) if i not in matched]
    if early:
        db.execute(insert(Receipt), [_receipt(connection_id, status, now) for connection_id, status in early])
    return applied


_change = (
    update(Message.__table__)  # type: ignore[arg-type]
    .where(Message.__table__.c.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
)
_by_key = (
    select(*_columns)
    .where(Message.key.in_(bindparam("keys", expanding=True)))
    .order_by(Message.id)
    .with_for_update(key_share=True)
)
_by_provider = (
    select(*_columns)
    .where(Message.direction == "out", Message.provider_id.in_(bindparam("ids", expanding=True)))
    .order_by(Message.id)
    .with_for_update(key_share=True)
)


def _match(
    db: Db, statuses: Sequence[tuple[int, Status]]
) -> dict[int, tuple[Mapping[str, Any], list[int]]]:
    """Find the rows the receipts speak of: first by our key, then by the provider's id."""
    found: dict[int, tuple[Mapping[str, Any], list[int]]] = {}
    keys = {s.key for _, s in statuses if is_key(s.key)}
    rows = {row.key: row._mapping for row in db.execute(_by_key, {"keys": sorted(keys)})} if keys else {}  # noqa: SLF001  public name of SQLAlchemy's row mapping
    rest: dict[str, list[int]] = {}
    for index, (connection_id, status) in enumerate(statuses):
        row = rows.get(status.key) if status.key else None
        if row is not None and row["connection_id"] == connection_id:
            found.setdefault(row["id"], (row, []))[1].append(index)
        else:
            rest.setdefault(status.provider_id, []).append(index)
    if rest:
        for each in db.execute(_by_provider, {"ids": sorted(rest)}):
            row = each._mapping  # noqa: SLF001  the same
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


def take_early(db: Db, rows: Iterable[tuple[str, str]]) -> dict[str, list[Status]]:
    """Take the kept receipts of sends, given as (key, provider id); returned by key."""
    pairs = list(rows)
    by_provider = {provider: key for key, provider in pairs}
    keys = [key for key, _ in pairs]
    query = select(Receipt).where(or_(Receipt.provider_id.in_(list(by_provider)), Receipt.key.in_(keys)))
    early: dict[str, list[Status]] = {}
    gone: list[int] = []
    for receipt in db.execute(query):
        key = receipt.key if receipt.key in keys else by_provider.get(receipt.provider_id)
        if key is None:
            continue
        gone.append(receipt.id)
        early.setdefault(key, []).append(
            Status(receipt.provider_id, receipt.status, receipt.at, receipt.key, **receipt.payload)
        )
    if gone:
        db.execute(delete(Receipt).where(Receipt.id.in_(gone)))
    return early
