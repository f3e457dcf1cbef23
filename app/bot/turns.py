"""Transaction B: the outcome of a turn, stored as one fenced step before anything is sent."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert, literal_column, null, update
from sqlalchemy.dialects import postgresql, sqlite

from app.bot import bursts, deferring, faults, lease, rollouts, sessions
from app.bot.deferring import Deferred, PutBack
from app.bot.models import Chat, Cooldown, Message, Run
from app.bot.outbox import Order, first_send
from app.bot.pacing import Pace, Sending
from app.bot.rollouts import Counted, Reverted
from app.bot.schedules import Agenda, Planner
from app.bot.sessions import Session
from app.bot.statuses import KEY_LENGTH, KEY_PREFIX
from app.brains import memory
from app.brains.ending import error_data
from app.brains.sandbox.wire import Fault as Problem
from app.db import storable, table_of
from app.sql import Hot, among

_CHANGED = "What the answer was based on has changed meanwhile; it is worked out again."


@dataclass(frozen=True, slots=True)
class Reply:
    """One outbound message a turn decided: its content and what it quotes."""

    content: Mapping[str, Any]
    text: str
    quoted_id: str | None = None


@dataclass(frozen=True, slots=True)
class Lasting:
    """What a turn changes beyond its replies: memory, plans, a handoff; or the problem it ended in."""

    remembered: memory.Changes | None = None
    agenda: Agenda | None = None
    handoff: str | None = None
    case: faults.Case | None = None
    problem: Problem | None = None


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
    lasting: Lasting | None = None
    session: Session | None = None
    counted: Counted | None = None
    # When the message came in (ms): what the response time counts from.
    asked_at: int | None = None
    # Earlier messages that are answered with it.
    merged: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a turn: the first send, if one may go now. `fenced` = another worker has the chat.

    `wake_at`: there will be something to do at this moment (ms); `again` = the turn was put back until then;
    `reverted`: a candidate was taken back with it.
    """

    order: Order | None = None
    fenced: bool = False
    more: bool = False
    again: bool = False
    wake_at: int | None = None
    reverted: Reverted | None = None


def send_key(account: str, provider_id: str, ordinal: int) -> str:
    """Name a send so that the same turn always gives the same name (durability 2.2)."""
    digest = hashlib.sha256(f"{account}\0{provider_id}\0{ordinal}".encode()).hexdigest()
    return KEY_PREFIX + digest[: KEY_LENGTH - len(KEY_PREFIX)]


def store(db: Db, turns: Sequence[Ended]) -> list[Stored]:
    """Store turns: fence, inbound done, run and all effects, or nothing of a turn; called by the writer."""
    held = lease.fence(db, [turn.lease for turn in turns])
    planner = Planner(db, [turn.lasting.agenda for turn in turns if turn.lasting and turn.lasting.agenda])
    turns = [_judged(turn, planner) for turn in turns]
    kept = [turn for turn in turns if turn.lease.chat_id in held]
    if not kept:
        return [Stored(fenced=True) for _ in turns]
    steps = lease.Steps()
    back = _put_back(db, kept, held, steps)
    kept = [turn for turn in kept if turn.message_id not in back]
    due = _keep(db, kept, planner)
    reverted = rollouts.count(db, [(turn.counted, turn.run) for turn in kept if turn.counted])
    pace = Pace(db, {turn.sending.connection_id for turn in kept})
    rows: list[dict[str, Any]] = []
    results = []
    for turn in turns:
        chat = held.get(turn.lease.chat_id)
        if chat is None:
            results.append(Stored(fenced=True))
        elif turn.message_id in back:
            results.append(Stored(again=True, wake_at=back[turn.message_id].ready_at))
        else:
            stored = _store_one(turn, chat, pace, rows, steps)
            told = reverted.get(turn.message_id)
            results.append(
                stored if due is None and not told else replace(stored, wake_at=due, reverted=told)
            )
    if rows:
        _reply.each(db, rows)
    steps.write(db)
    pace.write(db)
    return results


def _judged(turn: Ended, planner: Planner) -> Ended:
    """Make a turn that plans more than it may a failed one, without any effect."""
    refusal = planner.refusal(turn.message_id)
    if refusal is None:
        return turn
    return failed(turn, Problem("limit", refusal, "Cancel some of them first, or give them a name each."))


