"""Outbox: plan a send, store its outcome (transaction C), number of attempts, sending pause (durability 2.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, select, update

from app.bot import lease
from app.bot.delivery import attempts, receipts
from app.bot.delivery.backoff import choose_delay_ms
from app.bot.delivery.rate_limit import SHORT_WAIT_MS, RateLimiter, SendTarget
from app.bot.lease import Lease
from app.bot.models import Connection, Message
from app.bot.models.message_rows import OutboundRow
from app.bot.states import UNSETTLED_STATES, AttemptOutcome, MessageState
from app.channels.contract import (
    OutboundMessage,
    RefusalClass,
    SendRefusal,
    SendResult,
    SendSuccess,
    Status,
    UnknownOutcome,
)
from app.db.schema import get_table
from app.db.statements import InList, Statement
from app.immutable import immutable

MAX_ATTEMPTS = 8
PARK_MS = 15 * 60 * 1000


@immutable
class SendJob:
    """One send to be done after `delay_ms`; `attempts` counts this one, `pair_slot` is the chat's after it (ms).

    `next_replies` are the outbound rows of the same turn that follow it; `resumed`: it was open before.
    """

    lease: Lease
    target: SendTarget
    outbound: OutboundMessage
    attempts: int
    delay_ms: int
    pair_slot: int
    next_replies: tuple[OutboundRow, ...] = ()
    resumed: bool = False

    @property
    def key(self) -> str:
        """The idempotency key of the message."""
        return self.outbound.key


def is_window_closed(target: SendTarget, kind: str, window_until: int, now: int) -> bool:
    """Tell whether the channel would refuse a free-form message now (whatsapp A12)."""
    return target.window_refusal is not None and kind != "template" and window_until < now


def plan_send(
    target: SendTarget, chat: lease.FencedChat, limiter: RateLimiter, row: OutboundRow, now: int
) -> tuple[SendJob | None, int]:
    """Return the send of a new outbound row, None if it waits, and when it goes (ms); changes the row to match."""
    if is_window_closed(target, row["kind"], chat.window_until, now):
        # The claim that follows closes this row and those behind it.
        return None, now
    at, slot = limiter.reserve(target, chat.pair_slot, now)
    if at > now + SHORT_WAIT_MS:
        row["next_at"] = at
        return None, at
    row["state"], row["attempts"] = MessageState.SENDING, 1
    return SendJob(chat.lease, target, target.build_outbound(row), 1, at - now, slot), at


@immutable
class Completion:
    """The outcome of a send; `now` in ms, `jitter` in 0..1."""

    send_job: SendJob
    result: SendResult
    now: int
    jitter: float


@dataclass(slots=True)
class CompletionResult:
    """What follows a completion: another send, or the lease of the chat released (`has_more`: it has work left)."""

    send_job: SendJob | None = None
    has_more: bool = False
    park_reason: str | None = None


@dataclass(slots=True)
class _Changes:
    """What a transaction C will write."""

    limiter: RateLimiter
    steps: lease.Steps = field(default_factory=lease.Steps)
    rows: list[dict[str, Any]] = field(default_factory=list)
    next_reply_rows: list[dict[str, Any]] = field(default_factory=list)
    parked: dict[int, tuple[int, str]] = field(default_factory=dict)
    attempt_rows: list[dict[str, Any]] = field(default_factory=list)


def complete(db: Db, completions: Sequence[Completion]) -> list[CompletionResult]:
    """Store outcomes of sends; what a status has set meanwhile stands. Called by the writer."""
    held = lease.fence(db, [c.send_job.lease for c in completions])
    rows = _read_rows(db, [c.send_job.key for c in completions])
    early = receipts.pop_early(
        db, [(c.send_job.key, c.result.provider_id) for c in completions if isinstance(c.result, SendSuccess)]
    )
    changes = _Changes(RateLimiter(db, {c.send_job.target.connection_id for c in completions}))
    settled = []
    for each in completions:
        row = rows[each.send_job.key]
        change = _compute_change(each, row, early.get(each.send_job.key, []), changes)
        new = {**row, **change}
        changes.attempt_rows += _attempt_rows(each, row["id"])
        if change:
            changes.rows.append({"row": row["id"], **{f"new_{name}": new[name] for name in _FIELDS}})
        settled.append(new)
    _write_rows(db, changes)
    attempts.write(db, changes.attempt_rows)
    results = [
        _continue_chat(each, new, held.get(each.send_job.lease.chat_id), changes)
        for each, new in zip(completions, settled, strict=True)
    ]
    if changes.next_reply_rows:
        _UPDATE_STATE.execute_many(db, changes.next_reply_rows)
    changes.steps.write(db)
    changes.limiter.write(db)
    for connection_id, (until, reason) in sorted(changes.parked.items()):
        db.execute(_UPDATE_PARKED, {"row": connection_id, "until": until, "reason": reason[:300]})
    return results


_FIELDS = (*receipts.FIELDS, "attempts", "next_at", "accepted_at")
_message = get_table(Message).c
_SELECT_BY_KEYS = Statement(
    select(_message.id, _message.key, *(_message[name] for name in _FIELDS))
    .where(InList(_message.key, "keys"))
    .order_by(_message.id)
    .with_for_update(key_share=True)
)
_UPDATE_MESSAGE = Statement(
    update(get_table(Message))
    .where(_message.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS}),
    is_locked=True,
)
_UPDATE_STATE = Statement(
    update(get_table(Message))
    .where(_message.key == bindparam("send"))
    .values(state=bindparam("to"), attempts=bindparam("tries"), next_at=bindparam("at")),
    is_locked=True,
)
_UPDATE_PARKED = (
    update(get_table(Connection))
    .where(get_table(Connection).c.id == bindparam("row"))
    .values(parked_until=bindparam("until"), parked_reason=bindparam("reason"))
)


def _read_rows(db: Db, keys: list[str]) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in _SELECT_BY_KEYS.execute(db, keys=keys)}


def _write_rows(db: Db, changes: _Changes) -> None:
    if changes.rows:
        _UPDATE_MESSAGE.execute_many(db, sorted(changes.rows, key=lambda row: row["row"]))


def _attempt_rows(each: Completion, message_id: int) -> list[dict[str, Any]]:
    """Return the record of a try; none of one that came through at once."""
    result, number = each.result, each.send_job.attempts
    if isinstance(result, SendSuccess):
        return [attempts.build_row(message_id, each.now, AttemptOutcome.SENT, number)] if number > 1 else []
    if isinstance(result, UnknownOutcome):
        return [
            attempts.build_row(
                message_id, each.now, AttemptOutcome.UNCERTAIN, number, ("unknown", result.message)
            )
        ]
    return [
        attempts.build_row(
            message_id, each.now, AttemptOutcome.REFUSED, number, (result.code, result.message)
        )
    ]


def _compute_change(
    each: Completion, row: Mapping[str, Any], early: list[Status], changes: _Changes
) -> dict[str, Any]:
    """Return what an outcome changes in its row."""
    result, job = each.result, each.send_job
    if isinstance(result, SendSuccess):
        accepted = Status(result.provider_id, MessageState.SENT, each.now, job.key)
        waited = {"next_at": None} if row["next_at"] else {}
        first = {} if row["accepted_at"] else {"accepted_at": each.now}
        return {**receipts.advance(row, [accepted, *early]), **waited, **first}
    if row["state"] not in {MessageState.SENDING, MessageState.UNKNOWN} or row["attempts"] != job.attempts:
        return {}
    if isinstance(result, UnknownOutcome):
        return build_unknown_fields(each.now + job.target.grace_ms, result.message)
    return _compute_refusal(each, result, changes)


def build_unknown_fields(until: int, message: str) -> dict[str, Any]:
    """Return the row of a send whose outcome cannot be known before a status or `until` (ms)."""
    return {"state": MessageState.UNKNOWN, "next_at": until, "error_code": "unknown", "error": message[:500]}


def _compute_refusal(each: Completion, refusal: SendRefusal, changes: _Changes) -> dict[str, Any]:
    error = {"error_code": refusal.code[:40], "error": refusal.message[:500]}
    job, now = each.send_job, each.now
    if refusal.refusal_class in {RefusalClass.TOKEN, RefusalClass.ACCOUNT}:
        changes.parked[job.target.connection_id] = (now + PARK_MS, refusal.message)
        # The message is not to blame: this try does not count.
        return {**error, "state": MessageState.RETRY, "next_at": now + PARK_MS, "attempts": job.attempts - 1}
    if refusal.refusal_class in {RefusalClass.NEVER, RefusalClass.FIX}:
        return {**error, "state": MessageState.FAILED, "failed_at": now, "next_at": None}
    if job.attempts >= (refusal.max_attempts or MAX_ATTEMPTS):
        return {**error, "state": MessageState.DEAD, "failed_at": now, "next_at": None}
    return {
        **error,
        "state": MessageState.RETRY,
        "next_at": now + choose_delay_ms(refusal, job.attempts, each.jitter),
    }


def _continue_chat(
    each: Completion, row: Mapping[str, Any], chat: lease.FencedChat | None, changes: _Changes
) -> CompletionResult:
    """Start the next reply of the turn, or release the chat's lease."""
    job, now, steps = each.send_job, each.now, changes.steps
    parked = changes.parked.get(job.target.connection_id)
    completed = CompletionResult(park_reason=parked[1] if parked else None)
    if chat is None:
        return completed
    if row["state"] in UNSETTLED_STATES:
        steps.release(job.lease, row["next_at"] or now)
    elif job.next_replies:
        completed.send_job = _start_next_reply(each, chat, changes)
    else:
        completed.has_more = chat.pending > 0 or job.resumed
        steps.release(job.lease, now if completed.has_more else None)
    return completed


def _start_next_reply(each: Completion, chat: lease.FencedChat, changes: _Changes) -> SendJob | None:
    job, now = each.send_job, each.now
    row = job.next_replies[0].copy()
    held = replace(chat, pair_slot=job.pair_slot)
    following, ready_at = plan_send(job.target, held, changes.limiter, row, now)
    changes.next_reply_rows.append(
        {"send": row["key"], "to": row["state"], "tries": row["attempts"], "at": row["next_at"]}
    )
    if following is None:
        changes.steps.release(job.lease, ready_at)
        return None
    changes.steps.hold(job.lease, now, following.pair_slot)
    return replace(following, next_replies=job.next_replies[1:])
