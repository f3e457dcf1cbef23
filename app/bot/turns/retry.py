"""Retry of turns: number of attempts, backoff delays by reason, then state `dead`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection as Db
from sqlalchemy import select, update

from app.bot import lease
from app.bot.delivery import attempts
from app.bot.models import Message
from app.bot.states import AttemptOutcome, MessageState
from app.immutable import immutable

# An inbound message whose turn could not be run that often is dead.
MAX_ATTEMPTS = 8
# What is nobody's fault is waited for this long (ms) before its tries count.
UNCOUNTED_RETRY_MS = 3_600_000

TURN = "turn"
# The sandbox has no process for this brain now.
SANDBOX = "sandbox"
# Somebody else changed what the turn was based on.
CONFLICT = "conflict"
_FIRST_DELAY_MS = {TURN: 1_000, SANDBOX: 1_000, CONFLICT: 10}
_MAX_DELAY_MS = {TURN: 60_000, SANDBOX: 30_000, CONFLICT: 2_000}


@immutable
class TurnRetry:
    """A turn that could not be finished for a reason that is not the brain's; `code`: turn | sandbox | conflict."""

    lease: lease.Lease
    message_id: int
    reason: str
    now: int
    code: str = TURN


@immutable
class RetryResult:
    """Result of a retry: the message is dead, or its chat can be claimed again from `ready_at` (ms)."""

    dead: bool = False
    ready_at: int | None = None


def defer(db: Db, turns: Sequence[TurnRetry]) -> list[RetryResult]:
    """Put turns back for later, or give them up as dead after the last try; called by the writer."""
    held = lease.fence(db, [turn.lease for turn in turns])
    steps = lease.Steps()
    done = defer_fenced(db, turns, held, steps)
    steps.write(db)
    return done


def defer_fenced(
    db: Db, turns: Sequence[TurnRetry], held: Mapping[int, lease.FencedChat], steps: lease.Steps
) -> list[RetryResult]:
    """Do what `defer` does inside a transaction that has fenced the chats; whose lease is lost is left alone."""
    return [
        _defer_one(db, turn, held[turn.lease.chat_id], steps) if turn.lease.chat_id in held else RetryResult()
        for turn in turns
    ]


def _defer_one(db: Db, turn: TurnRetry, chat: lease.FencedChat, steps: lease.Steps) -> RetryResult:
    query = select(Message.attempts, Message.error_code, Message.created_at)
    row = db.execute(query.where(Message.id == turn.message_id)).one()
    # Only tries that failed for the same reason make up a row of failures.
    tries = row.attempts + 1 if row.error_code == turn.code else 1
    counts = turn.code == TURN or turn.now - row.created_at > UNCOUNTED_RETRY_MS
    lost = counts and tries >= MAX_ATTEMPTS
    values = {
        "attempts": tries,
        "state": MessageState.DEAD if lost else MessageState.NEW,
        "error_code": turn.code,
        "error": turn.reason[:500],
        "failed_at": turn.now if lost else None,
    }
    db.execute(update(Message).where(Message.id == turn.message_id).values(values))
    attempts.write(
        db,
        [
            attempts.build_row(
                turn.message_id, turn.now, AttemptOutcome.REFUSED, tries, (turn.code, turn.reason)
            )
        ],
    )
    left = chat.pending - lost
    wait = 0 if lost else _compute_delay_ms(turn, tries)
    ready_at = turn.now + wait if left > 0 else None
    steps.release(turn.lease, ready_at, handled=int(lost))
    return RetryResult(lost, ready_at)


def _compute_delay_ms(turn: TurnRetry, tries: int) -> int:
    """Return ms until the next try: longer each time, and different for turns that hindered each other."""
    spread = ((turn.message_id + tries) * 2_654_435_761 & 0xFFFF_FFFF) / 0xFFFF_FFFF
    longest = min(_MAX_DELAY_MS[turn.code], _FIRST_DELAY_MS[turn.code] * 2 ** min(tries - 1, 16))
    return int(longest * (0.5 + spread))
