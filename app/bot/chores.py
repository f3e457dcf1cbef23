"""What a worker does beside its messages: deliver schedules, send alerts, forget what has expired."""

from collections.abc import Callable

from sqlalchemy import func, select

from app.bot import alerts, faults, schedules
from app.bot.models import Fault, Schedule
from app.brains import memory
from app.writer import Database

# Expired memory is looked for this often, and this soon after the start (ms).
TIDY_EVERY = 3_600_000
TIDY_FIRST = 60_000
TIDY_BATCH = 500

_due = select(
    select(func.min(Schedule.due_at)).scalar_subquery().label("due_at"),
    select(func.min(Fault.id)).where(Fault.tell_to.is_not(None)).scalar_subquery().label("fault_id"),
)


class Chores:
    """Looks every `sweep` ms, or when something is known to be due; safe beside other workers' looks."""

    def __init__(self, database: Database, clock: Callable[[], int], sweep: int) -> None:
        self._database = database
        self._clock = clock
        self._sweep = sweep
        self._look_at = 0
        self._tidy_at = clock() + TIDY_FIRST

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
            due_at, fault_id = session.execute(_due).one()
        chats: set[int] = set()
        if due_at is not None and due_at <= now:
            chats |= self._database.writer.submit(schedules.deliver, now).result()
        if fault_id is not None:
            chats |= self._database.writer.submit(alerts.send_due, now).result()
        if now >= self._tidy_at:
            self._tidy(now)
        later = due_at if due_at is not None and due_at > now else now + self._sweep
        self._look_at = min(now + self._sweep, later)
        return chats

    def _tidy(self, now: int) -> None:
        """Forget one batch: what a larger one would hold up are messages."""
        gone = self._database.writer.run(lambda db: memory.sweep(db, now, TIDY_BATCH))
        if gone < TIDY_BATCH:
            self._database.writer.run(lambda db: faults.forget(db, now))
            self._tidy_at = now + TIDY_EVERY
