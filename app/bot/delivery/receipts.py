"""Delivery receipts: order of message states, so late or repeated ones end in the same state (whatsapp A6)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, delete, insert, literal_column, or_, select, update

from app.bot.delivery import receipt_details
from app.bot.models import Message, Receipt
from app.bot.models.message_keys import is_key
from app.bot.states import TROUBLE_STATES, UNSETTLED_STATES, Direction, MessageState, sql_is
from app.channels.contract import Status
from app.db.schema import get_table
from app.db.statements import InList, Statement

_RANK: dict[str, int] = {
    MessageState.SENT: 1,
    MessageState.FAILED: 2,
    MessageState.DELIVERED: 3,
    MessageState.READ: 4,
    MessageState.PLAYED: 5,
}
# The words a provider may use beyond ours change nothing.
KNOWN_STATUSES = frozenset(_RANK)
_TIME_COLUMNS: dict[str, str] = {
    MessageState.SENT: "sent_at",
    MessageState.DELIVERED: "delivered_at",
    MessageState.READ: "read_at",
    MessageState.PLAYED: "read_at",
    MessageState.FAILED: "failed_at",
}
# Columns of a message that receipts change.
FIELDS = (
    "state",
    "provider_id",
    "error_code",
    "error",
    "sent_at",
    "delivered_at",
    "read_at",
    "failed_at",
    "delivery",
)


def get_rank(state: str) -> int:
    """Return the rank of a state in the lattice; 0 for everything before the provider's acceptance."""
    return _RANK.get(state, 0)


def advance(row: Mapping[str, Any], statuses: Iterable[Status]) -> dict[str, Any]:
    """Return what `statuses` change in a message row; the order and number of receipts do not matter."""
    new = {"delivery": None, **row}
    for status in statuses:
        if status.status in KNOWN_STATUSES:
            new["delivery"] = receipt_details.merge(new["delivery"], status)
        state = receipt_details.get_message_state(status)
        if state not in KNOWN_STATUSES:
            continue
        if get_rank(new["state"]) == 0:
            # What our own refused tries left behind says nothing about this send any more.
            new["error_code"] = new["error"] = None
        column = _TIME_COLUMNS[state]
        known = new[column]
        new[column] = status.at if known is None else min(known, status.at)
        if state == MessageState.FAILED:
            _keep_error(new, status)
        if get_rank(state) > get_rank(new["state"]):
            new["state"] = state
        if not new["provider_id"]:
            new["provider_id"] = status.provider_id
    return {name: new[name] for name in FIELDS if new[name] != row.get(name)}


def _keep_error(new: dict[str, Any], status: Status) -> None:
    # Of several failures the least by code stays, so that any order of arrival ends alike.
    code = status.error_code or ""
    if new["error_code"] is None or code < new["error_code"]:
        new["error_code"], new["error"] = code, (status.error or "")[:500]


@dataclass(slots=True)
class ReceiptResult:
    """What a set of receipts changed: chats to be shown again, chats whose next send may go."""

    changed_chat_ids: set[int] = field(default_factory=set)
    resolved_chat_ids: set[int] = field(default_factory=set)
    # Whether something failed, or what had failed came through after all.
    failures_changed: bool = False


_message = get_table(Message).c
_columns = [
    _message.id,
    _message.chat_id,
    _message.connection_id,
    _message.key,
    *(_message[name] for name in FIELDS),
]


