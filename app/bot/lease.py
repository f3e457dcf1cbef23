"""Fenced per-chat leases: claimed by raising an epoch, which every later statement requires (durability 2.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, select, update

from app.bot.models import Chat
from app.brains.rollout import Pin
from app.db import table_of
from app.sql import Hot, among

_chat = table_of(Chat).c


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to serve a chat, as long as its row still has this epoch; `ttl` in ms."""

    chat_id: int
    epoch: int
    ttl: int


@dataclass(frozen=True, slots=True)
class Held:
    """What a fenced transaction knows of a chat it holds."""

    lease: Lease
    pending: int
    pair_slot: int
    window_until: int
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A chat just claimed; `paused_at`: a person answers in it since then (ms)."""

    lease: Lease
    connection_id: int
    contact_id: int | None
    group_id: str | None
    pending: int
    pair_slot: int
    window_until: int
    paused_at: int | None
    pause_reason: str
    session_version_id: int | None
    session_brain_id: int | None
    session_epoch: int
    session_until: int

    @property
    def pin(self) -> Pin:
        """The version its conversation began with."""
        return Pin(self.session_version_id, self.session_brain_id, self.session_epoch, self.session_until)


@dataclass(frozen=True, slots=True)
class Claim:
    """Who claims, how many chats at most, and for how long (ms)."""

    owner: str
    limit: int
    now: int
    ttl: int


def claim(db: Db, wish: Claim) -> list[Claimed]:
    """Claim the chats that have waited longest; rows other workers hold are skipped."""
    rows = _claim.rows(
        db, {"owner": wish.owner, "at": wish.now, "until": wish.now + wish.ttl, "limit": wish.limit}
    )
    return [Claimed(Lease(row.pop("id"), row.pop("epoch"), wish.ttl), **row) for row in rows]


_ready = (
    select(_chat.id)
    .where(_chat.ready_at <= bindparam("at"), _chat.lease_until <= bindparam("at"))
    .order_by(_chat.ready_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, key_share=True)
)
_claim = Hot(
    update(table_of(Chat))
    .where(_chat.id.in_(_ready.scalar_subquery()))
    .values(lease_until=bindparam("until"), epoch=_chat.epoch + 1, owner=bindparam("owner"))
    .returning(
        _chat.id,
        _chat.epoch,
        _chat.connection_id,
        _chat.contact_id,
        _chat.group_id,
        _chat.pending,
        _chat.pair_slot,
        _chat.window_until,
        _chat.paused_at,
        _chat.pause_reason,
        _chat.session_version_id,
        _chat.session_brain_id,
        _chat.session_epoch,
        _chat.session_until,
    )
)
_held = Hot(
    select(_chat.id, _chat.epoch, _chat.pending, _chat.pair_slot, _chat.window_until, _chat.paused_at)
    .where(among(_chat.id, "ids"))
    .order_by(_chat.id)
    .with_for_update(key_share=True)
)


def fence(db: Db, leases: Sequence[Lease]) -> dict[int, Held]:
    """Lock the chats of `leases`, in one order, and return those whose lease still holds."""
    leases_by_chat = {lease.chat_id: lease for lease in leases}
    return {
        row["id"]: Held(
            leases_by_chat[row["id"]],
            row["pending"],
            row["pair_slot"],
            row["window_until"],
            row["paused_at"] is not None,
        )
        for row in _held.rows(db, ids=sorted(leases_by_chat))
        if row["epoch"] == leases_by_chat[row["id"]].epoch
    }


@dataclass(slots=True)
class Steps:
    """What a fenced transaction does to its chats, written in one go at its end."""

    _kept: list[dict[str, Any]] = field(default_factory=list)
    _released: list[dict[str, Any]] = field(default_factory=list)

    def keep(self, lease: Lease, now: int, pair_slot: int, handled: int = 0) -> None:
        """Hold on to a chat: a send is under way."""
        self._kept.append(
            {"chat": lease.chat_id, "until": now + lease.ttl, "slot": pair_slot, "handled": handled}
        )

    def release(self, lease: Lease, ready_at: int | None, handled: int = 0) -> None:
        """Let a chat go, to be claimed again from `ready_at`, or when a message comes."""
        self._released.append({"chat": lease.chat_id, "ready": ready_at, "handled": handled})

    def write(self, db: Db) -> None:
        """Write all steps; the caller has fenced these chats in the same transaction."""
        if self._kept:
            _keep.each(db, sorted(self._kept, key=_by_chat))
        if self._released:
            _release.each(db, sorted(self._released, key=_by_chat))


def _by_chat(step: dict[str, Any]) -> int:
    return step["chat"]


_keep = Hot(
    update(table_of(Chat))
    .where(_chat.id == bindparam("chat"))
    .values(
        lease_until=bindparam("until"),
        pair_slot=bindparam("slot"),
        pending=_chat.pending - bindparam("handled"),
    )
)
_release = Hot(
    update(table_of(Chat))
    .where(_chat.id == bindparam("chat"))
    .values(
        lease_until=0,
        owner=None,
        ready_at=bindparam("ready"),
        pending=_chat.pending - bindparam("handled"),
    )
)


_renew = Hot(
    update(table_of(Chat))
    .where(_chat.id == bindparam("chat"), _chat.epoch == bindparam("of"))
    .values(lease_until=bindparam("until"))
)


def renew(db: Db, renewals: Sequence[tuple[Sequence[Lease], int]]) -> list[None]:
    """Prolong leases, given with the present moment (ms), unless somebody else has taken the chat."""
    until = {lease: now + lease.ttl for leases, now in renewals for lease in leases}
    rows = [{"chat": lease.chat_id, "of": lease.epoch, "until": at} for lease, at in until.items()]
    if rows:
        _renew.each(db, sorted(rows, key=_by_chat))
    return [None] * len(renewals)


def release_owner(db: Db, owner: str) -> int:
    """Free the chats that a former process of this name held; returns how many."""
    freed = db.execute(
        update(Chat).where(Chat.owner == owner, Chat.lease_until > 0).values(lease_until=0, owner=None)
    )
    return freed.rowcount
