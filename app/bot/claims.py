"""Claiming: chats leased to this worker, with what each of them needs next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import func, literal_column, select

from app.bot import lease
from app.bot.channels.contract import Channel, Person
from app.bot.lease import Claim, Claimed, Lease
from app.bot.models import Connection, Contact, Message
from app.bot.outbox import Order
from app.bot.pacing import Pace, Sending, pair_rule
from app.bot.resume import Desk
from app.brains.models import Brain
from app.brains.rollout import Course, Offer, course
from app.db import table_of
from app.sql import Hot, among


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
    course: Course
    # Whether two bots that answer each other are looked out for (app.bot.loops).
    guarded: bool = True
    # The messages before it that are answered with it (app.bot.bursts).
    merged: tuple[int, ...] = ()

    @property
    def version_id(self) -> int | None:
        """The version that answers it; null where none does."""
        return self.course.version_id


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
    desk = Desk(db, now, Pace(db, {chat.connection_id for chat in chats}))
    for chat in chats:
        facts = sending[chat.lease.chat_id]
        if chat.lease.chat_id in open_rows and desk.resume(
            chat, facts.sending, open_rows[chat.lease.chat_id]
        ):
            continue
        message = new.get(chat.lease.chat_id)
        if message is None:
            desk.steps.release(chat.lease, None, handled=chat.pending)
        else:
            chosen = course(facts.offer, chat.pin, chat.lease.chat_id, now)
            work.jobs.append(
                Job(chat.lease, facts.sending, message, chat, facts.offer.brain_id, chosen, facts.guarded)
            )
    desk.write()
    work.orders, work.changed = desk.orders, desk.changed
    return work


@dataclass(frozen=True, slots=True)
class _Facts:
    sending: Sending
    offer: Offer
    guarded: bool


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
        pair_rule(row["pair_burst"], row["replies_per_minute"]),
        row["on_unknown"],
        channel.window_hours,
        channel.repeatable,
        wish.grace,
        row["last_webhook_at"] or 0,
    )
    offer = Offer(*(row[name] for name in _OFFERED)) if row["enabled"] else Offer()
    return _Facts(sending, offer, bool(row["loop_guard"]))


_connection = table_of(Connection).c
_contact = table_of(Contact).c
_brain = table_of(Brain).c
# In the order of an Offer's fields.
_OFFERED = ("brain_id", "live", "candidate", "percent", "rollout_id", "epoch")
_facts = Hot(
    select(
        _connection.id,
        _connection.account,
        _connection.channel,
        _connection.messages_per_second,
        _connection.pair_burst,
        _connection.replies_per_minute,
        _connection.on_unknown,
        _connection.loop_guard,
        _connection.enabled,
        _connection.last_webhook_at,
        _connection.brain_id,
        _brain.live_version_id.label("live"),
        _brain.candidate_version_id.label("candidate"),
        _brain.candidate_percent.label("percent"),
        _brain.rollout_id,
        _brain.session_epoch.label("epoch"),
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
# What a job holds of its message.
JOB_COLUMNS = (
    _message.id,
    _message.chat_id,
    _message.provider_id,
    _message.kind,
    _message.text,
    _message.payload,
    _message.quoted_id,
    _message.provider_at,
    _message.created_at,
)
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
    select(*JOB_COLUMNS).where(
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
