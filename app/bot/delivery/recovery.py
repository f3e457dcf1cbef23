"""Recovery of sends without a known outcome after a crash: resume, wait, hold or close (specs: durability 2.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, literal_column, select, update

from app.bot import lease
from app.bot.delivery import attempts
from app.bot.delivery.outbox import SendJob, build_unknown_fields, is_window_closed
from app.bot.delivery.rate_limit import SHORT_WAIT_MS, RateLimiter, SendTarget
from app.bot.lease import ClaimedChat
from app.bot.models import Message, WorkerHeartbeat
from app.bot.states import AttemptOutcome, MessageState
from app.db.schema import get_table
from app.db.statements import Statement

_HELD_FIELDS = {
    "state": MessageState.HELD,
    "error_code": "unknown",
    "error": "Held: it is not known whether this arrived. Look at the chat, then send it again or leave it.",
}
_LOST_ERROR = "The worker stopped while this was being sent. A receipt will tell whether it arrived."
WEB_ALIVE_MS = 15_000
# Each repetition of an unknown send may be a double: after this many tries a person looks first.
MAX_UNKNOWN_ATTEMPTS = 3


class SendRecovery:
    """The open sends of claimed chats; `send_jobs` may go now, `changed_chat_ids` have messages that changed."""

    def __init__(self, db: Db, now: int, limiter: RateLimiter) -> None:
        self._db = db
        self._now = now
        self._limiter = limiter
        self._changes: list[dict[str, Any]] = []
        self._attempt_rows: list[dict[str, Any]] = []
        self.steps = lease.Steps()
        self.send_jobs: list[SendJob] = []
        self.changed_chat_ids: set[int] = set()

    def recover(self, chat: ClaimedChat, target: SendTarget, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Handle a chat's open sends, oldest first; false when none of them is open any more."""
        for row in rows:
            fields = self._find_end(chat, target, row)
            if fields is None:
                self._recover_one(chat, target, row)
                return True
            self._close(row, chat, fields)
        return False

    def write(self) -> None:
        """Store what was decided."""
        if self._changes:
            _UPDATE_MESSAGE.execute_many(self._db, sorted(self._changes, key=lambda row: row["row"]))
        attempts.write(self._db, self._attempt_rows)
        self.steps.write(self._db)
        self._limiter.write(self._db)

    def _find_end(
        self, chat: ClaimedChat, target: SendTarget, row: Mapping[str, Any]
    ) -> Mapping[str, str] | None:
        """Return the fields of a send that ends here: its window has closed, or an operator has to decide."""
        refusal = target.window_refusal
        if (
            refusal is not None
            and row["state"] in {MessageState.QUEUED, MessageState.RETRY}
            and is_window_closed(target, row["kind"], chat.window_until, self._now)
        ):
            return {"state": MessageState.FAILED, "error_code": refusal.code, "error": refusal.message}
        if row["state"] == MessageState.UNKNOWN and row["next_at"] <= self._now and _should_hold(target, row):
            return _HELD_FIELDS
        return None

    def _recover_one(self, chat: ClaimedChat, target: SendTarget, row: Mapping[str, Any]) -> None:
        if row["state"] == MessageState.SENDING and not target.repeatable:
            # Its worker died between transaction B and C.
            changed = build_unknown_fields(self._now + target.grace_ms, _LOST_ERROR)
            self._add_change(row, changed, chat)
            self._add_attempt(row, AttemptOutcome.LOST, changed)
            self.steps.release(chat.lease, changed["next_at"])
            return
        at = row["next_at"] or 0
        if row["state"] == MessageState.UNKNOWN and not (
            at <= self._now and self._is_webhook_alive(target, at)
        ):
            self.steps.release(chat.lease, max(at, self._now + target.grace_ms // 4))
            return
        slot = chat.pair_slot
        if at <= self._now:
            at, slot = self._limiter.reserve(target, chat.pair_slot, self._now)
        if at > self._now + SHORT_WAIT_MS:
            self.steps.release(chat.lease, at)
            return
        job = SendJob(
            chat.lease,
            target,
            target.build_outbound(row),
            row["attempts"] + 1,
            max(0, at - self._now),
            slot,
            resumed=True,
        )
        self._add_change(
            row, {"state": MessageState.SENDING, "attempts": job.attempts, "next_at": None}, chat
        )
        self.steps.hold(chat.lease, self._now, slot)
        self.send_jobs.append(job)

    def _is_webhook_alive(self, target: SendTarget, due: int) -> bool:
        """Tell whether a status would have reached us by now: only then does its silence mean anything.

        The grace period counts while web processes live, without a break since the send. A webhook of this
        connection must prove the way to us besides; a quiet number may get none for hours, so after three grace
        periods the living processes are enough.
        """
        sent_at = due - target.grace_ms
        if target.last_webhook_at <= sent_at and self._now < sent_at + 3 * target.grace_ms:
            return False
        alive = _SELECT_LIVE_WEB.execute(self._db, {"since": self._now - WEB_ALIVE_MS})
        return bool(alive) and all(
            web["beat_at"] - max(web["started_at"], sent_at) >= target.grace_ms for web in alive
        )

    def _close(self, row: Mapping[str, Any], chat: ClaimedChat, end: Mapping[str, str]) -> None:
        self._add_change(row, {**end, "failed_at": self._now, "next_at": None}, chat)
        is_held = end["state"] == MessageState.HELD
        self._add_attempt(row, AttemptOutcome.HELD if is_held else AttemptOutcome.CLOSED, end)

    def _add_attempt(self, row: Mapping[str, Any], outcome: AttemptOutcome, end: Mapping[str, Any]) -> None:
        why = (end["error_code"], end["error"])
        self._attempt_rows.append(attempts.build_row(row["id"], self._now, outcome, row["attempts"], why))

    def _add_change(self, row: Mapping[str, Any], changed: Mapping[str, Any], chat: ClaimedChat) -> None:
        fields = {"error_code": None, "error": None, "failed_at": None, **row, **changed}
        self._changes.append({"row": row["id"], **{f"new_{name}": fields[name] for name in _FIELDS}})
        self.changed_chat_ids.add(chat.lease.chat_id)


def _should_hold(target: SendTarget, row: Mapping[str, Any]) -> bool:
    """Tell whether an unknown send is for the operator to decide: by setting, or since repeating did not help."""
    return target.on_unknown == "hold" or row["attempts"] >= MAX_UNKNOWN_ATTEMPTS


_worker = get_table(WorkerHeartbeat).c
_SELECT_LIVE_WEB = Statement(
    select(_worker.started_at, _worker.beat_at).where(
        _worker.name.like(literal_column("'web:%'")), _worker.beat_at > bindparam("since")
    )
)
_FIELDS = ("state", "attempts", "next_at", "error_code", "error", "failed_at")
_message = get_table(Message).c
_UPDATE_MESSAGE = Statement(
    update(get_table(Message))
    .where(_message.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
)
