"""What a worker does beside its messages: deliver schedules, send alerts, forget what has expired."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from sqlalchemy import func, select

from app.bot import alerts, errands, faults, handoff, packing, rollups, schedules, word_index
from app.bot.models import Chat, Counter, Errand, Fault, Message, RollupDelta, Schedule
from app.brains import memory
from app.brains.rollout_models import Rollout
from app.writer import Database

# Expired memory is looked for this often, and this soon after the start (ms).
TIDY_EVERY = 3_600_000
TIDY_FIRST = 60_000
TIDY_BATCH = 500
# Between two batches of an errand (ms): messages come first.
ERRAND_PAUSE = 100

_due = select(
    select(func.min(Schedule.due_at)).scalar_subquery().label("due_at"),
    select(func.min(Fault.id)).where(Fault.tell_to.is_not(None)).scalar_subquery().label("fault_id"),
    select(func.min(Rollout.id)).where(Rollout.tell_to.is_not(None)).scalar_subquery().label("rollout_id"),
    select(func.min(RollupDelta.id)).scalar_subquery().label("delta_id"),
    select(func.min(Chat.paused_until)).scalar_subquery().label("pause_ends"),
    select(func.min(Errand.id)).where(Errand.ended_at.is_(None)).scalar_subquery().label("errand_id"),
    (
        select(func.max(Message.id)).scalar_subquery()
        > select(Counter.n).where(Counter.name == word_index.MARK).scalar_subquery()
    ).label("words_behind"),
)


class Chores:
    """Looks every `sweep` ms, or when something is known to be due; safe beside other workers' looks."""

    def __init__(self, database: Database, clock: Callable[[], int], sweep: int) -> None:
        self._database = database
        self._clock = clock
        self._sweep = sweep
        self._look_at = 0
        self._tidy_at = clock() + TIDY_FIRST
        self._folding: Future[int] | None = None

    @property
    def wait(self) -> int:
        """How long nothing is to be done, in ms."""
        return max(0, min(self._sweep, self._look_at - self._clock()))

    def expect(self, at: int) -> None:
        """Look at this moment (ms) too."""
        self._look_at = min(self._look_at, at)

    def look(self) -> set[int]:
        """Do what is due; returns the chats in which something came up. Quick when it is not time yet."""
        now = self._clock()
        if now < self._look_at:
            return set()
        with self._database.read() as session:
            due = session.execute(_due).one()
        chats = self._serve_chats(due, now)
        if due.delta_id is not None:
            self._fold(now)
        if due.words_behind:
            self._database.writer.submit(word_index.catch_up, None)
        if now >= self._tidy_at:
            self._tidy(now)
        self._look_at = min(
            now + (ERRAND_PAUSE if due.errand_id else self._sweep),
            _later(due.due_at, now),
            _later(due.pause_ends, now),
        )
        return chats

    def _serve_chats(self, due: Any, now: int) -> set[int]:
        """Do what shows in chats, by a row of `_due`; returns them."""
        writer = self._database.writer
        chats: set[int] = set()
        if due.due_at is not None and due.due_at <= now:
            chats |= writer.submit(schedules.deliver, now).result()
        if due.fault_id is not None or due.rollout_id is not None:
            chats |= writer.submit(alerts.send_due, now).result()
        if due.pause_ends is not None and due.pause_ends <= now:
            chats |= writer.run(lambda db: handoff.let_go(db, now))
        if due.errand_id is not None:
            chats |= self._database.write(lambda session: errands.advance(session, now))
        return chats

    def _fold(self, now: int) -> None:
        """Have numbers added up, without waiting: messages come first, and readers add what is left themselves."""
        if self._folding is None or self._folding.done():
            self._folding = self._database.writer.submit(rollups.fold, now)

    def _tidy(self, now: int) -> None:
        """Forget one batch: what a larger one would hold up are messages."""
        gone = self._database.writer.run(lambda db: memory.sweep(db, now, TIDY_BATCH))
        gone = max(gone, self._database.writer.run(lambda db: rollups.prune(db, now, TIDY_BATCH)))
        over = packing.loose_since(now)
        gone = max(gone, self._database.writer.run(lambda db: packing.pack(db, over, TIDY_BATCH)))
        if gone < TIDY_BATCH:
            self._database.writer.run(lambda db: faults.forget(db, now))
            self._tidy_at = now + TIDY_EVERY


def _later(due_at: int | None, now: int) -> int:
    """Return when the next of a kind is due, if it is not due already."""
    return due_at if due_at is not None and due_at > now else now + TIDY_EVERY
