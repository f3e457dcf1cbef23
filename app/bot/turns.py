"""Transaction B: the outcome of a turn, stored as one fenced step before anything is sent."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.bot import lease
from app.bot.models import Cooldown, Message, Run
from app.bot.outbox import Order, first_send
from app.bot.pacing import Pace, Sending
from app.bot.statuses import KEY_LENGTH, KEY_PREFIX
from app.db import storable, table_of
from app.sql import Hot, among

# An inbound message whose turn could not be run that often is dead: visible, explained, replayable.
MAX_TRIES = 8


@dataclass(frozen=True, slots=True)
class Reply:
    """One outbound message a turn decided: its content and what it quotes."""

    content: Mapping[str, Any]
    text: str
    quoted_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A turn to be stored: the message it was about, its run and its effects."""

    lease: lease.Lease
    sending: Sending
    message_id: int
    provider_id: str
    run: Mapping[str, Any]
    now: int
    replies: Sequence[Reply] = ()
    cooldowns: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a turn: the first send, if one may go now. `fenced` = another worker has the chat."""

    order: Order | None = None
    fenced: bool = False
    more: bool = False


def send_key(account: str, provider_id: str, ordinal: int) -> str:
    """Name a send so that the same turn always gives the same name (durability 2.2)."""
    digest = hashlib.sha256(f"{account}\0{provider_id}\0{ordinal}".encode()).hexdigest()
    return KEY_PREFIX + digest[: KEY_LENGTH - len(KEY_PREFIX)]


def store(db: Db, turns: Sequence[Ended]) -> list[Stored]:
    """Store turns: fence, inbound done, run, cooldowns, outbound rows; called by the writer."""
    held = lease.fence(db, [turn.lease for turn in turns])
    kept = [turn for turn in turns if turn.lease.chat_id in held]
    if not kept:
        return [Stored(fenced=True) for _ in turns]
    _done.rows(db, ids=[turn.message_id for turn in kept])
    _record.each(db, [turn.run for turn in kept])
    cooldowns = [dict(row) for turn in kept for row in turn.cooldowns]
    if cooldowns:
        _cool(db, cooldowns)
    pace = Pace(db, {turn.sending.connection_id for turn in kept})
    rows: list[dict[str, Any]] = []
    steps = lease.Steps()
    results = [
        _store_one(turn, held[turn.lease.chat_id], pace, rows, steps)
        if turn.lease.chat_id in held
        else Stored(fenced=True)
        for turn in turns
    ]
    if rows:
        _reply.each(db, rows)
    steps.write(db)
    pace.write(db)
    return results


def _store_one(
    turn: Ended, chat: lease.Held, pace: Pace, rows: list[dict[str, Any]], steps: lease.Steps
) -> Stored:
    made = [_outbound(turn, ordinal, reply) for ordinal, reply in enumerate(turn.replies)]
    rows += made
    pending = chat.pending - 1
    if not made:
        steps.release(turn.lease, turn.now if pending > 0 else None, handled=1)
        return Stored(more=pending > 0)
    order, ready_at = first_send(turn.sending, chat, pace, made[0], turn.now)
    if order is None:
        steps.release(turn.lease, ready_at, handled=1)
        return Stored()
    steps.keep(turn.lease, turn.now, order.pair_slot, handled=1)
    return Stored(order=replace(order, rest=tuple(made[1:])))


def _outbound(turn: Ended, ordinal: int, reply: Reply) -> dict[str, Any]:
    return {
        "connection_id": turn.sending.connection_id,
        "chat_id": turn.lease.chat_id,
        "direction": "out",
        "kind": reply.content["kind"],
        "state": "queued",
        "text": storable(reply.text),
        "payload": dict(reply.content),
        "key": send_key(turn.sending.account, turn.provider_id, ordinal),
        "quoted_id": reply.quoted_id,
        "parent_id": turn.message_id,
        "ordinal": ordinal,
        "author": "brain",
        "attempts": 0,
        "next_at": None,
        "created_at": turn.now,
    }


_message = table_of(Message).c
_done = Hot(
    update(table_of(Message))
    .where(among(_message.id, "ids"), literal_column("state = 'new'"))
    .values(state="done")
)
_record = Hot(
    insert(Run).inline(),
    [
        "message_id",
        "chat_id",
        "brain_id",
        "version_id",
        "command_id",
        "outcome",
        "trace",
        "micros",
        "created_at",
    ],
)
_reply = Hot(
    insert(Message).inline(),
    [
        "connection_id",
        "chat_id",
        "direction",
        "kind",
        "state",
        "text",
        "payload",
        "key",
        "quoted_id",
        "parent_id",
        "ordinal",
        "author",
        "attempts",
        "next_at",
        "created_at",
    ],
)


def _cool(db: Db, rows: list[dict[str, Any]]) -> None:
    dialect = postgresql if db.dialect.name == "postgresql" else sqlite
    query = dialect.insert(Cooldown)
    rows.sort(key=lambda row: (row["brain_id"], row["command_id"], row["scope"]))
    db.execute(
        query.on_conflict_do_update(
            index_elements=["brain_id", "command_id", "scope"], set_={"until": query.excluded.until}
        ),
        rows,
    )


@dataclass(frozen=True, slots=True)
class Deferred:
    """A turn that could not be run for a reason that is not the brain's; tried again later."""

    lease: lease.Lease
    message_id: int
    reason: str
    now: int
    wait: int  # ms


def defer(db: Db, turns: Sequence[Deferred]) -> list[bool]:
    """Put turns back for later, or give them up as dead after the last try; true = dead."""
    held = lease.fence(db, [turn.lease for turn in turns])
    steps = lease.Steps()
    dead: list[bool] = []
    for turn in turns:
        if turn.lease.chat_id not in held:
            dead.append(False)
            continue
        tries = db.execute(select(Message.attempts).where(Message.id == turn.message_id)).scalar_one() + 1
        lost = tries >= MAX_TRIES
        db.execute(
            update(Message)
            .where(Message.id == turn.message_id)
            .values(
                attempts=tries,
                state="dead" if lost else "new",
                error_code="turn",
                error=turn.reason[:500],
                failed_at=turn.now if lost else None,
            )
        )
        left = held[turn.lease.chat_id].pending - lost
        steps.release(turn.lease, turn.now + turn.wait if left > 0 else None, handled=int(lost))
        dead.append(lost)
    steps.write(db)
    return dead
