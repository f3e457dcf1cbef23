"""Claim of ready chats: leases, and what each needs next (open sends or the oldest new message)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import func, literal_column, select

from app.bot import lease
from app.bot.delivery.outbox import SendJob
from app.bot.delivery.rate_limit import RateLimiter, SendTarget, build_pair_rule
from app.bot.delivery.recovery import SendRecovery
from app.bot.lease import ClaimedChat, Lease, LeaseRequest
from app.bot.models import Connection, Contact, Message
from app.bot.states import UNSETTLED_STATES, MessageState, sql_any, sql_is
from app.brains.versions.models import Brain
from app.brains.versions.routing import VersionChoice, VersionOffer, choose_version
from app.channels.contract import Channel, Person
from app.db.schema import get_table
from app.db.statements import InList, Statement
from app.immutable import immutable


@immutable
class ClaimRequest:
    """A worker's request for work; `grace_ms` is how long a status is waited for (ms)."""

    claim: LeaseRequest
    grace_ms: int
    channels: Mapping[str, Channel]


@immutable
class Job:
    """An inbound message to be run, with its lease, target and version."""

    lease: Lease
    target: SendTarget
    message: Mapping[str, Any]
    chat: ClaimedChat
    brain_id: int | None
    choice: VersionChoice
    # Whether two bots that answer each other are looked out for (app.bot.turns.loop_guard).
    loop_guard: bool = True
    # The messages before it that are answered with it (app.bot.turns.debounce).
    merged_ids: tuple[int, ...] = ()
    # In a group: who wrote it.
    writer: Person | None = None

    @property
    def contact_id(self) -> int | None:
        """The contact who wrote it, in a group as well; null where the channel does not say."""
        return self.message["contact_id"] if self.chat.group_id else self.chat.contact_id

    @property
    def version_id(self) -> int | None:
        """The version that answers it; null where none does."""
        return self.choice.version_id


@dataclass(slots=True)
class ClaimResult:
    """What a claim yields: turns to run, sends to take up again, chats whose bubbles changed."""

    claimed_count: int = 0
    jobs: list[Job] = field(default_factory=list)
    send_jobs: list[SendJob] = field(default_factory=list)
    changed_chat_ids: set[int] = field(default_factory=set)


_connection = get_table(Connection).c
_contact = get_table(Contact).c
_brain = get_table(Brain).c
# In the order of the fields of a VersionOffer.
_OFFER_COLUMNS = ("brain_id", "live", "candidate", "percent", "rollout_id", "epoch")
_SELECT_CONNECTIONS = Statement(
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
    .outerjoin(get_table(Brain), (_brain.id == _connection.brain_id) & _brain.archived_at.is_(None))
    .where(InList(_connection.id, "ids"))
)
_SELECT_CONTACTS = Statement(
    select(_contact.id, _contact.user_id, _contact.phone, _contact.name, _contact.username).where(
        InList(_contact.id, "ids")
    )
)
_message = get_table(Message).c
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
    _message.contact_id,
)
_SELECT_OPEN_SENDS = Statement(
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
        InList(_message.chat_id, "ids"),
        # Written out: only then does the planner see that the partial index covers it.
        literal_column(sql_any("message.state", UNSETTLED_STATES)),
    )
    .order_by(_message.id)
)
_SELECT_OLDEST_NEW = Statement(
    select(*JOB_COLUMNS).where(
        _message.id.in_(
            select(func.min(_message.id))
            .where(literal_column(sql_is("message.state", MessageState.NEW)), InList(_message.chat_id, "ids"))
            .group_by(_message.chat_id)
            .scalar_subquery()
        )
    )
)


def claim_chats(db: Db, requests: Sequence[ClaimRequest]) -> list[ClaimResult]:
    """Claim ready chats and decide what each needs: an open send first, then its oldest new message."""
    return [_claim(db, request) for request in requests]


def _claim(db: Db, request: ClaimRequest) -> ClaimResult:
    chats = lease.claim(db, request.claim)
    work = ClaimResult(claimed_count=len(chats))
    if not chats:
        return work
    now = request.claim.now
    ids = [chat.lease.chat_id for chat in chats]
    facts_by_chat = _load_chat_facts(db, chats, request)
    open_rows = _group_by_chat(_SELECT_OPEN_SENDS.execute(db, ids=ids))
    new = {row["chat_id"]: row for row in _SELECT_OLDEST_NEW.execute(db, ids=ids)}
    writers = _load_people(db, {row["contact_id"] for row in new.values() if row["contact_id"]})
    recovery = SendRecovery(db, now, RateLimiter(db, {chat.connection_id for chat in chats}))
    for chat in chats:
        facts = facts_by_chat[chat.lease.chat_id]
        if chat.lease.chat_id in open_rows and recovery.recover(
            chat, facts.target, open_rows[chat.lease.chat_id]
        ):
            continue
        message = new.get(chat.lease.chat_id)
        if message is None:
            recovery.steps.release(chat.lease, None, handled=chat.pending)
        else:
            chosen = choose_version(facts.version_offer, chat.pin, chat.lease.chat_id, now)
            work.jobs.append(
                Job(
                    chat.lease,
                    facts.target,
                    message,
                    chat,
                    facts.version_offer.brain_id,
                    chosen,
                    facts.loop_guard,
                    writer=writers.get(message["contact_id"]),
                )
            )
    recovery.write()
    work.send_jobs, work.changed_chat_ids = recovery.send_jobs, recovery.changed_chat_ids
    return work


@immutable
class _ChatFacts:
    target: SendTarget
    version_offer: VersionOffer
    loop_guard: bool


def _load_chat_facts(db: Db, chats: Sequence[ClaimedChat], request: ClaimRequest) -> dict[int, _ChatFacts]:
    connections = {
        row["id"]: row
        for row in _SELECT_CONNECTIONS.execute(db, ids=sorted({c.connection_id for c in chats}))
    }
    people = _load_people(db, {c.contact_id for c in chats if c.contact_id})
    return {
        chat.lease.chat_id: _build_chat_facts(chat, connections[chat.connection_id], people, request)
        for chat in chats
    }


def _load_people(db: Db, ids: Collection[int]) -> dict[int, Person]:
    if not ids:
        return {}
    return {row.pop("id"): Person(**row) for row in _SELECT_CONTACTS.execute(db, ids=sorted(ids))}


def _build_chat_facts(
    chat: ClaimedChat, row: Mapping[str, Any], people: Mapping[int, Person], request: ClaimRequest
) -> _ChatFacts:
    channel = request.channels[row["channel"]]
    target = SendTarget(
        chat.connection_id,
        row["account"],
        people.get(chat.contact_id or 0, Person()),
        chat.group_id,
        row["messages_per_second"],
        build_pair_rule(row["pair_burst"], row["replies_per_minute"]),
        row["on_unknown"],
        channel.window_refusal,
        channel.is_idempotent,
        request.grace_ms,
        row["last_webhook_at"] or 0,
    )
    offer = VersionOffer(*(row[name] for name in _OFFER_COLUMNS)) if row["enabled"] else VersionOffer()
    return _ChatFacts(target, offer, bool(row["loop_guard"]) and not channel.is_simulated)


def _group_by_chat(rows: Any) -> dict[int, list[Mapping[str, Any]]]:
    grouped: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["chat_id"], []).append(row)
    return grouped
