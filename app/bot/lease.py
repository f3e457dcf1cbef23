"""Fenced leases of chats: claim by raising an epoch, renew, release, wake (durability 2.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, func, or_, select, update

from app.bot.models import Chat
from app.brains.versions.routing import VersionPin
from app.db.schema import get_table
from app.db.statements import InList, Statement
from app.immutable import immutable


@immutable
class Lease:
    """The right to serve a chat, as long as its row still has this epoch; `ttl_ms` is how long (ms)."""

    chat_id: int
    epoch: int
    ttl_ms: int


@immutable
class FencedChat:
    """A chat whose lease still holds in a fenced transaction; `pair_slot` and `window_until` in ms."""

    lease: Lease
    pending: int
    pair_slot: int
    window_until: int
    is_paused: bool = False


@immutable
class ClaimedChat:
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
    def pin(self) -> VersionPin:
        """The version its conversation began with."""
        return VersionPin(
            self.session_version_id, self.session_brain_id, self.session_epoch, self.session_until
        )


@immutable
class LeaseRequest:
    """Who claims, how many chats at most, and for how long (ms)."""

    owner: str
    limit: int
    now: int
    ttl_ms: int


_chat = get_table(Chat).c
_IS_READY = (_chat.ready_at <= bindparam("at"), _chat.lease_until <= bindparam("at"))
_READY_CHATS = (
    select(_chat.id)
    .where(*_IS_READY)
    .order_by(_chat.ready_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, key_share=True)
)
_TAKEN = {"lease_until": bindparam("until"), "epoch": _chat.epoch + 1, "owner": bindparam("owner")}
_CLAIMED_COLUMNS = (
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
_CLAIM_CHATS = Statement(
    update(get_table(Chat))
    .where(_chat.id.in_(_READY_CHATS.scalar_subquery()))
    .values(_TAKEN)
    .returning(*_CLAIMED_COLUMNS)
)
_SELECT_READY = Statement(
    select(*_CLAIMED_COLUMNS).where(*_IS_READY).order_by(_chat.ready_at).limit(bindparam("limit"))
)
_TAKE_CHATS = Statement(update(get_table(Chat)).where(InList(_chat.id, "ids")).values(_TAKEN))
_LOCK_CHATS = Statement(
    select(_chat.id, _chat.epoch, _chat.pending, _chat.pair_slot, _chat.window_until, _chat.paused_at)
    .where(InList(_chat.id, "ids"))
    .order_by(_chat.id)
    .with_for_update(key_share=True)
)
_HOLD_CHATS = Statement(
    update(get_table(Chat))
    .where(_chat.id == bindparam("chat"))
    .values(
        lease_until=bindparam("until"),
        pair_slot=bindparam("slot"),
        pending=_chat.pending - bindparam("handled"),
    ),
    is_locked=True,
)
_RELEASE_CHATS = Statement(
    update(get_table(Chat))
    .where(_chat.id == bindparam("chat"))
    .values(
        lease_until=0,
        owner=None,
        ready_at=bindparam("ready"),
        pending=_chat.pending - bindparam("handled"),
    ),
    is_locked=True,
)
_RENEW_LEASES = Statement(
    update(get_table(Chat))
    .where(_chat.id == bindparam("chat"), _chat.epoch == bindparam("of"))
    .values(lease_until=bindparam("until"))
)


def claim(db: Db, request: LeaseRequest) -> list[ClaimedChat]:
    """Claim the chats that have waited longest; rows other workers hold are skipped."""
    given = {
        "owner": request.owner,
        "at": request.now,
        "until": request.now + request.ttl_ms,
        "limit": request.limit,
    }
    if db.dialect.name == "postgresql":
        rows = _CLAIM_CHATS.execute(db, given)
    elif rows := _SELECT_READY.execute(db, given):
        # RETURNING would hand them over one by one, each with a turn for Python's lock; nobody else writes meanwhile.
        _TAKE_CHATS.execute(db, given, ids=[row["id"] for row in rows])
        for row in rows:
            row["epoch"] += 1
    return [ClaimedChat(Lease(row.pop("id"), row.pop("epoch"), request.ttl_ms), **row) for row in rows]


def fence(db: Db, leases: Sequence[Lease]) -> dict[int, FencedChat]:
    """Lock the chats of `leases`, in one order, and return those whose lease still holds."""
    leases_by_chat = {lease.chat_id: lease for lease in leases}
    return {
        row["id"]: FencedChat(
            leases_by_chat[row["id"]],
            row["pending"],
            row["pair_slot"],
            row["window_until"],
            row["paused_at"] is not None,
        )
        for row in _LOCK_CHATS.execute(db, ids=sorted(leases_by_chat))
        if row["epoch"] == leases_by_chat[row["id"]].epoch
    }


class _HeldRow(TypedDict):
    chat: int
    until: int
    slot: int
    handled: int


class _ReleasedRow(TypedDict):
    chat: int
    ready: int | None
    handled: int


@dataclass(slots=True)
class Steps:
    """Changes of a fenced transaction to its chats, written together at its end."""

    _held: list[_HeldRow] = field(default_factory=list)
    _released: list[_ReleasedRow] = field(default_factory=list)

    def hold(self, lease: Lease, now: int, pair_slot: int, handled: int = 0) -> None:
        """Keep a chat, since a send is under way; `handled` messages are no longer pending, `now` in ms."""
        self._held.append(
            {"chat": lease.chat_id, "until": now + lease.ttl_ms, "slot": pair_slot, "handled": handled}
        )

    def release(self, lease: Lease, ready_at: int | None, handled: int = 0) -> None:
        """Release a chat, to be claimed again from `ready_at` (ms), or with None when a message comes."""
        self._released.append({"chat": lease.chat_id, "ready": ready_at, "handled": handled})

    def write(self, db: Db) -> None:
        """Write all steps; the caller has fenced these chats in the same transaction."""
        if self._held:
            _HOLD_CHATS.execute_many(db, sorted(self._held, key=lambda row: row["chat"]))
        if self._released:
            _RELEASE_CHATS.execute_many(db, sorted(self._released, key=lambda row: row["chat"]))


def renew(db: Db, renewals: Sequence[tuple[Sequence[Lease], int]]) -> list[None]:
    """Prolong leases, given with the present moment (ms), unless somebody else has taken the chat."""
    until = {lease: now + lease.ttl_ms for leases, now in renewals for lease in leases}
    rows = [{"chat": lease.chat_id, "of": lease.epoch, "until": at} for lease, at in until.items()]
    if rows:
        _RENEW_LEASES.execute_many(db, sorted(rows, key=lambda row: row["chat"]))
    return [None] * len(renewals)


def release_owner(db: Db, owner: str) -> int:
    """Release the chats that a former process of this name held; returns how many."""
    freed = db.execute(
        update(Chat).where(Chat.owner == owner, Chat.lease_until > 0).values(lease_until=0, owner=None)
    )
    return freed.rowcount


def claim_chat(db: Db, chat_id: int, request: LeaseRequest, *, force: bool = False) -> bool:
    """Claim one chat, also when it is not ready; with `force` from whoever holds it.

    False when another owner holds it; true also when the chat does not exist any more.
    """
    if not db.scalar(select(func.count()).select_from(Chat).where(Chat.id == chat_id)):
        return True
    query = update(Chat).where(Chat.id == chat_id)
    if not force:
        query = query.where(or_(Chat.lease_until <= request.now, Chat.owner == request.owner))
    values = {
        "epoch": Chat.epoch + 1,
        "owner": request.owner,
        "lease_until": request.now + request.ttl_ms,
    }
    return db.execute(query.values(values)).rowcount > 0


def release_chat(db: Db, chat_id: int, owner: str, now: int) -> None:
    """Release a chat claimed with `claim_chat`, to be claimed by workers from `now` (ms)."""
    query = update(Chat).where(Chat.id == chat_id, Chat.owner == owner)
    db.execute(query.values(owner=None, lease_until=0, ready_at=func.coalesce(Chat.ready_at, now)))


def lock_free_chat(db: Db, chat_id: int, now: int) -> bool:
    """Lock a chat until the end of the transaction; false when a worker holds it at `now` (ms)."""
    query = select(Chat.id).where(Chat.id == chat_id, Chat.lease_until <= now)
    return db.execute(query.with_for_update(skip_locked=True, key_share=True)).first() is not None
