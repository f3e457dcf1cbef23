"""Claiming: chats leased to this worker, with what each of them needs next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, func, literal_column, select, update

from app.bot import lease
from app.bot.channels.contract import Channel, Person
from app.bot.lease import Claim, Claimed, Lease
from app.bot.models import Connection, Contact, Message, Worker
from app.bot.outbox import SHORT_WAIT, Order, Pace, Sending, uncertain, window_closed
from app.brains.models import Brain
from app.db import table_of
from app.sql import Hot, among

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


@dataclass(frozen=True, slots=True)
class Wish:
    """A worker's wish for work; `grace` in ms."""

    claim: Claim
    grace: int
    channels: Mapping[str, Channel]


@dataclass(frozen=True, slots=True)
class Job:
    """An inbound message to be run, and what its answer needs."""

    lease: Lease
    sending: Sending
    message: Mapping[str, Any]
    chat: Claimed
    brain_id: int | None
    version_id: int | None


@dataclass(slots=True)
class Work:
    """What a claim yields: turns to run, sends to take up again, chats whose bubbles changed."""

    claimed: int = 0
    jobs: list[Job] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)


def claim(db: Db, wishes: Sequence[Wish]) -> list[Work]:
    """Claim ready chats and decide what each needs: an open send first, then its oldest new message."""
    return [_claim(db, wish) for wish in wishes]


def _claim(db: Db, wish: Wish) -> Work:
    chats = lease.claim(db, wish.claim)
    work = Work(claimed=len(chats))
    if not chats:
        return work
    now = wish.claim.now
    ids = [chat.lease.chat_id for chat in chats]
    sending = _sendings(db, chats, wish)
    open_rows = _grouped(_open.rows(db, ids=ids))
    new = {row["chat_id"]: row for row in _oldest.rows(db, ids=ids)}
    desk = _Desk(db, now, Pace(db, {chat.connection_id for chat in chats}))
    for chat in chats:
        facts = sending[chat.lease.chat_id]
        if chat.lease.chat_id in open_rows and desk.resume(chat, facts, open_rows[chat.lease.chat_id], work):
            continue
        message = new.get(chat.lease.chat_id)
        if message is None:
            desk.steps.release(chat.lease, None, handled=chat.pending)
        else:
            work.jobs.append(Job(chat.lease, facts.sending, message, chat, facts.brain_id, facts.version_id))
    desk.write()
    return work


@dataclass(frozen=True, slots=True)
class _Facts:
    sending: Sending
    brain_id: int | None
    version_id: int | None
    webhook_at: int


def _sendings(db: Db, chats: Sequence[Claimed], wish: Wish) -> dict[int, _Facts]:
    connections = {row["id"]: row for row in _facts.rows(db, ids=sorted({c.connection_id for c in chats}))}
    contact_ids = sorted({c.contact_id for c in chats if c.contact_id})
    people = {row.pop("id"): Person(**row) for row in _people.rows(db, ids=contact_ids)}
    return {chat.lease.chat_id: _fact(chat, connections[chat.connection_id], people, wish) for chat in chats}


def _fact(chat: Claimed, row: Mapping[str, Any], people: Mapping[int, Person], wish: Wish) -> _Facts:
    channel = wish.channels[row["channel"]]
    sending = Sending(
        chat.connection_id,
        row["account"],
        people.get(chat.contact_id or 0, Person()),
        chat.group_id,
        row["messages_per_second"],
        row["pair_burst"],
        row["on_unknown"],
        channel.window_hours,
        channel.repeatable,
        wish.grace,
    )
    live = row["enabled"]
    return _Facts(
        sending,
        row["brain_id"] if live else None,
        row["version_id"] if live else None,
        row["last_webhook_at"] or 0,
    )


_connection = table_of(Connection).c
_contact = table_of(Contact).c
_brain = table_of(Brain).c
_facts = Hot(
    select(
        _connection.id,
        _connection.account,
        _connection.channel,
        _connection.messages_per_second,
        _connection.pair_burst,
        _connection.on_unknown,
        _connection.enabled,
        _connection.last_webhook_at,
        _connection.brain_id,
        _brain.live_version_id.label("version_id"),
    )
    .outerjoin(table_of(Brain), (_brain.id == _connection.brain_id) & _brain.archived_at.is_(None))
    .where(among(_connection.id, "ids"))
)
_people = Hot(
    select(_contact.id, _contact.user_id, _contact.phone, _contact.name, _contact.username).where(
        among(_contact.id, "ids")
    )
)
_message = table_of(Message).c
_open = Hot(
    select(
        _message.id,
        _message.chat_id,
        _message.key,
        _message.kind,
        _message.state,
        _message.payload,
        _message.quoted_id,
        _message.attempts,
        _message.next_at,
    )
    .where(
        among(_message.chat_id, "ids"),
        # Written out: only then does the planner see that the partial index covers it.
        literal_column("message.state IN ('queued','sending','retry','unknown')"),
    )
    .order_by(_message.id)
)
_oldest = Hot(
    select(
        _message.id,
        _message.chat_id,
        _message.provider_id,
        _message.kind,
        _message.text,
        _message.payload,
        _message.provider_at,
        _message.created_at,
    ).where(
        _message.id.in_(
            select(func.min(_message.id))
            .where(literal_column("message.state = 'new'"), among(_message.chat_id, "ids"))
            .group_by(_message.chat_id)
            .scalar_subquery()
        )
    )
)


