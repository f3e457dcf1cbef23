"""Sends: paced, fenced, and their outcomes stored as transaction C (specs: durability 2.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, select, update

from app.bot import attempts, lease, statuses
from app.bot.channels.contract import Fault, Refused, SendResult, Sent, Status, Uncertain
from app.bot.lease import Lease
from app.bot.models import Connection, Message
from app.bot.pacing import SHORT_WAIT, Pace, Sending, backoff, pair_backoff
from app.db import table_of
from app.sql import Hot, among

MAX_TRIES = 8
PARKED = 15 * 60 * 1000
PAIR_LIMIT = "131056"


@dataclass(frozen=True, slots=True)
class Order:
    """One send to be done now, after `wait` ms; `rest` are the replies of the same turn that follow it."""

    lease: Lease
    sending: Sending
    key: str
    content: Mapping[str, Any]
    quoted_id: str | None
    attempts: int
    wait: int
    pair_slot: int
    rest: tuple[Mapping[str, Any], ...] = ()
    resumed: bool = False


def window_closed(sending: Sending, kind: str, window_until: int, now: int) -> bool:
    """Tell whether WhatsApp would refuse a free-form message now (whatsapp A12)."""
    return sending.window_hours is not None and kind != "template" and window_until < now


def first_send(
    sending: Sending, chat: lease.Held, pace: Pace, row: dict[str, Any], now: int
) -> tuple[Order | None, int]:
    """Let a new outbound row go now, or say when; changes the row to match."""
    if window_closed(sending, row["kind"], chat.window_until, now):
        # The claim that follows closes this row and those behind it.
        return None, now
    at, slot = pace.turn(sending, chat.pair_slot, now)
    if at > now + SHORT_WAIT:
        row["next_at"] = at
        return None, at
    row["state"], row["attempts"] = "sending", 1
    return Order(chat.lease, sending, row["key"], row["payload"], row["quoted_id"], 1, at - now, slot), at


@dataclass(frozen=True, slots=True)
class Completion:
    """The outcome of an order; `jitter` in 0..1."""

    order: Order
    result: SendResult
    now: int
    jitter: float


@dataclass(slots=True)
class Completed:
    """What follows a completion: another order, or a chat let go (`more`: it has work)."""

    order: Order | None = None
    more: bool = False
    parked: str | None = None


@dataclass(slots=True)
class _Changes:
    """What a transaction C will write."""

    pace: Pace
    steps: lease.Steps = field(default_factory=lease.Steps)
    rows: list[dict[str, Any]] = field(default_factory=list)
    started: list[dict[str, Any]] = field(default_factory=list)
    parked: dict[int, tuple[int, str]] = field(default_factory=dict)
    tries: list[dict[str, Any]] = field(default_factory=list)


def complete(db: Db, completions: Sequence[Completion]) -> list[Completed]:
    """Store outcomes of sends; what a status said meanwhile stands. Called by the writer."""
    held = lease.fence(db, [c.order.lease for c in completions])
    rows = _rows(db, [c.order.key for c in completions])
    early = statuses.take_early(
        db, [(c.order.key, c.result.provider_id) for c in completions if isinstance(c.result, Sent)]
    )
    changes = _Changes(Pace(db, {c.order.sending.connection_id for c in completions}))
    settled = []
    for each in completions:
        row = rows[each.order.key]
        change = _outcome(each, row, early.get(each.order.key, []), changes)
        new = {**row, **change}
        changes.tries += _worth_keeping(each, row["id"])
        if change:
            changes.rows.append({"row": row["id"], **{f"new_{name}": new[name] for name in _FIELDS}})
        settled.append(new)
    _write_rows(db, changes)
    attempts.write(db, changes.tries)
    results = [
        _follow(each, new, held.get(each.order.lease.chat_id), changes)
        for each, new in zip(completions, settled, strict=True)
    ]
    if changes.started:
        _start.each(db, changes.started)
    changes.steps.write(db)
    changes.pace.write(db)
    for connection_id, (until, reason) in sorted(changes.parked.items()):
        db.execute(_park, {"row": connection_id, "until": until, "reason": reason[:300]})
    return results


_FIELDS = (
    "state",
    "provider_id",
    "attempts",
    "next_at",
    "error_code",
    "error",
    "sent_at",
    "delivered_at",
    "read_at",
    "failed_at",
    "accepted_at",
)
_message = table_of(Message).c
_by_keys = Hot(
    select(_message.id, _message.key, *(_message[name] for name in _FIELDS))
    .where(among(_message.key, "keys"))
    .order_by(_message.id)
    .with_for_update(key_share=True)
)
_change = Hot(
    update(table_of(Message))
    .where(_message.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
)
_start = Hot(
    update(table_of(Message))
    .where(_message.key == bindparam("send"))
    .values(state=bindparam("to"), attempts=bindparam("tries"), next_at=bindparam("at"))
)
_park = (
    update(table_of(Connection))
    .where(table_of(Connection).c.id == bindparam("row"))
    .values(parked_until=bindparam("until"), parked_reason=bindparam("reason"))
)


def _rows(db: Db, keys: list[str]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in _by_keys.rows(db, keys=keys)}


def _write_rows(db: Db, changes: _Changes) -> None:
    if changes.rows:
        _change.each(db, sorted(changes.rows, key=lambda row: row["row"]))


def _worth_keeping(each: Completion, message_id: int) -> list[dict[str, Any]]:
    """Return the record of a try; none of one that came through at once."""
    result, number = each.result, each.order.attempts
    if isinstance(result, Sent):
        return [attempts.row(message_id, each.now, "sent", number)] if number > 1 else []
    if isinstance(result, Uncertain):
        return [attempts.row(message_id, each.now, "uncertain", number, ("unknown", result.message))]
    return [attempts.row(message_id, each.now, "refused", number, (result.code, result.message))]


def _outcome(
    each: Completion, row: Mapping[str, Any], early: list[Status], changes: _Changes
) -> dict[str, Any]:
    """Return what an outcome changes in its row."""
    result, order = each.result, each.order
    if isinstance(result, Sent):
        took = Status(result.provider_id, "sent", each.now, order.key)
        waited = {"next_at": None} if row["next_at"] else {}
        first = {} if row["accepted_at"] else {"accepted_at": each.now}
        return {**statuses.advance(row, [took, *early]), **waited, **first}
    if row["state"] not in {"sending", "unknown"} or row["attempts"] != order.attempts:
        return {}
    if isinstance(result, Uncertain):
        return uncertain(each.now + order.sending.grace, result.message)
    return _refused(each, result, changes)


def uncertain(until: int, message: str) -> dict[str, Any]:
    """Return the row of a send whose outcome cannot be known before a status or `until` (ms)."""
    return {"state": "unknown", "next_at": until, "error_code": "unknown", "error": message[:500]}


def _refused(each: Completion, refused: Refused, changes: _Changes) -> dict[str, Any]:
    told = {"error_code": refused.code[:40], "error": refused.message[:500]}
    order, now = each.order, each.now
    if refused.fault in {Fault.TOKEN, Fault.ACCOUNT}:
        changes.parked[order.sending.connection_id] = (now + PARKED, refused.message)
        # The message is not to blame: this try does not count.
        return {**told, "state": "retry", "next_at": now + PARKED, "attempts": order.attempts - 1}
    if refused.fault in {Fault.NEVER, Fault.FIX}:
        return {**told, "state": "failed", "failed_at": now, "next_at": None}
    if order.attempts >= (refused.max_tries or MAX_TRIES):
        return {**told, "state": "dead", "failed_at": now, "next_at": None}
    return {**told, "state": "retry", "next_at": now + _wait(each, refused)}


def _wait(each: Completion, refused: Refused) -> int:
    if refused.retry_after is not None:
        return int(refused.retry_after * 1000)
    if refused.code == PAIR_LIMIT:
        return pair_backoff(each.order.attempts - 1)
    return backoff(each.order.attempts - 1, each.jitter)


def _follow(
    each: Completion, row: Mapping[str, Any], chat: lease.Held | None, changes: _Changes
) -> Completed:
    """Go on with the next reply of the turn, or let the chat go."""
    order, now, steps = each.order, each.now, changes.steps
    parked = changes.parked.get(order.sending.connection_id)
    completed = Completed(parked=parked[1] if parked else None)
    if chat is None:
        return completed
    if row["state"] in statuses.OPEN:
        steps.release(order.lease, row["next_at"] or now)
    elif order.rest:
        completed.order = _next_reply(each, chat, changes)
    else:
        completed.more = chat.pending > 0 or order.resumed
        steps.release(order.lease, now if completed.more else None)
    return completed


def _next_reply(each: Completion, chat: lease.Held, changes: _Changes) -> Order | None:
    order, now = each.order, each.now
    row = dict(order.rest[0])
    held = replace(chat, pair_slot=order.pair_slot)
    following, ready_at = first_send(order.sending, held, changes.pace, row, now)
    changes.started.append(
        {"send": row["key"], "to": row["state"], "tries": row["attempts"], "at": row["next_at"]}
    )
    if following is None:
        changes.steps.release(order.lease, ready_at)
        return None
    changes.steps.keep(order.lease, now, following.pair_slot)
    return replace(following, rest=order.rest[1:])
