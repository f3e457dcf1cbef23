"""Transaction A: everything one webhook carries is stored before it is answered."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, case, func, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.bot import amending, handoff, media_wanted, notices, people, statuses, word_index
from app.bot.channels.contract import Inbound, Item, Other, Renamed, Status
from app.bot.models import Chat, Connection, Message
from app.bot.people import Key, Place, Places
from app.db import table_of
from app.sql import Hot

T = TypeVar("T")
WINDOW = 24 * 3600 * 1000
# What changes other messages, or happens by itself.
QUIET_KINDS = frozenset({"reaction", "edit", "revoke", "system"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """The items of one webhook by connection; `stale_before` divides what triggers from what is only kept."""

    parts: Sequence[tuple[int, Sequence[Item]]]
    notices: Sequence[tuple[int | None, Other]]
    now: int
    stale_before: int
    places: Places


@dataclass(slots=True)
class Accepted:
    """What a delivery changed."""

    new: int = 0
    ready: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    resolved: set[int] = field(default_factory=set)
    troubled: bool = False
    learned: list[tuple[Key, Place]] = field(default_factory=list)


def accept(db: Db, deliveries: Sequence[Delivery]) -> list[Accepted]:
    """Store deliveries; called by the writer with all that wait (specs: durability 2.2)."""
    results = [Accepted() for _ in deliveries]
    desk = _Desk(db)
    for delivery, result in zip(deliveries, results, strict=True):
        for connection_id, item in _inbound(delivery):
            desk.take(delivery, connection_id, item, result)
    if desk.rows:
        _store(db, desk, deliveries[0].now)
    for connection_id, item, result in desk.changes:
        result.changed |= amending.amend(db, connection_id, item)
    _apply_receipts(db, deliveries, results[0])
    loose = [each for delivery in deliveries for each in delivery.notices]
    notices.keep(db, [*loose, *_items(deliveries, Other)], deliveries[0].now)
    for connection_id, renamed in _items(deliveries, Renamed):
        people.rename(db, connection_id, renamed)
    if desk.repeated:
        _count_repeats(db, desk.repeated)
    if desk.rows:
        word_index.take_in(db)
    return results


def _inbound(delivery: Delivery) -> Iterable[tuple[int, Inbound]]:
    for connection_id, items in delivery.parts:
        for item in items:
            if isinstance(item, Inbound):
                yield connection_id, item


class _Desk:
    """Prepares the message rows of one transaction."""

    def __init__(self, db: Db) -> None:
        self._db = db
        self._fresh: dict[Key, Place] = {}
        self.rows: list[dict[str, Any]] = []
        self.owners: dict[tuple[int, str], Accepted] = {}
        self.changes: list[tuple[int, Inbound, Accepted]] = []
        self.repeated: Counter[tuple[int, str]] = Counter()
        # What a person of the team should see (app.bot.unread).
        self.notable: set[tuple[int, str]] = set()
        # What one of the team wrote in the phone app just now.
        self.written: set[tuple[int, str]] = set()
        self.files: dict[tuple[int, str], Mapping[str, Any]] = {}

    def take(self, delivery: Delivery, connection_id: int, item: Inbound, result: Accepted) -> None:
        """Make the row of one message, and its contact and chat at a first meeting."""
        key = people.key_of(connection_id, item.person, item.group_id)
        place = self._fresh.get(key) or delivery.places.get(key)
        if place is None or _news(place, item):
            place = people.find_or_make(self._db, connection_id, item.person, item.group_id, delivery.now)
            self._fresh[key] = place
        if key in self._fresh:
            result.learned.append((key, place))
        row = _row(delivery, connection_id, item, place)
        self.rows.append(row)
        name = connection_id, row["provider_id"]
        self.owners.setdefault(name, result)
        if _notable(delivery, item):
            (self.written if item.outgoing else self.notable).add(name)
        if item.kind in media_wanted.KINDS:
            self.files[name] = item.payload
        if item.edits or item.revokes:
            self.changes.append((connection_id, item, result))


def _news(place: Place, item: Inbound) -> bool:
    known, person = place.person, item.person
    return item.group_id is None and bool(
        (person.name and person.name[:200] != known.name)
        or (person.username and person.username[:100] != known.username)
        or (person.phone and known.phone is None)
        or (person.user_id and known.user_id is None)
    )


def _notable(delivery: Delivery, item: Inbound) -> bool:
    """Tell whether somebody has just said this: it is new, and a bubble of its own."""
    return item.kind not in QUIET_KINDS and (not item.at or item.at >= delivery.stale_before)


def _row(delivery: Delivery, connection_id: int, item: Inbound, place: Place) -> dict[str, Any]:
    somebody = item.group_id or item.person.user_id or item.person.phone
    triggers = item.triggers and bool(somebody) and (not item.at or item.at >= delivery.stale_before)
    outgoing = item.outgoing
    return {
        "connection_id": connection_id,
        "chat_id": place.chat_id,
        "direction": "out" if outgoing else "in",
        "kind": item.kind[:32],
        "state": "sent" if outgoing else "new" if triggers else "stored",
        "text": item.text,
        "payload": item.payload,
        "provider_id": item.provider_id[:255],
        # The unique inbound id does not cover our own phone's messages: their key keeps redeliveries single.
        "key": echo_key(connection_id, item.provider_id) if outgoing else None,
        "quoted_id": (item.quoted_id or item.edits or item.revokes or "")[:255] or None,
        "author": "phone" if outgoing else "contact",
        "created_at": delivery.now,
        "provider_at": item.at or None,
        "ordinal": 0,
        "attempts": 0,
    }


def echo_key(connection_id: int, provider_id: str) -> str:
    """Name a message typed in our own phone app."""
    return "ph" + hashlib.sha256(f"{connection_id}:{provider_id}".encode()).hexdigest()[:30]


def _store(db: Db, desk: _Desk, now: int) -> None:
    rows, owners = desk.rows, desk.owners
    # By chat, so that two processes take their locks in one order; within a chat as they came.
    rows.sort(key=lambda row: row["chat_id"])
    chats: dict[int, dict[str, Any]] = {}
    desk.repeated = Counter((row["connection_id"], row["provider_id"]) for row in rows)
    stored = _insert.each_returning(db, rows)
    for row in stored:
        chat_id, name = row["chat_id"], (row["connection_id"], row["provider_id"])
        result = owners[name]
        desk.repeated[name] -= 1
        result.new += 1
        result.changed.add(chat_id)
        chat = chats.setdefault(chat_id, {"chat": chat_id, "new": 0, "window": 0, "now": now, "unread": 0})
        chat["unread"] += name in desk.notable
        if row["state"] == "new":
            chat["new"] += 1
            result.ready.add(chat_id)
        if row["direction"] == "in":
            chat["window"] = max(chat["window"], (row["provider_at"] or now) + WINDOW)
    desk.repeated = +desk.repeated
    if chats:
        _touch.each(db, [chats[chat_id] for chat_id in sorted(chats)])
    written = {row["chat_id"] for row in stored if (row["connection_id"], row["provider_id"]) in desk.written}
    if written:
        handoff.replied(db, written, now)
    if desk.files:
        media_wanted.want(db, stored, desk.files, now)


def _count_repeats(db: Db, repeated: Mapping[tuple[int, str], int]) -> None:
    """Count deliveries of messages that were there already; last, and without waiting for anybody's rows."""
    for (connection_id, provider_id), times in sorted(repeated.items()):
        there = (
            select(Message.id)
            .where(
                Message.connection_id == connection_id,
                Message.provider_id == provider_id,
                literal_column("direction = 'in'"),
            )
            .with_for_update(skip_locked=True)
        )
        db.execute(update(Message).where(Message.id.in_(there)).values(repeats=Message.repeats + times))


