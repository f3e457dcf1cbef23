"""Transaction B: run, replies and state changes of a turn stored as one fenced step before any send."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection as Db
from sqlalchemy import insert, literal_column, null, update

from app.bot import command_errors, lease
from app.bot.delivery.outbox import SendJob, plan_send
from app.bot.delivery.rate_limit import RateLimiter
from app.bot.models import Chat, Cooldown, Message, Run
from app.bot.models.message_rows import OUTBOUND_COLUMNS, OutboundRow
from app.bot.schedules import SchedulePlanner
from app.bot.states import MessageState, sql_is
from app.bot.turns import canary, debounce, retry, version_pin
from app.bot.turns.canary import RolloutRevert
from app.bot.turns.result import TurnResult, apply_schedule_limit
from app.bot.turns.retry import RetryResult, TurnRetry
from app.bot.turns.state_changes import StateChanges
from app.brains.memory import store as memory_store
from app.db.schema import get_table
from app.db.statements import InList, Statement, build_insert
from app.immutable import immutable, replace_fields

_CONFLICT_REASON = "What the answer was based on has changed meanwhile; it is worked out again."


@immutable
class CommitResult:
    """What became of a turn: the first send, if one may go now. `fenced` = another worker has the chat.

    `wake_at`: there will be something to do at this moment (ms); `retried` = the turn was put back until then;
    `rollout_revert`: a candidate was rolled back with it.
    """

    send_job: SendJob | None = None
    fenced: bool = False
    has_more: bool = False
    retried: bool = False
    wake_at: int | None = None
    rollout_revert: RolloutRevert | None = None


_message = get_table(Message).c
_UPDATE_DONE = Statement(
    update(get_table(Message))
    .where(InList(_message.id, "ids"), literal_column(sql_is("state", MessageState.NEW)))
    .values(state=MessageState.DONE, error_code=null(), error=null())
)
_INSERT_RUN = Statement(
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
_INSERT_MESSAGE = Statement(insert(Message).inline(), OUTBOUND_COLUMNS)


def commit_turns(db: Db, turns: Sequence[TurnResult]) -> list[CommitResult]:
    """Store turns: fence, inbound done, run and all effects, or nothing of a turn; called by the writer."""
    held = lease.fence(db, [turn.lease for turn in turns])
    planner = SchedulePlanner(
        db,
        [
            turn.state_changes.schedule_changes
            for turn in turns
            if turn.state_changes and turn.state_changes.schedule_changes
        ],
    )
    turns = [apply_schedule_limit(turn, planner) for turn in turns]
    kept = [turn for turn in turns if turn.lease.chat_id in held]
    if not kept:
        return [CommitResult(fenced=True) for _ in turns]
    steps = lease.Steps()
    retries = _defer_overtaken(db, kept, held, steps)
    kept = [turn for turn in kept if turn.message_id not in retries]
    due = _write_results(db, kept, planner)
    reverted = canary.count_runs(db, [(turn.rollout_run, turn.run) for turn in kept if turn.rollout_run])
    limiter = RateLimiter(db, {turn.target.connection_id for turn in kept})
    rows: list[OutboundRow] = []
    results = []
    for turn in turns:
        chat = held.get(turn.lease.chat_id)
        if chat is None:
            results.append(CommitResult(fenced=True))
        elif turn.message_id in retries:
            results.append(CommitResult(retried=True, wake_at=retries[turn.message_id].ready_at))
        else:
            stored = _commit_one(turn, chat, limiter, rows, steps)
            revert = reverted.get(turn.message_id)
            results.append(
                stored if due is None and not revert else replace(stored, wake_at=due, rollout_revert=revert)
            )
    if rows:
        _INSERT_MESSAGE.execute_many(db, rows)
    steps.write(db)
    limiter.write(db)
    return results


def _defer_overtaken(
    db: Db, turns: Sequence[TurnResult], held: Mapping[int, lease.FencedChat], steps: lease.Steps
) -> dict[int, RetryResult]:
    """Put back the turns that were overtaken: by a change of what they remembered, or by a pause of their chat."""
    changes = [
        turn.state_changes.memory_changes
        for turn in turns
        if turn.state_changes and turn.state_changes.memory_changes and not held[turn.lease.chat_id].is_paused
    ]
    conflicts = memory_store.apply(db, changes) if changes else set()
    overtaken = [
        turn
        for turn in turns
        if turn.message_id in conflicts or (held[turn.lease.chat_id].is_paused and _needs_unpaused_chat(turn))
    ]
    if not overtaken:
        return {}
    late = [
        TurnRetry(turn.lease, turn.message_id, _CONFLICT_REASON, turn.now, retry.CONFLICT)
        for turn in overtaken
    ]
    results = retry.defer_fenced(db, late, held, steps)
    return {turn.message_id: result for turn, result in zip(overtaken, results, strict=True)}


def _needs_unpaused_chat(turn: TurnResult) -> bool:
    changes = turn.state_changes
    return bool(turn.replies) or (changes is not None and not changes.only_prolongs_pause)


def _write_results(db: Db, turns: Sequence[TurnResult], planner: SchedulePlanner) -> int | None:
    """Store runs and what lasts; returns the earliest moment (ms) something new is due."""
    if not turns:
        return None
    _UPDATE_DONE.execute(db, ids=[each for turn in turns for each in (*turn.merged_ids, turn.message_id)])
    runs = [
        (run, turn.target) for turn in turns for run in debounce.build_run_rows(turn.run, turn.merged_ids)
    ]
    _INSERT_RUN.execute_many(db, [{**run, "connection_id": target.connection_id} for run, target in runs])
    version_pin.write(db, [turn.version_pin for turn in turns if turn.version_pin])
    cooldowns = [dict(row) for turn in turns for row in turn.cooldowns]
    if cooldowns:
        store_cooldowns(db, cooldowns)
    changed = [(turn, turn.state_changes) for turn in turns if turn.state_changes]
    for turn, changes in changed:
        if changes.handoff is not None or changes.paused_until is not None:
            _pause(db, turn, changes)
    failures = [
        (changes.failure_context, changes.error)
        for _, changes in changed
        if changes.failure_context and changes.error
    ]
    if failures:
        command_errors.record(db, failures)
    scheduling = [turn.message_id for turn, changes in changed if changes.schedule_changes]
    return planner.write(scheduling) if scheduling else None


def _pause(db: Db, turn: TurnResult, changes: StateChanges) -> None:
    values: dict[str, Any] = {"paused_until": changes.paused_until}
    query = update(Chat).where(Chat.id == turn.lease.chat_id)
    if changes.handoff is None:
        query = query.where(Chat.paused_until.is_not(None))
    else:
        values |= {"paused_at": turn.now, "pause_reason": changes.handoff[:200]}
    db.execute(query.values(values))


def _commit_one(
    turn: TurnResult,
    chat: lease.FencedChat,
    limiter: RateLimiter,
    rows: list[OutboundRow],
    steps: lease.Steps,
) -> CommitResult:
    # Copies: what is changed here must not be seen when the writer repeats a turn.
    replies = [reply.copy() for reply in turn.replies]
    rows += replies
    handled = 1 + len(turn.merged_ids)
    pending = chat.pending - handled
    if not replies:
        steps.release(turn.lease, turn.now if pending > 0 else None, handled)
        return CommitResult(has_more=pending > 0)
    send_job, ready_at = plan_send(turn.target, chat, limiter, replies[0], turn.now)
    if send_job is None:
        steps.release(turn.lease, ready_at, handled)
        return CommitResult()
    steps.hold(turn.lease, turn.now, send_job.pair_slot, handled)
    following = tuple(replies[1:])
    return CommitResult(send_job=replace_fields(send_job, next_replies=following) if following else send_job)


def store_cooldowns(db: Db, rows: list[dict[str, Any]]) -> None:
    """Store until when commands rest."""
    query = build_insert(db, Cooldown)
    rows.sort(key=lambda row: (row["brain_id"], row["command_id"], row["scope"]))
    db.execute(
        query.on_conflict_do_update(
            index_elements=["brain_id", "command_id", "scope"], set_={"until": query.excluded.until}
        ),
        rows,
    )