def apply(db: Db, statuses: Sequence[tuple[int, Status]], now: int) -> ReceiptResult:
    """Apply receipts, given with their connection's id; those whose send is not known yet are kept."""
    applied = ReceiptResult()
    by_row = _match(db, statuses)
    matched: set[int] = set()
    changes: list[dict[str, Any]] = []
    again: Counter[int] = Counter()
    for row, indexes in by_row.values():
        matched.update(indexes)
        received = [statuses[i][1] for i in indexes]
        change = advance(row, received)
        if not change:
            # That it was sent we know from the answer already; any other receipt was here before.
            again[row["id"]] += sum(status.status != MessageState.SENT for status in received)
            continue
        changes.append({"row": row["id"], **{f"new_{name}": change.get(name, row[name]) for name in FIELDS}})
        applied.changed_chat_ids.add(row["chat_id"])
        if row["state"] in UNSETTLED_STATES and change.get("state", row["state"]) not in UNSETTLED_STATES:
            applied.resolved_chat_ids.add(row["chat_id"])
        applied.failures_changed |= row["state"] in TROUBLE_STATES or change.get("state") in TROUBLE_STATES
    if again := +again:
        _UPDATE_REPEATS.execute_many(
            db, [{"row": row, "times": times} for row, times in sorted(again.items())]
        )
    if changes:
        _UPDATE_MESSAGE.execute_many(db, sorted(changes, key=lambda c: c["row"]))
    early = [statuses[i] for i in range(len(statuses)) if i not in matched]
    if early:
        db.execute(
            insert(Receipt),
            [_build_receipt_row(connection_id, status, now) for connection_id, status in early],
        )
    return applied


_UPDATE_MESSAGE = Statement(
    update(get_table(Message))
    .where(_message.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in FIELDS}),
    is_locked=True,
)
_UPDATE_REPEATS = Statement(
    update(get_table(Message))
    .where(_message.id == bindparam("row"))
    .values(repeats=_message.repeats + bindparam("times")),
    is_locked=True,
)
_SELECT_BY_KEY = Statement(
    select(*_columns)
    .where(InList(_message.key, "keys"))
    .order_by(_message.id)
    .with_for_update(key_share=True)
)
_SELECT_BY_PROVIDER_ID = Statement(
    select(*_columns)
    .where(literal_column(sql_is("message.direction", Direction.OUT)), InList(_message.provider_id, "ids"))
    .order_by(_message.id)
    .with_for_update(key_share=True)
)


def _match(db: Db, statuses: Sequence[tuple[int, Status]]) -> dict[int, tuple[Mapping[str, Any], list[int]]]:
    """Find the rows the receipts speak of: first by our key, then by the provider's id."""
    found: dict[int, tuple[Mapping[str, Any], list[int]]] = {}
    keys = {s.key for _, s in statuses if is_key(s.key)}
    rows = {row["key"]: row for row in _SELECT_BY_KEY.execute(db, keys=sorted(keys))} if keys else {}
    rest: dict[str, list[int]] = {}
    for index, (connection_id, status) in enumerate(statuses):
        row = rows.get(status.key) if status.key else None
        if row is not None and row["connection_id"] == connection_id:
            found.setdefault(row["id"], (row, []))[1].append(index)
        else:
            rest.setdefault(status.provider_id, []).append(index)
    if rest:
        for row in _SELECT_BY_PROVIDER_ID.execute(db, ids=sorted(rest)):
            indexes = [i for i in rest[row["provider_id"]] if statuses[i][0] == row["connection_id"]]
            if indexes:
                found.setdefault(row["id"], (row, []))[1].extend(indexes)
    return found


def _build_receipt_row(connection_id: int, status: Status, now: int) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "provider_id": status.provider_id[:255],
        "key": status.key[:512] if status.key else None,
        "status": status.status[:20],
        "at": status.at,
        "payload": {
            "error_code": status.error_code,
            "error": status.error,
            **({"details": status.details} if status.details else {}),
            **({"participant": status.participant} if status.participant else {}),
        },
        "created_at": now,
    }


_receipt_columns = get_table(Receipt).c
_SELECT_EARLY = Statement(
    select(*_receipt_columns).where(
        or_(InList(_receipt_columns.provider_id, "ids"), InList(_receipt_columns.key, "keys"))
    )
)


def pop_early(db: Db, rows: Iterable[tuple[str, str]]) -> dict[str, list[Status]]:
    """Take the kept receipts of sends, given as (key, provider id); returned by key."""
    pairs = list(rows)
    by_provider = {provider: key for key, provider in pairs}
    keys = [key for key, _ in pairs]
    early: dict[str, list[Status]] = {}
    gone: list[int] = []
    for row in _SELECT_EARLY.execute(db, ids=list(by_provider), keys=keys) if pairs else ():
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