def _inserting(dialect: Any) -> Any:
    returned = ("id", "connection_id", "provider_id", "chat_id", "state", "direction", "provider_at")
    return (
        dialect.insert(Message)
        .inline()
        .on_conflict_do_nothing()
        .returning(*(_message[name] for name in returned))
    )


_message = table_of(Message).c
_insert = Hot(
    _inserting(postgresql),
    [
        "connection_id",
        "chat_id",
        "direction",
        "kind",
        "state",
        "text",
        "payload",
        "provider_id",
        "key",
        "quoted_id",
        "author",
        "created_at",
        "provider_at",
        "ordinal",
        "attempts",
    ],
    sqlite=_inserting(sqlite),
)


_chat = table_of(Chat).c
_greatest = case((_chat.window_until > bindparam("window"), _chat.window_until), else_=bindparam("window"))
_touch = Hot(
    update(table_of(Chat))
    .where(_chat.id == bindparam("chat"))
    .values(
        pending=_chat.pending + bindparam("new"),
        # A set moment stays: a new message must not cut short the chat's back-off.
        ready_at=case(
            (bindparam("new") > 0, func.coalesce(_chat.ready_at, bindparam("now"))), else_=_chat.ready_at
        ),
        last_message_at=bindparam("now"),
        window_until=_greatest,
        unread_count=_chat.unread_count + bindparam("unread"),
    )
)


def _items(deliveries: Sequence[Delivery], kind: type[T]) -> Iterable[tuple[int, T]]:
    for delivery in deliveries:
        for connection_id, items in delivery.parts:
            for item in items:
                if isinstance(item, kind):
                    yield connection_id, item


def _apply_receipts(db: Db, deliveries: Sequence[Delivery], result: Accepted) -> None:
    """Apply receipts; those of several deliveries may meet in one row, so the first delivery tells of them all."""
    now = deliveries[0].now
    receipts = [
        # A receipt without a readable moment happened when it came.
        (connection_id, status if status.at else replace(status, at=now))
        for connection_id, status in _items(deliveries, Status)
    ]
    if receipts:
        applied = statuses.apply(db, receipts, now)
        result.changed |= applied.changed
        result.resolved |= applied.resolved
        result.troubled |= applied.troubled


def wake(db: Db, resolved: Sequence[tuple[set[int], int]]) -> list[None]:
    """Let chats go on at once whose unknown send was settled by a receipt; given with the present moment."""
    ids = sorted(set().union(*(chats for chats, _ in resolved)))
    now = resolved[0][1]
    db.execute(update(Chat).where(Chat.id.in_(ids), Chat.ready_at > now).values(ready_at=now))
    return [None] * len(resolved)


def prove_alive(db: Db, proofs: Sequence[tuple[int, int]]) -> list[None]:
    """Note when a connection's webhooks last reached us: the silence of a status means something since then."""
    for connection_id, now in sorted(dict(proofs).items()):
        db.execute(update(Connection).where(Connection.id == connection_id).values(last_webhook_at=now))
    return [None] * len(proofs)
