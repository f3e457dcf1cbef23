"""Transaction A: everything one webhook carries is stored before it is answered."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import bindparam, case, func, insert, update
from sqlalchemy.dialects import postgresql, sqlite

from app.bot import people, statuses
from app.bot.channels.contract import Inbound, Item, Other, Renamed, Status
from app.bot.models import Chat, Connection, Message, Notice
from app.bot.people import Key, Place, Places
from app.db import to_json
from app.sql import Hot

WINDOW = 24 * 3600 * 1000
RAW_LIMIT = 256 * 1024


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
    learned: list[tuple[Key, Place]] = field(default_factory=list)


def accept(db: Db, deliveries: Sequence[Delivery]) -> list[Accepted]:
    """Store deliveries; called by the writer with all that wait (specs: durability 2.2)."""
    results = [Accepted() for _ in deliveries]
    fresh: dict[Key, Place] = {}
    rows: list[dict[str, Any]] = []
    owners: dict[tuple[int, str], Accepted] = {}
    changes: list[tuple[int, Inbound, Accepted]] = []
    for delivery, result in zip(deliveries, results, strict=True):
        for connection_id, item in _inbound(delivery):
            place = _place(db, delivery, connection_id, item, fresh, result)
            rows.append(_row(delivery, connection_id, item, place))
            owners.setdefault((connection_id, rows[-1]["provider_id"]), result)
            if item.edits or item.revokes:
                changes.append((connection_id, item, result))
    if rows:
        _store(db, rows, owners, deliveries[0].now)
    for connection_id, item, result in changes:
        result.changed |= _amend(db, connection_id, item)
    _rest(db, deliveries, results)
    return results


def _inbound(delivery: Delivery) -> Iterable[tuple[int, Inbound]]:
    for connection_id, items in delivery.parts:
        for item in items:
            if isinstance(item, Inbound):
                yield connection_id, item


def _place(
    db: Db, delivery: Delivery, connection_id: int, item: Inbound, fresh: dict[Key, Place], result: Accepted
) -> Place:  # the five things a place depends on, and where it is learnt
    key = people.key_of(connection_id, item.person, item.group_id)
    place = fresh.get(key) or delivery.places.get(key)
    if place is None or _news(place, item):
        place = people.find_or_make(db, connection_id, item.person, item.group_id, delivery.now)
        fresh[key] = place
    if key in fresh:
        result.learned.append((key, place))
    return place


def _news(place: Place, item: Inbound) -> bool:
    known, person = place.person, item.person
    return item.group_id is None and bool(
        (person.name and person.name[:200] != known.name)
        or (person.username and person.username[:100] != known.username)
        or (person.phone and known.phone is None)
        or (person.user_id and known.user_id is None)
    )


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
        "quoted_id": item.quoted_id[:255] if item.quoted_id else None,
        "author": "phone" if outgoing else "contact",
        "created_at": delivery.now,
        "provider_at": item.at or None,
        "ordinal": 0,
        "attempts": 0,
    }


def echo_key(connection_id: int, provider_id: str) -> str:
    """Name a message typed in our own phone app."""
    return "ph" + hashlib.sha256(f"{connection_id}:{provider_id}".encode()).hexdigest()[:30]


def _store(db: Db, rows: list[dict[str, Any]], owners: Mapping[tuple[int, str], Accepted], now: int) -> None:
    # By chat, so that two processes take their locks in one order; within a chat as they came.
    rows.sort(key=lambda row: row["chat_id"])
    chats: dict[int, dict[str, Any]] = {}
    for row in _insert.each_returning(db, rows):
        chat_id = row["chat_id"]
        result = owners[row["connection_id"], row["provider_id"]]
        result.new += 1
        result.changed.add(chat_id)
        chat = chats.setdefault(chat_id, {"chat": chat_id, "new": 0, "window": 0, "now": now})
        if row["state"] == "new":
            chat["new"] += 1
            result.ready.add(chat_id)
        if row["direction"] == "in":
            chat["window"] = max(chat["window"], (row["provider_at"] or now) + WINDOW)
    if chats:
        _touch.each(db, [chats[chat_id] for chat_id in sorted(chats)])


def _inserting(dialect: Any) -> Any:
    returned = ("connection_id", "provider_id", "chat_id", "state", "direction", "provider_at")
    return (
        dialect.insert(Message)
        .inline()
        .on_conflict_do_nothing()
        .returning(*(_message[name] for name in returned))
    )


_message = Message.__table__.c
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


_chat = Chat.__table__.c
_greatest = case((_chat.window_until > bindparam("window"), _chat.window_until), else_=bindparam("window"))
_touch = Hot(
    update(Chat.__table__)  # type: ignore[arg-type]
    .where(_chat.id == bindparam("chat"))
    .values(
        pending=_chat.pending + bindparam("new"),
        # A set moment stays: a new message must not cut short the chat's back-off.
        ready_at=case(
            (bindparam("new") > 0, func.coalesce(_chat.ready_at, bindparam("now"))), else_=_chat.ready_at
        ),
        last_message_at=bindparam("now"),
        window_until=_greatest,
    )
)


def _amend(db: Db, connection_id: int, item: Inbound) -> set[int]:
    """Let an edit or a deletion show on the message it is about; neither runs a brain again."""
    target = item.edits or item.revokes
    news: dict[str, Any] = (
        {"text": item.text, "edited_at": item.at or None} if item.edits else {"revoked_at": item.at or None}
    )
    query = (
        update(Message)
        .where(Message.connection_id == connection_id, Message.provider_id == target)
        .values(news)
        .returning(Message.chat_id)
    )
    return set(db.execute(query).scalars())


def _rest(db: Db, deliveries: Sequence[Delivery], results: Sequence[Accepted]) -> None:
    """Apply receipts and renamings, keep everything else raw."""
    notices: list[dict[str, Any]] = []
    receipts: list[tuple[int, Status]] = []
    now = deliveries[0].now
    for delivery in deliveries:
        notices += [_notice(connection_id, other, now) for connection_id, other in delivery.notices]
        for connection_id, items in delivery.parts:
            for item in items:
                if isinstance(item, Status):
                    # A receipt without a readable moment happened when it came.
                    receipts.append((connection_id, item if item.at else replace(item, at=now)))
                elif isinstance(item, Other):
                    notices.append(_notice(connection_id, item, now))
                elif isinstance(item, Renamed):
                    people.rename(db, connection_id, item)
    if receipts:
        applied = statuses.apply(db, receipts, now)
        # Receipts of several deliveries may meet in one row: the first of them speaks for all.
        results[0].changed |= applied.changed
        results[0].resolved |= applied.resolved
    if notices:
        db.execute(insert(Notice), notices)


def _notice(connection_id: int | None, other: Other, now: int) -> dict[str, Any]:
    payload = other.payload if isinstance(other.payload, str) else to_json(other.payload)
    return {
        "connection_id": connection_id,
        "field": other.field[:64],
        "payload": payload[:RAW_LIMIT],
        "created_at": now,
    }


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