def failed(turn: Ended, problem: Problem) -> Ended:
    """Return the turn without its effects, as one that failed; its digest would name what did not happen."""
    trace = {**turn.run["trace"], "error": error_data(problem)}
    run = {**turn.run, "outcome": "failed", "fault": problem.kind[:12], "trace": trace, "digest": None}
    case = turn.lasting.case if turn.lasting else None
    return replace(turn, run=run, replies=(), cooldowns=(), lasting=Lasting(case=case, problem=problem))


def _put_back(
    db: Db, turns: Sequence[Ended], held: Mapping[int, lease.Held], steps: lease.Steps
) -> dict[int, PutBack]:
    """Put back the turns that were overtaken: by a change of what they remembered, or by a pause of their chat."""
    changes = [
        turn.lasting.remembered
        for turn in turns
        if turn.lasting and turn.lasting.remembered and not held[turn.lease.chat_id].paused
    ]
    conflicts = memory.apply(db, changes) if changes else set()
    overtaken = [
        turn
        for turn in turns
        if turn.message_id in conflicts
        or (held[turn.lease.chat_id].paused and (turn.replies or turn.lasting))
    ]
    if not overtaken:
        return {}
    late = [
        Deferred(turn.lease, turn.message_id, _CHANGED, turn.now, deferring.CONFLICT) for turn in overtaken
    ]
    results = deferring.put_back(db, late, held, steps)
    return {turn.message_id: result for turn, result in zip(overtaken, results, strict=True)}


def _keep(db: Db, turns: Sequence[Ended], planner: Planner) -> int | None:
    """Store runs and what lasts; returns the earliest moment (ms) something new is due."""
    if not turns:
        return None
    _done.rows(db, ids=[each for turn in turns for each in (*turn.merged, turn.message_id)])
    runs = [(run, turn.sending) for turn in turns for run in bursts.records(turn.run, turn.merged)]
    _record.each(db, [{**run, "connection_id": sending.connection_id} for run, sending in runs])
    sessions.keep(db, [turn.session for turn in turns if turn.session])
    cooldowns = [dict(row) for turn in turns for row in turn.cooldowns]
    if cooldowns:
        _cool(db, cooldowns)
    lasting = [(turn, turn.lasting) for turn in turns if turn.lasting]
    for turn, more in lasting:
        if more.handoff is not None:
            _hand_off(db, turn, more.handoff)
    failures = [(more.case, more.problem) for _, more in lasting if more.case and more.problem]
    if failures:
        faults.record(db, failures)
    planning = [turn.message_id for turn, more in lasting if more.agenda]
    return planner.write(planning) if planning else None


def _hand_off(db: Db, turn: Ended, reason: str) -> None:
    news = {"paused_at": turn.now, "pause_reason": reason[:200], "paused_until": None}
    db.execute(update(Chat).where(Chat.id == turn.lease.chat_id).values(news))


def _store_one(
    turn: Ended, chat: lease.Held, pace: Pace, rows: list[dict[str, Any]], steps: lease.Steps
) -> Stored:
    made = [_outbound(turn, ordinal, reply) for ordinal, reply in enumerate(turn.replies)]
    rows += made
    handled = 1 + len(turn.merged)
    pending = chat.pending - handled
    if not made:
        steps.release(turn.lease, turn.now if pending > 0 else None, handled)
        return Stored(more=pending > 0)
    order, ready_at = first_send(turn.sending, chat, pace, made[0], turn.now)
    if order is None:
        steps.release(turn.lease, ready_at, handled)
        return Stored()
    steps.keep(turn.lease, turn.now, order.pair_slot, handled)
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
        "brain_id": turn.run["brain_id"],
        "version_id": turn.run["version_id"],
        "command_id": turn.run["command_id"],
        "asked_at": None if ordinal else turn.asked_at,
    }


_message = table_of(Message).c
_done = Hot(
    update(table_of(Message))
    .where(among(_message.id, "ids"), literal_column("state = 'new'"))
    .values(state="done", error_code=null(), error=null())
)
_record = Hot(
    insert(Run).inline(),
    [
        "message_id",
        "chat_id",
        "connection_id",
        "brain_id",
        "version_id",
        "command_id",
        "outcome",
        "fault",
        "trace",
        "micros",
        "journal",
        "digest",
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
        "brain_id",
        "version_id",
        "command_id",
        "asked_at",
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
