"""Sends found open at a claim: taken up again, waited for, held or closed (specs: durability 2.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, literal_column, select, update

from app.bot import attempts, lease
from app.bot.lease import Claimed
from app.bot.models import Message, Worker
from app.bot.outbox import Order, uncertain, window_closed
from app.bot.pacing import SHORT_WAIT, Pace, Sending
from app.db import table_of
from app.sql import Hot

_WINDOW = {
    "state": "failed",
    "error_code": "131047",
    "error": "The 24-hour window is closed: this person has not written for a day. WhatsApp only takes an approved "
    "template now.",
}
_HELD = {
    "state": "held",
    "error_code": "unknown",
    "error": "Held: it is not known whether this arrived. Look at the chat, then send it again or leave it.",
}
_LOST = "The worker stopped while this was being sent. A status from WhatsApp will tell whether it arrived."
WEB_ALIVE = 15_000
# Each repetition of an unknown send may be a double: after this many tries a person looks first.
MAX_UNKNOWN = 3


class Desk:
    """Decides about the open sends of claimed chats; `orders` may go now, `changed` are chats whose bubbles did."""

    def __init__(self, db: Db, now: int, pace: Pace) -> None:
        self._db = db
        self._now = now
        self._pace = pace
        self._changes: list[dict[str, Any]] = []
        self._tries: list[dict[str, Any]] = []
        self.steps = lease.Steps()
        self.orders: list[Order] = []
        self.changed: set[int] = set()

    def resume(self, chat: Claimed, sending: Sending, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Deal with a chat's open sends, oldest first; false when none of them is in the way any more."""
        for row in rows:
            if row["state"] in {"queued", "retry"} and window_closed(
                sending, row["kind"], chat.window_until, self._now
            ):
                self._close(row, chat, _WINDOW)
                continue
            if row["state"] == "unknown" and row["next_at"] <= self._now and _holds(sending, row):
                self._close(row, chat, _HELD)
                continue
            self._take_up(chat, sending, row)
            return True
        return False

    def write(self) -> None:
        """Store what was decided."""
        if self._changes:
            _change.each(self._db, sorted(self._changes, key=lambda row: row["row"]))
        attempts.write(self._db, self._tries)
        self.steps.write(self._db)
        self._pace.write(self._db)

    def _take_up(self, chat: Claimed, sending: Sending, row: Mapping[str, Any]) -> None:
        if row["state"] == "sending" and not sending.repeatable:
            # Its worker died between transaction B and C.
            news = uncertain(self._now + sending.grace, _LOST)
            self._set(row, news, chat)
            self._keep(row, "lost", news)
            self.steps.release(chat.lease, news["next_at"])
            return
        at = row["next_at"] or 0
        if row["state"] == "unknown" and not (at <= self._now and self._intake_alive(sending, at)):
            self.steps.release(chat.lease, max(at, self._now + sending.grace // 4))
            return
        slot = chat.pair_slot
        if at <= self._now:
            at, slot = self._pace.turn(sending, chat.pair_slot, self._now)
        if at > self._now + SHORT_WAIT:
            self.steps.release(chat.lease, at)
            return
        order = Order(
            chat.lease,
            sending,
            row["key"],
            row["payload"],
            row["quoted_id"],
            row["attempts"] + 1,
            max(0, at - self._now),
            slot,
            resumed=True,
        )
        self._set(row, {"state": "sending", "attempts": order.attempts, "next_at": None}, chat)
        self.steps.keep(chat.lease, self._now, slot)
        self.orders.append(order)

    def _intake_alive(self, sending: Sending, due: int) -> bool:
        """Tell whether a status would have reached us by now: only then does its silence mean anything.

        The grace period counts while web processes live, without a break since the send. A webhook of this
        connection must prove the way to us besides; a quiet number may get none for hours, so after three grace
        periods the living processes are enough.
        """
        sent_at = due - sending.grace
        if sending.webhook_at <= sent_at and self._now < sent_at + 3 * sending.grace:
            return False
        alive = _web.rows(self._db, {"since": self._now - WEB_ALIVE})
        return bool(alive) and all(
            web["beat_at"] - max(web["started_at"], sent_at) >= sending.grace for web in alive
        )

    def _close(self, row: Mapping[str, Any], chat: Claimed, end: Mapping[str, str]) -> None:
        self._set(row, {**end, "failed_at": self._now, "next_at": None}, chat)
        self._keep(row, "held" if end["state"] == "held" else "closed", end)

    def _keep(self, row: Mapping[str, Any], outcome: str, end: Mapping[str, Any]) -> None:
        why = (end["error_code"], end["error"])
        self._tries.append(attempts.row(row["id"], self._now, outcome, row["attempts"], why))

    def _set(self, row: Mapping[str, Any], news: Mapping[str, Any], chat: Claimed) -> None:
        known = {"error_code": None, "error": None, "failed_at": None, **row, **news}
        self._changes.append({"row": row["id"], **{f"new_{name}": known[name] for name in _FIELDS}})
        self.changed.add(chat.lease.chat_id)


def _holds(sending: Sending, row: Mapping[str, Any]) -> bool:
    """Tell whether an unknown send is for the operator to decide: by setting, or since repeating did not help."""
    return sending.on_unknown == "hold" or row["attempts"] >= MAX_UNKNOWN


_worker = table_of(Worker).c
_web = Hot(
    select(_worker.started_at, _worker.beat_at).where(
        _worker.name.like(literal_column("'web:%'")), _worker.beat_at > bindparam("since")
    )
)
_FIELDS = ("state", "attempts", "next_at", "error_code", "error", "failed_at")
_message = table_of(Message).c
_change = Hot(
    update(table_of(Message))
    .where(_message.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
)