def _grouped(rows: Any) -> dict[int, list[Mapping[str, Any]]]:
    grouped: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["chat_id"], []).append(row)
    return grouped


class _Desk:
    """Takes up the open sends that a claim found."""

    def __init__(self, db: Db, now: int, pace: Pace) -> None:
        self._db = db
        self._now = now
        self._pace = pace
        self._changes: list[dict[str, Any]] = []
        self.steps = lease.Steps()

    def resume(self, chat: Claimed, facts: _Facts, rows: Sequence[Mapping[str, Any]], work: Work) -> bool:
        """Deal with a chat's open sends, oldest first; false when none of them is in the way any more."""
        for row in rows:
            if row["state"] in {"queued", "retry"} and window_closed(
                facts.sending, row["kind"], chat.window_until, self._now
            ):
                self._close(row, work, chat, _WINDOW)
                continue
            if (
                row["state"] == "unknown"
                and facts.sending.on_unknown == "hold"
                and row["next_at"] <= self._now
            ):
                self._close(row, work, chat, _HELD)
                continue
            self._take_up(chat, facts, row, work)
            return True
        return False

    def write(self) -> None:
        """Store what was decided."""
        if self._changes:
            _change.each(self._db, sorted(self._changes, key=lambda row: row["row"]))
        self.steps.write(self._db)
        self._pace.write(self._db)

    def _take_up(self, chat: Claimed, facts: _Facts, row: Mapping[str, Any], work: Work) -> None:
        if row["state"] == "sending" and not facts.sending.repeatable:
            # Its worker died between transaction B and C.
            news = uncertain(self._now + facts.sending.grace, _LOST)
            self._set(row, news, work, chat)
            self.steps.release(chat.lease, news["next_at"])
            return
        at = row["next_at"] or 0
        if row["state"] == "unknown" and at <= self._now and not self._intake_alive(facts, at):
            at = self._now + facts.sending.grace // 4
        slot = chat.pair_slot
        if at <= self._now:
            at, slot = self._pace.turn(facts.sending, chat.pair_slot, self._now)
        if at > self._now + SHORT_WAIT:
            self.steps.release(chat.lease, at)
            return
        order = Order(
            chat.lease,
            facts.sending,
            row["key"],
            row["payload"],
            row["quoted_id"],
            row["attempts"] + 1,
            max(0, at - self._now),
            slot,
            resumed=True,
        )
        self._set(row, {"state": "sending", "attempts": order.attempts, "next_at": None}, work, chat)
        self.steps.keep(chat.lease, self._now, slot)
        work.orders.append(order)

    def _intake_alive(self, facts: _Facts, due: int) -> bool:
        """Tell whether a status could have reached us since the send: its silence then means something.

        Proof is a webhook of this connection since the send; after three times the grace period a living web
        process is enough, since a quiet number may get no webhook for hours.
        """
        sent = due - facts.sending.grace
        if facts.webhook_at > sent:
            return True
        if self._now < sent + 3 * facts.sending.grace:
            return False
        beat = self._db.execute(
            select(func.max(Worker.beat_at)).where(Worker.name.startswith("web"))
        ).scalar()
        return beat is not None and beat > self._now - WEB_ALIVE

    def _close(self, row: Mapping[str, Any], work: Work, chat: Claimed, end: Mapping[str, str]) -> None:
        self._set(row, {**end, "failed_at": self._now, "next_at": None}, work, chat)

    def _set(self, row: Mapping[str, Any], news: Mapping[str, Any], work: Work, chat: Claimed) -> None:
        known = {"error_code": None, "error": None, "failed_at": None, **row, **news}
        self._changes.append({"row": row["id"], **{f"new_{name}": known[name] for name in _FIELDS}})
        work.changed.add(chat.lease.chat_id)


_FIELDS = ("state", "attempts", "next_at", "error_code", "error", "failed_at")
_change = Hot(
    update(table_of(Message))
    .where(_message.id == bindparam("row"))
    .values({name: bindparam(f"new_{name}") for name in _FIELDS})
)
